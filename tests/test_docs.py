"""The pages of docs/: their Python blocks give what they say, and the page of public names says what docstrings say."""

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def test_the_api_page_is_current():
    command = [sys.executable, "tools/write_api.py", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"docs/api.md is not what the docstrings say: run make docs\n{done.stderr}"


def test_the_api_page_names_no_machine():
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    assert " at 0x" not in page and str(ROOT) not in page
    assert "### lk.open_lake" in page and "### lk.widgets.LakeExplorer" in page


@pytest.mark.parametrize("name", ["spark.md", "consumers.md"])
def test_the_blocks_of_a_page_give_what_it_says(name, monkeypatch):
    monkeypatch.setattr(os, "environ", os.environ.copy())
    monkeypatch.chdir(DOCS.parent)
    done = doctest.testfile(str(DOCS / name), module_relative=False, optionflags=FLAGS)
    assert done.attempted > 5 and done.failed == 0


def test_the_pages_name_functions_that_exist():
    import lakekit as lk

    assert all(hasattr(lk, name) for name in ("open_glue", "embedded_spark", "publish", "spark"))


def test_what_the_page_on_cron_says_runs_from_its_first_command_to_its_last(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    monkeypatch.chdir(tmp_path)
    page, names = (DOCS / "cron.md").read_text(encoding="utf-8"), {}
    for kind, block in re.findall(r"^```(sh|python)\n(.*?)^```", page, re.DOTALL | re.MULTILINE):
        if kind == "sh":
            subprocess.run(["sh", "-ec", block], check=True, capture_output=True)
            continue
        test = doctest.DocTestParser().get_doctest(block, names, "cron.md", "cron.md", 0)
        runner = doctest.DocTestRunner(optionflags=FLAGS)
        runner.run(test, clear_globs=False)
        names = test.globs
        assert runner.failures == 0
    assert runner.tries > 3
