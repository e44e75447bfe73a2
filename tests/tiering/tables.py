"""Small tables for the tests of tiering: a frame of files behind the same face as a real table's."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import polars as pl

from lakekit.storage import Address
from lakekit.tiering.temperature import Heat

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class FakeStore:
    """An address, and nothing behind it."""

    address: Address


@dataclass
class FrameTable:
    """A table that is known by its listing only."""

    name: str
    store: FakeStore
    files: pl.DataFrame


def make_table(files, *, url=("s3", "lake", "t"), name="t"):
    """A table of files given as (path, bytes, age in days) or (path, bytes, age in days, class)."""
    rows = [
        (path, size, NOW - timedelta(days=age), rest[0] if rest else "STANDARD") for path, size, age, *rest in files
    ]
    schema = {
        "path": pl.String,
        "size_bytes": pl.Int64,
        "modified_at": pl.Datetime("us", "UTC"),
        "storage_class": pl.String,
    }
    return FrameTable(name, FakeStore(Address(*url)), pl.DataFrame(rows, schema=schema, orient="row"))


DEFAULTS = {
    "storage_class": "STANDARD", "files": 1, "size_bytes": 2**30, "small_files": 0, "small_bytes": 0, "age_days": 100.0,
    "reads_per_month": 0.0, "requests_per_month": 0.0, "bytes_per_month": 0.0, "file_reads_per_month": 0.0,
    "file_bytes_per_month": 0.0, "watched_days": 365.0, "days_since_read": None, "temperature": "cold", "rule": "",
}  # fmt: skip


def make_heat(rows, *, table="t"):
    """The heat of a table whose partitions are given as changes to DEFAULTS, folders by number."""
    made = [{"folder": f"p={number:03}/"} | DEFAULTS | row for number, row in enumerate(rows)]
    frame = pl.DataFrame(made, schema_overrides={"days_since_read": pl.Float64}, infer_schema_length=None)
    floats = ["age_days", "reads_per_month", "requests_per_month", "bytes_per_month"]
    floats += ["file_reads_per_month", "file_bytes_per_month"]
    return Heat(table, frame.with_columns(pl.col(floats).cast(pl.Float64)), "a test", NOW, 365.0)
