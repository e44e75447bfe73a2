"""Notebooks are stored in one form, and the check that says so finds each way in which they are not."""

import os
import shutil
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tools.refresh_notebooks import NOTEBOOKS, check_notebooks, execute_notebook, find_faults, refresh_notebooks


@pytest.fixture(scope="module")
def refreshed(tmp_path_factory):
    """A small notebook, run and stored by a refresh; not to be changed."""
    path = tmp_path_factory.mktemp("notebooks") / "00-count.ipynb"
    cells = [
        new_markdown_cell("# How many?"),
        new_code_cell("files = 31"),
        new_code_cell("print('counting')\nfiles + 1", metadata={"tags": ["solution"], "scrolled": True}),
        new_code_cell("1 / 0", metadata={"tags": ["raises-exception"], "jupyter": {"source_hidden": True}}),
    ]
    nbformat.write(new_notebook(cells=cells), path)
    assert refresh_notebooks([path]) == 0
    return path


@pytest.fixture
def stored(refreshed, tmp_path):
    """A copy of it."""
    return Path(shutil.copy(refreshed, tmp_path))


def change(path, edit):
    notebook = nbformat.read(path, as_version=4)
    edit(notebook)
    nbformat.write(notebook, path)


def test_the_notebooks_of_this_project_are_stored_as_they_should_be():
    assert {path.name: faults for path in NOTEBOOKS.glob("*.ipynb") if (faults := find_faults(path))} == {}


def test_a_refresh_stores_outputs_counts_and_nothing_of_this_machine(stored):
    notebook = nbformat.read(stored, as_version=4)
    _, first, second, failing = notebook.cells
    assert [cell.id for cell in notebook.cells] == ["cell-00", "cell-01", "cell-02", "cell-03"]
    assert [cell.execution_count for cell in (first, second, failing)] == [1, 2, 3]
    assert [output.get("text") or output.data["text/plain"] for output in second.outputs] == ["counting\n", "32"]
    assert second.metadata == {"tags": ["solution"]}
    assert failing.metadata == {"tags": ["raises-exception"], "jupyter": {"source_hidden": True}}
    assert failing.outputs[0].traceback == ["ZeroDivisionError: division by zero"]
    assert "version" not in notebook.metadata.language_info
    assert find_faults(stored) == []


def test_a_second_refresh_changes_nothing(stored):
    before = stored.read_bytes()
    assert refresh_notebooks([stored]) == 0
    assert stored.read_bytes() == before


def test_a_notebook_that_fails_stays_as_it_was(stored, capsys):
    change(stored, lambda notebook: notebook.cells.append(new_code_cell("1 / 0")))
    before = stored.read_bytes()
    assert refresh_notebooks([stored]) == 1
    assert stored.read_bytes() == before
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_a_cell_that_needs_aws_is_not_run_and_what_it_showed_is_not_stored(stored):
    def ask_aws(notebook):
        shown = [new_output("stream", text="account 123456789012")]
        tags = {"tags": ["nbval-skip"]}
        notebook.cells.insert(2, new_code_cell("1 / 0", metadata=tags, execution_count=9, outputs=shown))

    change(stored, ask_aws)
    assert "not in the form" in find_faults(stored)[0]
    assert refresh_notebooks([stored]) == 0
    cells = nbformat.read(stored, as_version=4).cells
    assert (cells[2].source, cells[2].execution_count, cells[2].outputs) == ("1 / 0", None, [])
    assert [cell.execution_count for cell in (cells[1], cells[3], cells[4])] == [1, 2, 3]
    assert find_faults(stored) == []


TWICE = "*.ipynb" if "LAKEKIT_TORTURE_ROUNDS" in os.environ else "07-*.ipynb"  # 12 s; all of them, minutes


@pytest.mark.torture
@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob(TWICE)), ids=lambda path: path.stem)
def test_all_cells_run_a_second_time_in_the_same_kernel(path, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "")  # Spark needs pandas
    notebook = nbformat.read(path, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    notebook.cells = [new_code_cell(cell.source, metadata=cell.metadata) for cell in code * 2]
    nbformat.write(notebook, tmp_path / path.name)
    left_out = [cell for cell in execute_notebook(tmp_path / path.name).cells if cell.execution_count is None]
    assert all("nbval-skip" in cell.metadata.tags for cell in left_out)


def clear_a_cell(notebook):
    notebook.cells[2].update(execution_count=None, outputs=[])


def count_out_of_order(notebook):
    notebook.cells[2].execution_count = 7


def forget_the_tag(notebook):
    notebook.cells[3].metadata.pop("tags")


def keep_widget_state(notebook):
    notebook.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": {}}


def keep_a_widget_view(notebook):
    view = {"application/vnd.jupyter.widget-view+json": {"model_id": "1"}, "text/plain": "IntSlider()"}
    notebook.cells[1].outputs = [new_output("display_data", data=view)]


def save_in_jupyterlab(notebook):
    notebook.metadata.language_info["version"] = "3.12.1"


@pytest.mark.parametrize(
    ("edit", "fault"),
    [
        (clear_a_cell, "cell 2 was not run"),
        (forget_the_tag, "cell 3 is stored with an error"),
        (count_out_of_order, "not in the form"),
        (keep_widget_state, "not in the form"),
        (keep_a_widget_view, "not in the form"),
        (save_in_jupyterlab, "not in the form"),
    ],
)
def test_a_notebook_that_is_not_as_a_refresh_leaves_it_is_found(stored, capsys, edit, fault):
    change(stored, edit)
    assert check_notebooks([stored]) == 1
    assert f"00-count.ipynb: {fault}" in capsys.readouterr().err.replace("it is ", "")
