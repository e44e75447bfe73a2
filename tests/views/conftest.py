"""A lake of each kind for tests that only read."""

import pytest

import lakekit as lk
from tests.views.lakes import make_place, put_days


@pytest.fixture(scope="module", params=["folder", "s3"])
def day_lake(request, tmp_path_factory) -> lk.Lake:
    """A lake of each kind with the table of put_days; not to be written to."""
    place = make_place(request.param, tmp_path_factory.mktemp("days"))
    put_days(place)
    return place.open_lake()
