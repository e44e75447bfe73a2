"""An empty place for a Delta table: a folder, and S3 in this process."""

import pytest

from tests.delta.places import DeltaPlace
from tests.manifest.places import make_place


@pytest.fixture(params=["folder", "s3"])
def place(request, tmp_path) -> DeltaPlace:
    """An empty place of each kind."""
    return DeltaPlace(make_place(request.param, tmp_path))


@pytest.fixture
def folder(tmp_path) -> DeltaPlace:
    """An empty folder."""
    return DeltaPlace(make_place("folder", tmp_path))
