"""One Spark for all tests of this folder: Sail on a free port of this machine."""

import pytest

import lakekit as lk
from tests.views.lakes import Place, make_place


@pytest.fixture(scope="session")
def spark():
    """A running embedded Spark."""
    with lk.embedded_spark() as embedded:
        yield embedded


@pytest.fixture
def session(spark):
    """Its session."""
    return spark.session


@pytest.fixture(params=["folder", "s3"])
def place(request, tmp_path) -> Place:
    """An empty place of each kind."""
    return make_place(request.param, tmp_path)


@pytest.fixture
def folder(tmp_path) -> Place:
    """An empty folder."""
    return make_place("folder", tmp_path)
