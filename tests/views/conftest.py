"""Places for small lakes: a folder, and S3 in this process."""

import pytest

import lakekit as lk
from tests.views.lakes import Place, make_place, put_days


@pytest.fixture(params=["folder", "s3"])
def place(request, tmp_path) -> Place:
    """An empty place of each kind."""
    return make_place(request.param, tmp_path)


@pytest.fixture
def folder(tmp_path) -> Place:
    """An empty folder."""
    return make_place("folder", tmp_path)


@pytest.fixture
def s3(tmp_path) -> Place:
    """An empty prefix on S3."""
    return make_place("s3", tmp_path)


@pytest.fixture(scope="module", params=["folder", "s3"])
def day_lake(request, tmp_path_factory) -> lk.Lake:
    """A lake of each kind with the table of put_days; not to be written to."""
    place = make_place(request.param, tmp_path_factory.mktemp("days"))
    put_days(place)
    return place.open_lake()
