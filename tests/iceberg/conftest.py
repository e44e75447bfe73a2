"""An empty place for an Iceberg table: a folder, and S3 in this process."""

import pytest

from tests.iceberg.places import IcebergPlace
from tests.manifest.places import make_place


@pytest.fixture(params=["folder", "s3"])
def place(request, tmp_path) -> IcebergPlace:
    """An empty place of each kind."""
    return IcebergPlace(make_place(request.param, tmp_path), tmp_path / "catalog")


@pytest.fixture
def folder(tmp_path) -> IcebergPlace:
    """An empty folder."""
    return IcebergPlace(make_place("folder", tmp_path), tmp_path / "catalog")
