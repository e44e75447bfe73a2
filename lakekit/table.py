"""A table of a lake: one prefix of Parquet files, its manifest, and the views of it.

It must not decide anything about files or engines: the packages below do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from lakekit.arguments import require_kind
from lakekit.storage import Storage, list_by_inventory, open_store, parse_address
from lakekit.units import format_bytes, format_count, format_number_of

if TYPE_CHECKING:
    from datetime import datetime

    import duckdb
    import polars as pl
    import pyarrow as pa
    from pyspark.sql.connect.dataframe import DataFrame
    from pyspark.sql.connect.session import SparkSession

    from lakekit.manifest.changes import Changes
    from lakekit.manifest.drift import Drift
    from lakekit.manifest.manifest import Manifest, TableOptions
    from lakekit.receipts.ledger import Ledger
    from lakekit.receipts.receipt import Receipt
    from lakekit.storage import Store
    from lakekit.storage.inventory import Inventory
    from lakekit.views.duckdb import DuckDBView


def open_table(
    url: str | Path,
    *,
    name: str | None = None,
    partitions: Mapping[str, str | pa.DataType] | None = None,
    template: str | None = None,
    schema: pa.Schema | None = None,
    on_bad_file: Literal["raise", "skip"] = "raise",
    on_type_conflict: Literal["raise", "string"] = "raise",
    on_archived: Literal["raise", "skip"] = "raise",
    inventory: str | Inventory | None = None,
    as_of: int | datetime | None = None,
    storage: Storage | None = None,
) -> Table:
    """The table of Parquet files under a folder, an S3 prefix or another fsspec URL.

    The prefix is listed, and the footer of each file that is new is read, once; no data. Where a Delta log lies there,
    its files are those that the log names: one more GET for each file of the log since its last checkpoint. Of an
    Iceberg table they are those that its newest metadata names, for a GET of each of its manifests.

    Args:
        url: ``"data/lake/flights"``, ``"s3://bucket/flights"``, …; or one ``….metadata.json`` of an Iceberg table.
        name: the table's name in messages and views; the last part of the URL if not given.
        partitions: types of partition keys, such as ``{"month": "int32", "zip": "string"}``; inferred if not given.
        template: for folders without key names, such as ``"{year:int}/{month:int}/{day:int}"``.
        schema: columns and types to use instead of those found.
        on_bad_file: raise when a query asks for a damaged or encrypted file, or skip all such files; and those that a
            Delta log names and that are gone, or were written over. ``table.skipped`` lists them.
        on_type_conflict: raise when a query asks for a column whose types cannot become one, or make it a string.
        on_archived: raise when a query asks for an archived file, or skip all such files.
        inventory: the address of an S3 Inventory report (its ``manifest.json``), or of the folder of dated reports, of
            which the newest counts; the prefix is then not listed. The report must cover the whole prefix, and is up
            to a day or a week old: files written since are not in the table. It needs the fields Size,
            LastModifiedDate, ETag and StorageClass.
        as_of: of a Delta table, the version to read, or a moment, by the times of the log's files; of an Iceberg table,
            the id of a snapshot, or a moment.
        storage: region, profile, endpoint or keys; the environment's if not given.

    Raises:
        NoFilesFound: no Parquet file there.
        PartitionMismatch, PartitionTypeConflict, UnknownPartitionKey, ColumnNameConflict: paths or names that make
            no table.
        InvalidArgument: an argument that can mean nothing; an inventory of another bucket, or without those fields; a
            table without that version.
        IncompleteTable, UnsupportedTable: a log names files that are not there, or has features not read here, such as
            delete files.
        CorruptFile: no file there can be read, or the inventory report or Iceberg metadata is damaged.
        AccessDenied, CredentialsExpired, WrongRegion, StorageFailed: the store refuses.

    Example:
        >>> import lakekit as lk
        >>> weather = lk.open_table("data/sample/lake/weather")
        >>> weather.files.height, weather.schema.field("precip").type
        (31, DataType(double))
    """
    from lakekit.iceberg import split_url
    from lakekit.manifest.manifest import TableOptions

    url, metadata = split_url(url if isinstance(url, str) else parse_address(url).url)
    options = TableOptions(
        partitions=partitions,
        template=template,
        schema=schema,
        on_bad_file=on_bad_file,
        on_type_conflict=on_type_conflict,
        on_archived=on_archived,
        as_of=as_of,
        metadata=metadata,
    )
    store = list_by_inventory(open_store(url, storage), inventory)
    return Table(store, name or store.address.name, options)


class Table:
    """A table: its schema, files and drift, and views of it in each engine. Made by ``open_table`` and ``open_lake``.

    Attributes:
        name: its name.
        store: where its files are.
        manifest: what is known of them.
        options: what its opener chose.
        ledger: the receipts of its queries; those of the lake, where it is in one.
        find_successor: of a table in a lake, what opens the table that is read under its name now.
        switched_from: of a table that its lake was switched to, where it was read before.
    """

    def __init__(self, store: Store, name: str, options: TableOptions):
        from lakekit.logs import make_log_reader
        from lakekit.manifest.cache import FooterCache, open_byte_cache
        from lakekit.manifest.floats import hide_in_file
        from lakekit.receipts.ledger import Ledger

        self.name = name
        self.store = store
        self.options = options
        self._cache = FooterCache(store.address.url, store.storage.endpoint_url)
        if store.address.scheme != "file":
            store.cache = open_byte_cache()
            store.amend = hide_in_file
        self.find_successor: Callable[[], Table | None] | None = None
        self.switched_from: str | None = None
        self._read_log = make_log_reader(options)
        self.manifest = self._read_manifest()
        self.keep_receipts(Ledger())

    def keep_receipts(self, ledger: Ledger) -> None:
        """From now on, keep the receipts of queries over this table in this ledger."""
        self.ledger = ledger
        ledger.watch(self)

    @property
    def receipt(self) -> Receipt | None:
        """What the last query did cost; None before the first. In a lake it is the last one of the lake."""
        return self.ledger.receipt

    @property
    def receipts(self) -> pl.DataFrame:
        """One row for each query, the oldest first; the columns are those of ``lake.receipts``."""
        return self.ledger.receipts

    def _read_manifest(self) -> Manifest:
        from lakekit.manifest.manifest import read_manifest
        from lakekit.progress import Progress

        with Progress(f"Reading footers of {self.name}") as progress:

            def show(done: int, total: int) -> None:
                progress.total = total
                progress.show(done)

            read = self.store, self.name, self.options, self._cache
            return read_manifest(*read, progress=show, read_log=self._read_log)

    @property
    def url(self) -> str:
        """The address of the table."""
        return self.store.address.url

    @property
    def template(self) -> str | None:
        """The template by which folders are read; None where they are named ``key=value``."""
        return self.options.template

    @property
    def schema(self) -> pa.Schema:
        """The columns: those of the files in the order in which they appeared, then partition columns."""
        return self.manifest.schema.arrow

    @property
    def drift(self) -> Drift:
        """Which columns appear, vanish or change their type, in which files."""
        return self.manifest.drift

    @property
    def files(self) -> pl.DataFrame:
        """One row for each data file, sorted by path.

        Columns: path (relative to the table), size_bytes, modified_at (UTC), etag, storage_class, restored (of an
        archived file: whether it has a copy that can be read now; NULL of all others), rows, row_groups, schema_id,
        partition (struct of typed values), stats (struct of min, max, null_count for each column).
        rows, row_groups and schema_id are NULL for a file whose footer cannot be read.
        """
        return self.manifest.files

    @property
    def version(self) -> int | None:
        """The version of its Delta log, or id of its Iceberg snapshot, that is read; None for a table without one."""
        return self.manifest.version

    @property
    def skipped(self) -> pl.DataFrame:
        """What was left out: path, reason, size_bytes, and rows where an earlier look at the file told them."""
        return self.manifest.skipped

    def polars(self) -> pl.LazyFrame:
        """A Polars LazyFrame over the table; files outside of a filter on partition columns are not opened.

        Raises, when collected: CorruptFile, EncryptedFile, ArchivedFile, TypeConflict, StaleFile.

        Example:
            >>> import lakekit as lk
            >>> import polars as pl
            >>> weather = lk.open_table("data/sample/lake/weather").polars()
            >>> round(weather.select(pl.col("precip").sum()).collect().item(), 2)
            7.66
        """
        from lakekit.views.polars import scan_source

        return scan_source(self)

    def arrow(self) -> pa.RecordBatchReader:
        """All rows as a stream of Arrow record batches.

        Raises, while read: CorruptFile, EncryptedFile, ArchivedFile, TypeConflict, StaleFile.

        Example:
            >>> import lakekit as lk
            >>> lk.open_table("data/sample/lake/airlines").arrow().read_all().num_rows
            16
        """
        from lakekit.views.arrow import read_arrow

        return read_arrow(self)

    def duckdb(self, con: duckdb.DuckDBPyConnection | None = None, name: str | None = None) -> duckdb.DuckDBPyRelation:
        """A DuckDB relation over the table, after creating a view of it in the connection.

        Args:
            con: any DuckDB connection; DuckDB's default one if not given.
            name: the view's name; the table's if not given. An existing view of that name is replaced.

        Raises, when it is run: duckdb.Error with the message of the lakekit error that a file deserves.

        Example:
            >>> import duckdb
            >>> import lakekit as lk
            >>> con = duckdb.connect()
            >>> _ = lk.open_table("data/sample/lake/airlines").duckdb(con)
            >>> con.sql("SELECT name FROM airlines WHERE carrier = 'AS'").fetchall()
            [('Alaska Airlines Inc.',)]
        """
        import duckdb

        from lakekit.views.narrow import bind_without_files
        from lakekit.views.sqltypes import quote_name

        con = con if con is not None else duckdb.default_connection()
        name = name or self.name
        with self.ledger.making_views():
            self.view.show_in(con, name)
            with bind_without_files(con, {self.view.token: self.view}):
                return con.sql(f"SELECT * FROM {quote_name(name)}")

    def spark(
        self,
        session: SparkSession,
        name: str | None = None,
        *,
        columns: Sequence[str] | None = None,
        where: str | None = None,
        storage: Storage | None = None,
    ) -> DataFrame:
        """A Spark DataFrame over the table, after creating a temporary view in a Spark Connect session.

        The same rows as in DuckDB and Polars, on any Spark 4 whose workers have lakekit installed; nothing is written.
        Spark reads all columns of a view, so name those that are wanted of a wide table.

        Args:
            session: such as ``lk.embedded_spark().session``, or one of a cluster.
            name, columns, where, storage: see :func:`lakekit.spark.create_view`, and for what it raises.

        Example:
            >>> import lakekit as lk
            >>> weather = lk.open_table("data/sample/lake/weather")
            >>> with lk.embedded_spark() as spark:
            ...     weather.spark(spark.session, where="date = '2013-03-20'").count()
            72
        """
        from lakekit.spark.view import create_view

        return create_view(session, self, name, columns=columns, where=where, storage=storage)

    @cached_property
    def view(self) -> DuckDBView:
        """What DuckDB is shown of the table."""
        from lakekit.views.duckdb import DuckDBView

        return DuckDBView(self)

    @property
    def has_view(self) -> bool:
        """Whether a DuckDB view of the table was made."""
        return "view" in self.__dict__

    def refresh(self) -> Changes:
        """List again, read the footers that are new, and say what changed. Views made before show the new state.

        Raises: as :func:`open_table`; the table then stays as it was.
        """
        from lakekit.manifest.changes import find_changes

        self.ledger.settle()
        before, self.manifest = self.manifest, self._read_manifest()
        if self.has_view:
            self.view.is_stale = False
            with self.ledger.making_views():
                self.view.renew()
        return find_changes(before, self.manifest)

    def describe(self) -> list[tuple[str, str]]:
        """Facts about the table, as pairs of a label and a text."""
        files = self.manifest.entries
        keys = self.manifest.schema.keys
        folders = len({self.manifest.partitioning.values[name] for name in self.manifest.folders.names}) if keys else 0
        facts = [
            ("address", self.url),
            ("files", f"{format_count(files.height)} ({format_bytes(files['size_bytes'].sum())})"),
            ("rows", format_count(files["rows"].sum())),
            ("partitions", f"{format_count(folders)} by {', '.join(keys)}" if keys else "none"),
        ]
        if self.drift:
            facts.append(("drift", ", ".join(self.drift.variants)))
        if self.manifest.problems:
            facts.append(("unreadable", self.describe_unreadable()))
        if self.manifest.is_partial:
            facts.append(("partial", f"{self.manifest.describe_left_out()}, see .skipped"))
        facts += self.manifest.describe_source()
        return facts

    def describe_unreadable(self) -> str:
        """How many files are damaged, encrypted or archived, with the path of the first."""
        return f"{format_number_of(len(self.manifest.problems), 'file')}, such as {min(self.manifest.problems)}"

    def __repr__(self) -> str:
        from lakekit.manifest.drift import describe_schema

        if "manifest" not in vars(self):  # as a traceback shows one that could not be opened
            return f"Table {vars(self).get('name')}, not opened"
        columns = ["  columns:", *(f"    {column}: {kind}" for column, kind in describe_schema(self.schema))]
        return "\n".join([f"Table {self.name}", *(f"  {label}: {text}" for label, text in self.describe()), *columns])

    def _repr_html_(self) -> str:
        from lakekit.display import format_html_table
        from lakekit.manifest.drift import describe_schema

        note = "; ".join(f"{label}: {text}" for label, text in self.describe())
        rows = [
            (column, kind, "drift" if column in self.drift.variants else "")
            for column, kind in describe_schema(self.schema)
        ]
        return format_html_table(f"Table {self.name}", ["column", "type", ""], rows, note=note)


def scan_polars(table: Table) -> pl.LazyFrame:
    """A Polars LazyFrame over a table; the same as ``table.polars()``.

    Example:
        >>> import lakekit as lk
        >>> lk.scan_polars(lk.open_table("data/sample/lake/airlines")).collect().height
        16
    """
    return table.polars()


def create_duckdb_view(con: duckdb.DuckDBPyConnection, name: str, table: Table) -> duckdb.DuckDBPyRelation:
    """A view of a table in a DuckDB connection, and a relation over it; the same as ``table.duckdb(con, name)``.

    Example:
        >>> import duckdb
        >>> import lakekit as lk
        >>> con = duckdb.connect()
        >>> _ = lk.create_duckdb_view(con, "carriers", lk.open_table("data/sample/lake/airlines"))
        >>> con.sql("SELECT count(*) FROM carriers").fetchall()
        [(16,)]
    """
    return table.duckdb(con, name)


def require_table(table: Any) -> None:
    """Nothing, for a table.

    Raises:
        InvalidArgument: it is something else, such as the address of one.
    """
    require_kind("table", table, Table, what="a table", hint='open it first: lk.open_table("data/lake/flights").')
