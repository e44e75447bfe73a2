"""The shape of the code, read from the code: imports point one way, engines load late, files and functions stay short.

It must not import lakekit in this process: what `import lakekit` loads is looked at in fresh ones.
"""

import ast
import functools
import re
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

parse = functools.cache(ast.parse)  # of a text; nobody changes a tree
ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "lakekit"
FOLDERS = ("lakekit", "tests", "tools", "benchmarks")

# A module imports only modules of a lower rank. Lenses share the rank of the views, and so can never import them.
RANK = {
    "columns": 0, "digits": 0, "display": 0, "errors": 0, "units": 0,
    "prices": 1, "progress": 1,
    "storage": 2,
    "arguments": 2.5,  # shows no secret
    "manifest": 3,
    "delta": 3.2,  # what the log of a Delta table says of its files
    "iceberg": 3.2,  # likewise the metadata of an Iceberg table
    "logs": 3.3,  # either of these
    "receipts": 3.5,  # the views tell it what queries read
    "views": 4, "layout": 4, "tiering": 4, "dynamodb": 4, "planning": 4,
    "spark": 4.5,  # a view that a table makes of itself, like those of views, which it reads with
    "table": 5,
    "entries": 5.5,  # where the tables of a lake are read, when not in its own folders
    "hive": 5.5,  # tables in the words of catalogs: publish writes them, glue reads them
    "catalog": 6,
    "ingest": 6.5, "cdc": 6.5, "compaction": 6.5, "publish": 6.5,  # open tables; the first four write
    "sizing": 6.5,  # layout, and the queries of a table in SQL, which views read
    "lake": 7,
    "glue": 7.5,  # a lake whose tables a catalog names
    "sample": 8, "magic": 8,
    "lakekit": 9,  # __init__.py: names the public names, loads each when it is asked for
    "demo": 10, "widgets": 10,
    "workshop": 10.5, "cli": 11, "__main__": 12,
}  # fmt: skip
ENGINES_AND_WIDGETS = ("duckdb", "polars", "pyarrow", "numpy", "ipywidgets", "matplotlib")
CLIENTS = ("boto3", "botocore", "aiobotocore", "s3fs", "obstore", "moto")
MOST_LINES_A_FILE = 400
MOST_LINES_A_FUNCTION = 40
IMPORT_SECONDS = 0.3


def get_part(path: Path) -> str:
    """The name in RANK that a file of the package belongs to: its folder, its own name, or lakekit."""
    first = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    return "lakekit" if first == "__init__" else first


