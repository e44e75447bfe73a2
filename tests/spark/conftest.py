"""One Spark for all tests of this folder: Sail on a free port of this machine."""

import pytest

import lakekit as lk


@pytest.fixture(scope="session")
def spark():
    """A running embedded Spark."""
    with lk.embedded_spark() as embedded:
        yield embedded


@pytest.fixture
def session(spark):
    """Its session."""
    return spark.session
