"""An Iceberg table as pyiceberg and Polars read it, by a catalog that these tests configure themselves.

It must not hold tests.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.table import Table

from tests.delta.places import sort_rows
from tests.views.lakes import Place


def find_settings(place: Place) -> dict[str, str]:
    """What reaches the place, in pyiceberg's words."""
    if place.storage is None:
        return {}
    return {
        "s3.endpoint": place.storage.endpoint_url,
        "s3.region": "us-east-1",
        "s3.access-key-id": str.__str__(place.storage.access_key_id),
        "s3.secret-access-key": str.__str__(place.storage.secret_access_key),
    }


def open_catalog(sqlite: Path, place: Place, kind: type[SqlCatalog] = SqlCatalog) -> SqlCatalog:
    """The catalog in a file, with the keys of the place."""
    return kind("lakekit", uri=f"sqlite:///{sqlite}", **find_settings(place))


def load(sqlite: Path, place: Place, name: str = "lake.t") -> Table:
    """The table of that name, as it is now."""
    catalog = open_catalog(sqlite, place)
    try:
        return catalog.load_table(name)
    finally:
        catalog.close()


def read_both(there: Table, place: Place) -> pl.DataFrame:
    """All rows by pyiceberg's own reader, after a look that Polars finds the same."""
    own = sort_rows(pl.DataFrame(pl.from_arrow(there.scan().to_arrow())))
    assert sort_rows(pl.scan_iceberg(there, storage_options=find_settings(place)).collect()).equals(own)
    return own


def list_planned(there: Table, row_filter: str) -> list[str]:
    """The names of the files that a scan would read."""
    return sorted(task.file.file_path.rpartition("/")[2] for task in there.scan(row_filter=row_filter).plan_files())
