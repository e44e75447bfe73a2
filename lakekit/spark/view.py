"""A table as a temporary view of a Spark Connect session.

It must not write anything, neither beside the files nor to the session's catalogs: the view ends with the session.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from lakekit.errors import InvalidArgument, LakekitError
from lakekit.manifest.paths import find_path
from lakekit.spark.scan import Scan, cut_manifest, pack_store, unpack_store
from lakekit.spark.session import check_session
from lakekit.spark.source import make_source
from lakekit.spark.types import hand_over_type, has_zones, spark_schema
from lakekit.views.pins import choose_pinned

if TYPE_CHECKING:
    from pyspark.sql.connect.dataframe import DataFrame
    from pyspark.sql.connect.session import SparkSession
    from pyspark.sql.types import StructType

    from lakekit.manifest.manifest import Manifest
    from lakekit.storage import Storage, Store
    from lakekit.table import Table

PUSHDOWN = "spark.sql.python.filterPushdown.enabled"  # Spark 4.1 and later; false unless set
_numbers = itertools.count(1)


def create_view(
    session: SparkSession,
    table: Table,
    name: str | None = None,
    *,
    columns: Sequence[str] | None = None,
    where: str | None = None,
    storage: Storage | None = None,
) -> DataFrame:
    """A Spark DataFrame over a table, after creating a temporary view of it in the session.

    The tasks read with lakekit, which must be installed where they run. They read the files that the table has now,
    each in the version that it has now; after ``table.refresh()`` create the view again.

    Args:
        session: of Spark Connect, Spark 4.0 or later: EMR, Databricks, ``lk.embedded_spark().session``; a classic
            session of Spark 4 will do as well.
        table: what is shown.
        name: the view's name; the table's if not given. An existing temporary view of that name is replaced.
        columns: names of those that are wanted; all if not given. Others are not read.
        where: SQL in DuckDB's dialect that rows must meet, such as ``"dt >= '2024-03-01'"``. Files that hold no such
            row are ruled out here, before Spark sees them, by partition values and by footers.
        storage: how the tasks reach the files; as the table does if not given, its keys included. For workers with a
            role of their own give ``Storage()``.

    Raises:
        MissingPackage: pyspark-client is not installed.
        InvalidArgument: no such column, a condition that is none, a type that Spark cannot hold, or a session that was
            stopped or is not of Spark 4.
        StorageFailed: the session's server does not answer.

    Raises, when a query is run: Spark's exception, with the message that a file deserves (CorruptFile, TypeConflict,
        StaleFile, …). Spark reads all columns of the view, so that a column in conflict fails queries that do not ask
        for it, until ``columns`` leaves it out.

    Example:
        >>> import lakekit as lk
        >>> weather = lk.open_table("data/sample/lake/weather")
        >>> with lk.embedded_spark() as spark:
        ...     _ = lk.spark.create_view(spark.session, weather, "rain", columns=["precip"], where="precip > 0")
        ...     spark.session.sql("SELECT count(*) AS hours FROM rain").collect()
        [Row(hours=192)]
    """
    check_session(session)
    manifest = _choose_files(table, where)
    wanted = _choose_columns(table, columns)
    store = table.store if storage is None else _with_storage(table.store, storage)
    scan = Scan(manifest, store, wanted, where)
    try:
        return _create(session, scan, spark_schema(wanted), name or table.name)
    except Exception:
        if not has_zones(wanted):
            raise
    # Sail 0.7.2 takes zoned times by an Arrow schema only, and writes them as text in the zone that stands there
    zone = session.conf.get("spark.sql.session.timeZone", "UTC")
    zoned = pa.schema([(field.name, hand_over_type(field.name, field.type, zone)) for field in wanted])
    return _create(session, replace(scan, columns=zoned), zoned, name or table.name)


def _create(session: SparkSession, scan: Scan, schema: StructType | pa.Schema, name: str) -> DataFrame:
    pushes = str(session.conf.get(PUSHDOWN, "false")).lower() == "true"
    source = make_source(f"lakekit_{os.getpid()}_{next(_numbers)}", scan, schema, pushes=pushes)
    session.dataSource.register(source)
    frame = session.read.format(source.name()).load()
    frame.createOrReplaceTempView(_quote(name))
    return frame


def create_failed_view(session: SparkSession, name: str, error: LakekitError) -> None:
    """A temporary view whose query fails with this error."""
    check_session(session)
    text = f"{type(error).__name__}: {error}".replace("\\", "\\\\").replace("'", "\\'")
    session.sql(f"SELECT raise_error('{text}') AS error").createOrReplaceTempView(_quote(name))


def _choose_files(table: Table, where: str | None) -> Manifest:
    if where is None:
        return table.manifest
    chosen, manifest = choose_pinned(table.view, where), table.manifest
    positions = [find_path(manifest.entries["path"], path) for path in chosen["path"]]
    return cut_manifest(manifest, np.array(positions, np.int64))


def _choose_columns(table: Table, columns: Sequence[str] | None) -> pa.Schema:
    names = table.schema.names if columns is None else list(columns)
    unknown = [name for name in names if name not in table.schema.names]
    if unknown or not names:
        what = f"{table.name} has no column {unknown[0]!r}." if unknown else "columns=[] names no column."
        raise InvalidArgument(what, hint=f"it has {', '.join(table.schema.names)}.")
    return pa.schema([(name, hand_over_type(name, table.schema.field(name).type)) for name in names])


def _with_storage(store: Store, storage: Storage) -> Store:
    address, _, places = pack_store(store)
    return unpack_store((address, storage, places))


def _quote(name: str) -> str:
    return name if name.isidentifier() else f"`{name.replace('`', '``')}`"
