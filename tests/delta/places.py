"""Delta tables as deltalake writes them, in a folder and on S3, and all rows of one by each reader.

It must not hold tests.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import polars as pl
import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

import lakekit as lk
from lakekit.storage import open_store
from lakekit.storage.clients import make_delta_options
from tests.manifest.places import Place


@dataclass(frozen=True)
class DeltaPlace:
    """Where one Delta table is.

    Attributes:
        place: the address and how to reach it.
    """

    place: Place

    @property
    def url(self) -> str:
        return self.place.url

    @property
    def options(self) -> dict[str, str] | None:
        """storage_options of deltalake and of Polars."""
        store = open_store(self.place.url, self.place.storage)
        return make_delta_options(store.address, store.storage)

    def write(self, rows: pa.Table | dict, **options) -> None:
        table = rows if isinstance(rows, pa.Table) else pa.table(rows)
        write_deltalake(self.url, table, storage_options=self.options, **options)

    def delta(self) -> DeltaTable:
        return DeltaTable(self.url, storage_options=self.options)

    def open(self, **options) -> lk.Table:
        return lk.open_table(self.url, storage=self.place.storage, **options)

    def scan(self, version: int | None = None) -> pl.DataFrame:
        """All rows of a version, as Polars reads them by the log."""
        return sort_rows(pl.scan_delta(self.url, version=version, storage_options=self.options).collect())


def sort_rows(rows: pl.DataFrame) -> pl.DataFrame:
    """The same rows and columns in one order, times in UTC."""
    ordered = rows.select(sorted(rows.columns))
    return ordered.with_columns(pl.selectors.datetime(time_zone="*").dt.convert_time_zone("UTC")).sort(pl.all())


def read_all(table: lk.Table) -> pl.DataFrame:
    """All rows of a table by Polars, after a look that DuckDB and Arrow find the same."""
    rows = sort_rows(table.polars().collect())
    with duckdb.connect() as con:
        assert sort_rows(table.duckdb(con).pl()).equals(rows)
    assert sort_rows(pl.DataFrame(pl.from_arrow(table.arrow().read_all()))).equals(rows)
    return rows
