"""The surroundings of every test, docstring and notebook: nobody's AWS account, nobody's caches, repeatable choices.

It must not hold fixtures: those stand beside the tests that use them.
"""

import functools
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("lakekit", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("lakekit")


def pytest_configure(config):
    """Hides the user's AWS settings and caches; kernels and servers that tests start inherit it."""
    for variable in [name for name in os.environ if name.startswith("AWS_") and name != "AWS_CA_BUNDLE"]:
        del os.environ[variable]
    os.environ.update(
        AWS_CONFIG_FILE=os.devnull,
        AWS_SHARED_CREDENTIALS_FILE=os.devnull,
        AWS_EC2_METADATA_DISABLED="true",
        LAKEKIT_PROGRESS="off",  # a slow machine would show bars where stored outputs have none
    )
    cache = tempfile.TemporaryDirectory(prefix="lakekit-cache-", ignore_cleanup_errors=True)
    os.environ["LAKEKIT_CACHE_DIR"] = cache.name
    config.add_cleanup(cache.cleanup)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    """Processes that tests start find no pandas, as most users' do, and start half a second sooner; Spark needs it."""
    without_pandas = str(Path(__file__).parent / "tests" / "without")
    os.environ["PYTHONPATH"] = "" if _starts_spark(item.path) else without_pandas


@functools.cache
def _starts_spark(path):
    return path.suffix == ".ipynb" and "embedded_spark" in path.read_text("utf-8")
