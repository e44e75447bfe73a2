"""Every notebook keeps to one model: a question, a guess, the slow way, a better way, exercises, limits, an answer.

What its cells compute and print is compared when the notebooks run under nbval; this looks at how they are written.
"""

import re
import statistics
from pathlib import Path

import nbformat
import pytest

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
KERNEL = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
SECTIONS = [
    "# ",
    "**The question.**",
    "**The shape of the answer.**",
    "**Time to learn:**",
    "**What you'll do:**",
    "**What you'll learn**",
    "**What you'll need:**",
    "## Set up",
    "## Look first",
    "**Guess",
    "## The slow way",
    "## The better way",
    "## Exercises",
    "## When this is wrong",
    "## Summary",
    "## What's next",
    "## Sources",
]
TAGS = {"exercise", "solution", "raises-exception", "nbval-ignore-output", "nbval-skip"}
SECRETS = re.compile(
    r"(AKIA|ASIA)[0-9A-Z]{16}|BEGIN [A-Z ]*PRIVATE KEY|X-Amz-(Signature|Credential|Security-Token)"
    r"|embedded-not-a-secret|(secret_access_key|session_token|aws_secret\w*|password)['\"]?\s*[=:]\s*['\"]",
    re.IGNORECASE,
)
MACHINE = re.compile(
    r"/(home|root|Users|tmp|work|var|opt|mnt|private|usr)/\w|\b[A-Za-z]:\\\\?\w|file://|site-packages"
    r"|\b(127\.0\.0\.1|localhost)\b|\b0x[0-9a-fA-F]{6,}"
)
ABSOLUTE = re.compile(r"""["'](/|~)[A-Za-z]""")


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def path(request):
    return request.param


@pytest.fixture
def notebook(path):
    return nbformat.read(path, as_version=4)


