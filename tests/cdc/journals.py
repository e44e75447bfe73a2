"""Writes journals as DMS and Debezium do, and reads their state with both engines."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

import lakekit as lk
from lakekit.storage import open_writer

NOW = datetime(2026, 3, 1, tzinfo=UTC)
START = datetime(2026, 3, 1, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    """So many seconds after the beginning of every journal here."""
    return START + timedelta(seconds=seconds)


class Place:
    """An empty address, with the options to open it."""

    def __init__(self, url, storage=None):
        self.url, self.storage = str(url), storage
        self._writer = open_writer(url, storage)

    def put(self, path: str, content: bytes | str) -> None:
        assert self._writer.put_new(path, content.encode() if isinstance(content, str) else content)

    def put_parquet(self, path: str, table: pa.Table) -> None:
        sink = io.BytesIO()
        pq.write_table(table, sink)
        self.put(path, sink.getvalue())

    def put_csv(self, path: str, rows, **options) -> None:
        sink = io.StringIO()
        csv.writer(sink, lineterminator="\n", **options).writerows(rows)
        self.put(path, sink.getvalue())

    def put_events(self, path: str, events) -> None:
        self.put(path, "".join(json.dumps(event) + "\n" for event in events))

    def open(self, **options):
        return lk.cdc.open_state(self.url, storage=self.storage, **options)


def read_both(state, as_of=None) -> list[tuple]:
    """The state's rows, sorted, after seeing that DuckDB and Polars give the same rows and types."""
    frame = state.polars(as_of).collect()
    con = duckdb.connect()
    con.execute("SET TimeZone = 'America/New_York'")  # must change nothing
    relation = state.duckdb(con, "state", as_of)
    other = relation.pl()
    assert frame.columns == other.columns == list(state.columns)
    assert [str(kind) for kind in frame.dtypes] == [
        str(kind).replace("America/New_York", "UTC") for kind in other.dtypes
    ]
    con.execute("SET TimeZone = 'UTC'")
    by = frame.columns
    left, right = frame.sort(by, nulls_last=True), relation.pl().sort(by, nulls_last=True)
    assert left.equals(right.cast(dict(left.schema)), null_equal=True), (left, right)
    return left.rows()


def collect_changes(state) -> pl.DataFrame:
    return state.changes().sort("_position").drop("_position").collect()


def add(con, id, name, seconds, deleted=0) -> None:
    """Insert a user, or change it, at so many seconds past noon."""
    con.execute("DELETE FROM users WHERE id = ?", [id])
    con.execute("INSERT INTO users VALUES (?, ?, ?, ?)", [id, name, deleted, f"2026-01-05 12:00:{seconds:02d}"])


def extract(con, place, **options):
    told = {"key": "id", "watermark": "changed", "storage": place.storage} | options
    return lk.cdc.extract(con, "users", place.url, **told)


def read_names(run) -> list[tuple]:
    return [row[:2] for row in read_both(run.open_state())]


def tell(seconds: float) -> int:
    """The same as Debezium tells times, in milliseconds."""
    return round(at(seconds).timestamp() * 1000)


def write_event(op, seconds, *, before=None, after=None, **source) -> dict:
    """A change event of Debezium, as its documentation has it."""
    told = {"ts_ms": tell(seconds), "table": "users", **source}
    return {"before": before, "after": after, "source": told, "op": op, "ts_ms": tell(seconds + 1)}
