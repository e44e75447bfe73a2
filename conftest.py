"""The surroundings of every test, docstring and notebook: nobody's AWS account, nobody's caches, repeatable choices.

It must not hold fixtures: those stand beside the tests that use them.
"""

import os
import tempfile
from pathlib import Path

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
    if hasattr(config, "workerinput") or not config.getoption("numprocesses", None):  # not for the workers themselves
        without_pandas = Path(__file__).parent / "tests" / "without"  # as most users are, and a second quicker
        os.environ["PYTHONPATH"] = str(without_pandas)