def code_of(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def prose_of(notebook):
    return "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def tags_of(cell):
    return cell.metadata.get("tags", [])


def tagged(notebook, tag):
    return [cell for cell in code_of(notebook) if tag in tags_of(cell)]


def texts_of(notebook):
    """Everything that a notebook shows, cell by cell: sources, and all texts of outputs."""
    for cell in notebook.cells:
        yield cell.source
        for output in cell.get("outputs", []):
            yield from (str(value) for kind, value in output.get("data", {}).items() if not kind.startswith("image/"))
            yield from (output.get("text", ""), output.get("evalue", ""), *output.get("traceback", []))


def items_after(prose, heading):
    """The numbered items that follow a heading."""
    section = prose.partition(heading)[2]
    return re.findall(r"^(\d)\. ", re.split(r"\n(?=##? |\*\*)", section, maxsplit=1)[0], re.MULTILINE)


COURSE = [f"{number:02}" for number in range(8)]


def test_each_notebook_has_a_number_of_its_own_in_the_course():
    numbers = [path.stem.partition("-")[0] for path in NOTEBOOKS]
    assert numbers[0] == "00" and len(set(numbers)) == len(numbers) and set(numbers) <= set(COURSE)


def test_every_code_cell_was_run_once_in_order_by_the_plain_python_kernel(notebook):
    ran = [cell for cell in code_of(notebook) if "nbval-skip" not in tags_of(cell)]
    assert [cell.execution_count for cell in ran] == list(range(1, len(ran) + 1))
    assert notebook.metadata.kernelspec == KERNEL


def test_a_cell_that_needs_aws_says_so_and_stores_nothing_of_anyones_account(notebook):
    for cell in tagged(notebook, "nbval-skip"):
        assert cell.source.startswith("# needs AWS")
        assert cell.execution_count is None and cell.outputs == []
        assert "raises-exception" in tags_of(cell)  # or a run of all cells would end there


def test_the_sections_of_the_model_follow_each_other(notebook):
    prose, position = prose_of(notebook), 0
    for section in SECTIONS:
        found = prose.find(section, position)
        assert found >= 0, f"{section!r} is missing, or not in its place"
        position = found


def test_the_title_asks_for_something_and_the_question_ends_with_a_question_mark(notebook):
    first = notebook.cells[0].source
    assert len(re.findall(r"^# ", prose_of(notebook), re.MULTILINE)) == 1
    assert "?" in first.partition("**The question.**")[2].partition("**The shape")[0]
    assert re.search(r"\*\*Time to learn:\*\* .*minutes", first)


def test_the_summary_answers_each_promise(notebook):
    prose = prose_of(notebook)
    promises = items_after(prose, "**What you'll learn**")
    assert 3 <= len(promises) <= 6
    assert items_after(prose, "## Summary") == promises


def test_cells_are_few_and_short(notebook):
    cells = [cell.source.splitlines() for cell in code_of(notebook)]
    assert 14 <= len(cells) <= 24
    assert max(map(len, cells)) <= 12
    lengths = [len([line for line in cell if line and not line.startswith(("#", "%%"))]) for cell in cells]
    assert statistics.median(lengths) <= 3
    assert max(len(line) for cell in cells for line in cell) <= 120


def test_there_is_enough_prose_and_not_too_much(notebook):
    assert 600 <= len(prose_of(notebook).split()) <= 1_800


def test_a_notebook_is_small_enough_to_read_on_the_web(path):
    assert path.stat().st_size < 300_000


def test_every_tag_is_a_known_one(notebook):
    assert {tag for cell in code_of(notebook) for tag in tags_of(cell)} <= TAGS


def test_two_or_three_exercises_run_unsolved_each_with_its_folded_solution(notebook):
    code = code_of(notebook)
    exercises = [position for position, cell in enumerate(code) if "exercise" in tags_of(cell)]
    assert 2 <= len(exercises) <= 3
    assert [position + 1 for position in exercises] == [
        position for position, cell in enumerate(code) if "solution" in tags_of(cell)
    ]
    for exercise, solution in ((code[position], code[position + 1]) for position in exercises):
        answer = re.match(r"(\w+) = None  # your turn\n", exercise.source)
        assert answer, f"an exercise begins with 'answer = None  # your turn': {exercise.source}"
        assert re.search(rf"^assert {answer[1]} (is None or|in \(None, ).*Hint: ", exercise.source, re.MULTILINE)
        assert solution.source.startswith("# solution\n"), "JupyterLab shows the first line of a folded cell"
        assert re.search(rf"^(\w+, )?{answer[1]} = ", solution.source, re.MULTILINE)
        assert re.search(rf"^assert .*\b{answer[1]}\b", solution.source, re.MULTILINE)
        assert not exercise.outputs
        assert solution.metadata.get("jupyter", {}).get("source_hidden")


def test_an_error_is_taught_and_no_other_cell_fails(notebook):
    failed = [cell for cell in code_of(notebook) if any(output.output_type == "error" for output in cell.outputs)]
    assert failed
    taught = [cell for cell in tagged(notebook, "raises-exception") if "nbval-skip" not in tags_of(cell)]
    assert failed == taught


def test_what_is_not_compared_is_little_and_asserted(notebook):
    ignored = tagged(notebook, "nbval-ignore-output")
    assert len(ignored) <= 3
    assert all("assert" in cell.source for cell in ignored)


def test_the_arithmetic_is_asserted(notebook):
    assert sum("assert " in cell.source for cell in code_of(notebook)) >= 5


def test_a_picture_is_stored_for_those_who_only_read(notebook):
    outputs = [output for cell in code_of(notebook) for output in cell.outputs]
    assert any("image/png" in output.get("data", {}) for output in outputs)


def test_no_progress_bar_of_a_slow_run_is_stored(notebook):
    assert not [text for text in texts_of(notebook) if text.startswith("IntProgress(")]


def test_nothing_of_the_machine_that_ran_it_is_stored(notebook):
    found = [match[0] for text in texts_of(notebook) for match in MACHINE.finditer(text)]
    assert found == []
    assert str(Path.home()) not in "".join(texts_of(notebook))


def test_no_cell_names_an_absolute_path(notebook):
    assert [cell.source for cell in code_of(notebook) if ABSOLUTE.search(cell.source)] == []


def test_no_secret_is_stored(notebook):
    assert [match[0] for text in texts_of(notebook) for match in SECRETS.finditer(text)] == []


def test_no_amounts_in_dollars_are_taken_for_maths(notebook):
    """JupyterLab does so with what is between two dollars; a backslash changes nothing, so prose says USD."""
    prose = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    prose = [re.sub(r"```.*?```|`[^`]*`", "", text, flags=re.DOTALL) for text in prose]
    outputs = [output for cell in code_of(notebook) for output in cell.outputs]
    shown = [text for output in outputs for text in re.split("<[^>]*>", output.get("data", {}).get("text/html", ""))]
    assert [text for text in prose + shown if text.count("$") > 1] == []


def test_links_to_files_of_the_project_lead_somewhere(path, notebook):
    links = re.findall(r"\]\(([^)]+)\)", prose_of(notebook))
    assert links
    assert [link for link in links if "://" not in link and not (path.parent / link).exists()] == []