def find_imports(tree: ast.AST) -> Iterator[tuple[ast.stmt, str]]:
    """Every module that is imported at run time, with its statement; `if TYPE_CHECKING:` does not run."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield from ((node, f"{module}.{alias.name}") for alias in node.names)
        yield from find_imports(node)


def find_top_imports(tree: ast.Module) -> list[str]:
    """The modules that are imported when the file is, not when one of its functions is called."""
    late = {
        id(statement)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for statement in ast.walk(function)
    }
    return [name for statement, name in find_imports(tree) if id(statement) not in late]


def get_imported_part(name: str) -> str | None:
    """The name in RANK that an import reaches: `lakekit.views.x` is views, `lakekit.open_lake` is lakekit."""
    first, _, rest = name.partition(".")
    if first != "lakekit":
        return None
    part = rest.partition(".")[0]
    is_module = part in RANK or (PACKAGE / f"{part}.py").is_file() or (part and (PACKAGE / part).is_dir())
    return part if is_module else "lakekit"


def find_wrong_imports(path: Path, text: str) -> list[str]:
    """The imports of a file that do not point down, in words."""
    part, wrong = get_part(path), []
    for statement, name in find_imports(parse(text)):
        imported = get_imported_part(name)
        if name.startswith("."):
            wrong.append(f"line {statement.lineno}: write the whole name, not a relative {name}")
        elif imported and imported != part and RANK.get(imported, 99) >= RANK.get(part, -1):
            wrong.append(f"line {statement.lineno}: {part} must not import {imported} ({name})")
    return wrong


def count_code_lines(function: ast.FunctionDef | ast.AsyncFunctionDef, text: str) -> int:
    """The lines of a function without its docstring, its comments and its blank lines."""
    lines = text.splitlines()
    body = function.body
    if ast.get_docstring(function) is not None:
        docstring, body = body[0], body[1:]
        lines[docstring.lineno - 1 : docstring.end_lineno] = [""] * (docstring.end_lineno - docstring.lineno + 1)
    own = lines[function.lineno - 1 : function.end_lineno]
    return sum(bool(line.strip()) and not line.strip().startswith("#") for line in own)


def name_path(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def list_code(folder: Path) -> list[Path]:
    """Every Python file of a folder."""
    return [path for path in sorted(folder.rglob("*.py")) if "/." not in f"/{path.relative_to(folder).as_posix()}"]


def read_code(*folders: Path) -> dict[str, tuple[Path, str]]:
    """By name every Python file of these folders, with its text."""
    files = [path for folder in folders for path in list_code(folder)]
    assert len(files) > len(folders)
    return {name_path(path): (path, path.read_text(encoding="utf-8")) for path in files}


def test_every_module_has_a_place_in_the_rank_table():
    unplaced = sorted({get_part(path) for path in PACKAGE.rglob("*.py")} - RANK.keys())
    assert not unplaced, f"give {unplaced} a rank in RANK of {name_path(Path(__file__))}: what may it import?"


def test_imports_point_one_way():
    wrong = {name: find_wrong_imports(path, text) for name, (path, text) in read_code(PACKAGE).items()}
    assert {name: found for name, found in wrong.items() if found} == {}


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("storage/address.py", "from lakekit.manifest import types"),
        ("storage/address.py", "def f():\n    import lakekit.views"),
        ("storage/address.py", "from lakekit import open_lake"),
        ("layout/sizing.py", "from lakekit.views.duckdb import create_duckdb_view"),
        ("lake.py", "import lakekit.widgets"),
        ("table.py", "from . import errors"),
    ],
)
def test_an_import_that_points_up_is_found(path, line):
    assert len(find_wrong_imports(PACKAGE / path, line)) == 1


def test_an_import_that_points_down_is_fine():
    lines = ["import duckdb", "from lakekit.errors import CorruptFile", "from lakekit import units"]
    lines += ["import lakekit.storage.address", "if TYPE_CHECKING:", "    from lakekit.widgets import Panel"]
    assert find_wrong_imports(PACKAGE / "lake.py", "\n".join(lines)) == []


def test_no_two_files_import_each_other_when_loaded():
    modules = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in PACKAGE.rglob("*.py")}
    modules = {name.removesuffix(".__init__"): path for name, path in modules.items()}
    graph = {}
    for name, path in modules.items():
        imported = find_top_imports(parse(path.read_text(encoding="utf-8")))
        graph[name] = {_find_module(one, modules) for one in imported} - {None, name}
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the ring


def _find_module(imported: str, modules: dict[str, Path]) -> str | None:
    """`lakekit.errors.CorruptFile` lives in lakekit.errors."""
    while imported and imported not in modules:
        imported = imported.rpartition(".")[0]
    return imported or None


def test_storage_loads_s3_clients_inside_functions():
    for name, (_, text) in read_code(PACKAGE / "storage").items():
        assert {imported.split(".")[0] for imported in find_top_imports(parse(text))}.isdisjoint(CLIENTS), name


def test_no_file_is_longer_than_it_may_be():
    files = read_code(*[ROOT / folder for folder in FOLDERS])
    lines = {name: len(text.splitlines()) for name, (_, text) in files.items()}
    assert {name: count for name, count in lines.items() if count > MOST_LINES_A_FILE} == {}


def test_no_function_is_longer_than_it_may_be():
    lines = {
        f"{name}, {function.name}, line {function.lineno}": count_code_lines(function, text)
        for name, (_, text) in read_code(PACKAGE).items()
        for function in ast.walk(parse(text))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert {name: count for name, count in lines.items() if count > MOST_LINES_A_FUNCTION} == {}


def test_docstrings_comments_and_blank_lines_are_not_code():
    text = 'def add(a, b):\n    """Two\n    lines."""\n\n    # why\n    total = a + b\n    return total\n'
    assert count_code_lines(parse(text).body[0], text) == 3  # def, total, return


def test_every_module_says_what_it_is_for():
    silent = [
        name for name, (_, text) in read_code(PACKAGE).items() if text.strip() and not ast.get_docstring(parse(text))
    ]
    assert silent == []


def test_no_module_is_named_after_nothing_in_particular():
    vague = {"util", "utils", "helper", "helpers", "misc", "common"}
    assert [name_path(path) for path in PACKAGE.rglob("*") if path.stem.strip("_") in vague] == []


def run_python(code: str) -> str:
    """What a fresh Python prints."""
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout.strip()


def test_import_lakekit_loads_no_engine_no_s3_client_and_no_widget():
    loaded = run_python("import sys, lakekit; print(*{name.split('.')[0] for name in sys.modules})").split()
    assert set(loaded).isdisjoint(ENGINES_AND_WIDGETS + CLIENTS)


def test_import_lakekit_is_quick():
    code = "import time; start = time.perf_counter(); import lakekit; print(time.perf_counter() - start)"
    seconds = [float(run_python(code)) for _ in range(5)]
    assert min(seconds) < IMPORT_SECONDS  # the quickest of five: the others waited for the machine, not for lakekit


def test_every_public_name_is_there():
    missing = run_python("import lakekit; print(*[name for name in lakekit.__all__ if not hasattr(lakekit, name)])")
    assert missing == ""
    assert run_python("import lakekit; print(*sorted(set(lakekit.__all__) - set(dir(lakekit))))") == ""


def test_every_public_function_shows_an_example():
    code = (
        "import inspect, lakekit\n"
        "for name in lakekit.__all__:\n"
        "    value = getattr(lakekit, name)\n"
        "    if inspect.isfunction(value) and '>>> ' not in (value.__doc__ or ''):\n"
        "        print(name)"
    )
    assert run_python(code).split() == []


SECRETS_AND_MACHINES = {
    "an AWS access key": r"\b(?:AKIA|ASIA)(?!\w*EXAMPLE)[0-9A-Z]{16}\b",
    "a secret key": r"(?i)secret\w*[\"']?\s*[:=]\s*[\"']?(?!\S*EXAMPLE)[A-Za-z0-9/+]{40}\b",
    "a private key": r"-----BEGIN [A-Z ]*PRIVATE" + " KEY-----",
    "a token": r"\b(?:gh[pousr]_|github_pat_|pypi-AgE|xox[abp]-)\w{16,}",
    "a folder of one machine": r"(?<![\w.])/(?:home|Users)/(?!(?:me|you|user|name)\b)[\w.-]+/|(?<![\w.])/roo[t]/",
}


def find_secrets(text: str) -> list[str]:
    """What a text holds that only one person or one machine should, in words."""
    here = rf"{re.escape(str(ROOT))}/(?:lakekit|data|notebooks|tests|tools|\.venv)\b"
    patterns = SECRETS_AND_MACHINES | {"a folder of this checkout": here}
    return [what for what, pattern in patterns.items() if re.search(pattern, text)]


def test_no_file_names_a_secret_or_a_machine():
    command = ["git", "ls-files", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    if listed.returncode:
        pytest.skip("this is not a git checkout")
    found = {}
    for name in filter(None, listed.stdout.decode().split("\0")):
        content = (ROOT / name).read_bytes() if (ROOT / name).is_file() else b""
        if b"\0" not in content and (what := find_secrets(content.decode(errors="replace"))):
            found[name] = what
    assert found == {}


@pytest.mark.parametrize(
    "text",
    [
        "AKIA" + "Q" * 16,
        "aws_secret_access_key = " + "a1B2" * 10,
        "/".join(["", "home", "ann", "lake"]),
        f"{ROOT}/data",
    ],
)
def test_a_secret_or_a_machine_is_found(text):
    assert find_secrets(text)
