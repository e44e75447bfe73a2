"""deltalake, which is an optional package.

It must not be loaded before a log is there to be read.
"""

from __future__ import annotations

from types import ModuleType

from lakekit.errors import MissingPackage


def import_deltalake(why: str) -> ModuleType:
    """The package.

    Args:
        why: it is needed, as a sentence.

    Raises:
        MissingPackage: it is not installed.
    """
    try:
        import deltalake
    except ImportError as exc:
        raise MissingPackage(f"{why} Delta tables need deltalake.", hint='pip install "lakekit[delta]".') from exc
    return deltalake
