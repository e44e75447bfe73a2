"""The pages on Spark and on consumers: what stands in their Python blocks is what comes out."""

import doctest
import os
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@pytest.mark.parametrize("name", ["spark.md", "consumers.md"])
def test_the_blocks_of_a_page_give_what_it_says(name, monkeypatch):
    monkeypatch.setattr(os, "environ", os.environ.copy())
    monkeypatch.chdir(DOCS.parent)
    done = doctest.testfile(str(DOCS / name), module_relative=False, optionflags=FLAGS)
    assert done.attempted > 5 and done.failed == 0


def test_the_pages_name_functions_that_exist():
    import lakekit as lk

    assert all(hasattr(lk, name) for name in ("open_glue", "embedded_spark", "publish", "spark"))
