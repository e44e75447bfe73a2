"""pyiceberg, which is an optional package.

It must not be loaded before the metadata of a table is there to be read, or to be written.
"""

from __future__ import annotations

from types import ModuleType

from lakekit.errors import MissingPackage


def import_pyiceberg(why: str) -> ModuleType:
    """The package.

    Args:
        why: it is needed, as a sentence.

    Raises:
        MissingPackage: it is not installed.
    """
    try:
        import pyiceberg
    except ImportError as exc:
        raise MissingPackage(f"{why} Iceberg tables need pyiceberg.", hint='pip install "lakekit[iceberg]".') from exc
    return pyiceberg
