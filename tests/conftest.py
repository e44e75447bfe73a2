"""Places for small lakes: a folder, and S3 in this process. Folders of tests that need others have their own."""

import pytest

from tests.views.lakes import Place, make_place

collect_ignore = ["without"]  # what stands in the way of packages


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
