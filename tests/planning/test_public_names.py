"""lk.streams, lk.transfer, lk.choose and lk.iam are modules whose names are all there, and all shown by example."""

import ast
import inspect
from pathlib import Path

import pytest

import lakekit as lk

MODULES = ["streams", "transfer", "choose", "iam"]


@pytest.mark.parametrize("name", MODULES)
def test_every_name_is_there_and_every_function_shows_an_example(name):
    module = getattr(lk, name)
    assert inspect.ismodule(module)
    assert sorted(module.__all__) == sorted(set(module.__all__))
    functions = [getattr(module, each) for each in module.__all__ if inspect.isfunction(getattr(module, each))]
    assert functions
    assert [each.__name__ for each in functions if ">>> " not in (each.__doc__ or "")] == []


@pytest.mark.parametrize("name", ["streams", "transfer"])
def test_a_module_without_rules_of_its_own_offers_all_that_it_imports(name):
    module = getattr(lk, name)
    tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    imported = [alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names]
    assert sorted(imported) == sorted(module.__all__)


@pytest.mark.parametrize("name", MODULES)
def test_no_function_takes_more_than_five_parameters(name):
    module = getattr(lk, name)
    for each in module.__all__:
        if inspect.isfunction(getattr(module, each)):
            assert len(inspect.signature(getattr(module, each)).parameters) <= 5, each
