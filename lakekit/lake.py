"""A lake: the tables under one address, queried together.

It must not know how tables are read: it opens them, registers their views, and shows what is there.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakekit.arguments import require_text
from lakekit.catalog import Catalog
from lakekit.display import format_html_table, format_text_table
from lakekit.entries import Entries
from lakekit.errors import InvalidArgument, LakekitError, MissingPackage, UnknownTable
from lakekit.storage import Storage, list_by_inventory, open_store, parse_address
from lakekit.storage.inventory import Inventory
from lakekit.table import Table
from lakekit.units import format_bytes

if TYPE_CHECKING:
    import duckdb
    import polars as pl
    from pyspark.sql.connect.session import SparkSession

    from lakekit.manifest.changes import Changes
    from lakekit.receipts.receipt import Receipt
    from lakekit.storage.bytecache import ByteCache
    from lakekit.views.pins import Pinned

_CALL = compile("__lakekit_bind__()", "<lake.sql>", "eval")


def open_lake(
    url: str | Path,
    *,
    storage: Storage | None = None,
    tables: Mapping[str, Mapping[str, Any]] | None = None,
    inventory: str | None = None,
    entries: str | None = None,
) -> Lake:
    """The lake under a folder, an S3 prefix or another fsspec URL: each folder in it that holds Parquet is a table.

    Args:
        url: ``"data/sample/lake"``, ``"s3://bucket/prefix"``, …
        storage: region, profile, endpoint or keys; the environment's if not given.
        tables: options of :func:`open_table` by table, such as ``{"logs": {"template": "{year:int}/{month:int}"}}`` or
            ``{"logs": {"on_bad_file": "skip"}}``.
        inventory: an S3 Inventory report, or the folder of dated ones, that lists all tables; see :func:`open_table`.
        entries: a folder or prefix of yours where ``lake.switch`` notes which tables are read elsewhere; if not given,
            ``_lakekit/entries`` in the lake, where it is looked for only when there is a ``_lakekit``.

    Raises:
        NoFilesFound: no folder there holds Parquet, or the address is itself a table.
        UnknownTable: options are given for a table that is not there.
        AccessDenied, CredentialsExpired, WrongRegion, StorageFailed: the store refuses.

    Example:
        >>> import lakekit as lk
        >>> lake = lk.open_lake("data/sample/lake")
        >>> list(lake)
        ['airlines', 'airports', 'flights', 'planes', 'turbines', 'turbines_hourly', 'weather']
    """
    store = open_store(url, storage)
    kept = Entries(parse_address(entries), None if "://" not in entries else store.storage) if entries else None
    if inventory is None:
        return Lake(Catalog(store, tables or {}, kept))
    reports = Inventory(str(inventory), store.storage)  # one, so that all tables are listed by one reading
    options = _Defaults(tables or {}, {"inventory": reports})
    return Lake(Catalog(list_by_inventory(store, reports), options, kept))


class _Defaults(Mapping[str, Mapping[str, Any]]):
    """Options by table; those of every table stand beside its own."""

    def __init__(self, options: Mapping[str, Mapping[str, Any]], of_all: Mapping[str, Any]):
        self._options = options
        self._of_all = of_all

    def __getitem__(self, name: str) -> Mapping[str, Any]:
        return {**self._of_all, **self._options.get(name, {})}

    def __iter__(self) -> Iterator[str]:
        return iter(self._options)

    def __len__(self) -> int:
        return len(self._options)


class Lake(Mapping[str, Table]):
    """Tables by name, and one DuckDB connection in which each is a view. Made by :func:`open_lake`.

    Attributes:
        url: the address.
    """

    def __init__(self, catalog: Catalog):
        self.url = catalog.store.address.url
        self._catalog = catalog

    @property
    def failed(self) -> Mapping[str, LakekitError]:
        """For folders that hold Parquet but make no table, the error; asking for such a table raises it."""
        return self._catalog.failed

    def __getitem__(self, name: str) -> Table:
        tables = self._catalog.tables
        if name in tables:
            return tables[name]
        if name in self.failed:
            raise self.failed[name]
        raise UnknownTable(f"No table {name!r} in {self.url}.", hint=self._catalog.suggest_table(name))

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._catalog.tables))

    def __len__(self) -> int:
        return len(self._catalog.tables)

    @cached_property
    def duckdb(self) -> duckdb.DuckDBPyConnection:
        """A DuckDB connection with a view for each table. Its time zone is UTC, so that answers do not depend on yours.

        Give it to whatever takes a connection (Ibis, dbt, …). Files are read through lakekit; nothing is installed
        or downloaded.

        Example:
            >>> import lakekit as lk
            >>> lake = lk.open_lake("data/sample/lake")
            >>> lake.duckdb.execute("SELECT count(*) FROM planes").fetchall()
            [(3322,)]
        """
        import duckdb

        con = duckdb.connect(":memory:", config={"autoinstall_known_extensions": False})
        con.execute("SET TimeZone = 'UTC'")
        self._catalog.create_views(con)
        return con

    def sql(self, query: str, params: Sequence[Any] | Mapping[str, Any] | None = None) -> duckdb.DuckDBPyRelation:
        """A DuckDB relation: the query over the lake's tables and over Python variables of yours, run when it is read.

        Read it with ``.pl()``, ``.to_arrow_table()``, ``.fetchall()``, or ``.df()``, which needs pandas.

        Args:
            query: SQL in DuckDB's dialect.
            params: values for ``?`` or ``$name`` in the query.

        Raises: the error that a file deserves (CorruptFile, EncryptedFile, ArchivedFile, TypeConflict, StaleFile),
            else duckdb.Error.

        Example:
            >>> import lakekit as lk
            >>> lake = lk.open_lake("data/sample/lake")
            >>> lake.sql("SELECT name FROM airlines WHERE carrier = ?", ["AS"]).fetchall()
            [('Alaska Airlines Inc.',)]
        """
        __tracebackhide__ = True  # notebooks leave this frame out: an error is about the query
        require_text("query", query, hint='SQL as text: lake.sql("SELECT count(*) FROM t").')
        frame = sys._getframe(1)
        return self._sql_in_scope(query, params, frame.f_globals, dict(frame.f_locals))

    def _sql_in_scope(
        self, query: str, params: Any, global_names: dict[str, Any], local_names: dict[str, Any]
    ) -> duckdb.DuckDBPyRelation:
        """The relation of a query that sees these variables, and none of lakekit's own."""
        import duckdb

        from lakekit.views.names import cut_comment
        from lakekit.views.relation import explain_failure, wrap_relation

        __tracebackhide__ = True
        con = self.duckdb
        options = {} if params is None else {"params": params}
        with self._catalog.lock, self._catalog.record_query(query, is_bind=True):
            self._catalog.before_query(con)
            try:
                # DuckDB looks for variables in the frame that calls it: this one has the caller's, and one of ours
                local_names["__lakekit_bind__"] = functools.partial(con.sql, cut_comment(query), **options)
                with self._catalog.bind_lightly(con, query):
                    relation = eval(_CALL, global_names, local_names)
            except duckdb.Error as exc:  # without the frames of DuckDB's own Python
                is_binding = isinstance(exc, duckdb.BinderException)
                error = self._catalog.explain_binding(query) if is_binding else explain_failure(exc)
                if error is None:
                    raise self._catalog.explain_missing(exc).with_traceback(None) from exc.__cause__
                raise error.with_traceback(None) from exc.with_traceback(None)
        return relation if relation is None else wrap_relation(relation)

    def polars(self, name: str) -> pl.LazyFrame:
        """A Polars LazyFrame over one table.

        Example:
            >>> import lakekit as lk
            >>> lk.open_lake("data/sample/lake").polars("planes").collect().height
            3322
        """
        return self[name].polars()

    def spark(self, session: SparkSession) -> SparkSession:
        """The session, after creating a temporary view of each table in it; see :meth:`Table.spark`.

        A table that Spark cannot show becomes a view whose query fails with the reason.

        Example:
            >>> import lakekit as lk
            >>> lake = lk.open_lake("data/sample/lake")
            >>> with lk.embedded_spark() as spark:
            ...     lake.spark(spark.session).sql("SELECT count(*) AS n FROM planes").collect()
            [Row(n=3322)]
        """
        from lakekit.spark.view import create_failed_view, create_view

        failed = dict(self.failed)
        for name in self:
            try:
                create_view(session, self[name], name)
            except MissingPackage:
                raise
            except LakekitError as error:
                failed[name] = error
        for name, error in failed.items():
            create_failed_view(session, name, error)
        return session

    def pin(self, name: str, where: str | None = None) -> Pinned:
        """Fetch files of a table to this computer, where they stay until ``lake.cache.clear(pinned=True)``.

        Queries then read them here, without a request, for as long as they do not change in the lake. In a lake that
        is a folder there is nothing to fetch.

        Args:
            name: the table.
            where: which of its files: SQL that a row must meet, such as ``"date >= '2013-03-20'"``; all if not given.

        Raises:
            UnknownTable: the lake has no such table.
            InvalidArgument: where is no condition on the table, or the files are more than the cache may hold.

        Example:
            >>> import lakekit as lk
            >>> lk.open_lake("data/sample/lake").pin("weather", "date >= '2013-03-30'")
            2 files of weather, 10.5 KiB, stay on this computer; 0 B fetched
        """
        from lakekit.progress import Progress
        from lakekit.views.pins import choose_pinned, pin_files

        view = self[name].view
        files = choose_pinned(view, where)
        with Progress(f"Fetching {name}") as progress:
            progress.total = int(files["size_bytes"].sum())
            return pin_files(view, files, progress.show)

    @property
    def cache(self) -> ByteCache:
        """What is kept of remote lakes on this computer: all lakes share it. ``clear()`` throws it away.

        Example:
            >>> import lakekit as lk
            >>> lk.open_lake("data/sample/lake").cache  # doctest: +ELLIPSIS
            ByteCache of ... of at most 10 GiB...
        """
        from lakekit.manifest.cache import open_byte_cache

        return open_byte_cache()

    @property
    def receipt(self) -> Receipt | None:
        """What the last query did cost: files, requests, bytes, time and dollars; None before the first.

        Queries are those of ``lake.sql``, of frames and readers of the lake's tables, and of ``lake.duckdb``, whose
        text is not known and whose receipt grows until the next query begins. A Polars query has a receipt for each
        table that it scans.

        Example:
            >>> import lakekit as lk
            >>> lake = lk.open_lake("data/sample/lake")
            >>> _ = lake.sql("SELECT max(precip) FROM weather WHERE date = '2013-03-20'").fetchall()
            >>> lake.receipt.files_scanned, lake.receipt.files
            (1, 31)
        """
        return self._catalog.ledger.receipt

    @property
    def receipts(self) -> pl.DataFrame:
        """One row for each query over this lake, the oldest first.

        Columns: started_at (UTC), engine, query, tables, files_scanned, files, row_groups_scanned, row_groups, LIST,
        GET, HEAD, PUT (requests), bytes, wasted_bytes, cached_bytes, seconds, usd, glob_requests, glob_usd, is_shared;
        see :class:`lakekit.receipts.Receipt`. ``lk.receipts.read_journal()`` has those of earlier sessions.
        """
        return self._catalog.ledger.receipts

    def preview(self, query: str, params: Sequence[Any] | Mapping[str, Any] | None = None) -> Receipt:
        """The receipt that a query would have, as far as its plan tells; nothing is read.

        Args:
            query: a SELECT in DuckDB's dialect; it sees your Python variables.
            params: values for ``?`` or ``$name`` in the query.

        Raises:
            InvalidArgument: it is no SELECT, or does not parse.
            duckdb.Error: it does not bind.

        Example:
            >>> import lakekit as lk
            >>> lake = lk.open_lake("data/sample/lake")
            >>> lake.preview("SELECT max(precip) FROM weather WHERE date = ?", ["2013-03-20"]).requests["GET"]
            1
        """
        from lakekit.views.names import is_select

        require_text("query", query, hint='a SELECT as text: lake.preview("SELECT count(*) FROM t").')
        if not is_select(query):
            what = f"There is no preview of {' '.join(query.split())[:80]!r}: it is no SELECT."
            raise InvalidArgument(what, hint="preview the SELECT in it.")
        frame = sys._getframe(1)
        relation = self._sql_in_scope(query, params, frame.f_globals, dict(frame.f_locals))
        with self._catalog.lock:
            return self._catalog.preview_query(relation, query)

    def refresh(self) -> Changes:
        """List every table again, read the footers that are new, and say what changed.

        Returns:
            Changes of the whole lake, paths beginning with the table's name.

        Example:
            >>> import lakekit as lk
            >>> lk.open_lake("data/sample/lake").refresh()
            lake: nothing changed
        """
        return self._catalog.refresh()

    def switch(self, name: str, to: str | Path) -> Table:
        """The table as it is read from now on: from a compacted copy. Everyone who opens this lake follows.

        One small file is written among the lake's entries, never over another; ``lk.compaction.undo(lake, name)``
        writes one more, which leads back. Queries under way go on with the files that they began with.

        Args:
            name: the table.
            to: a copy that ``lk.compaction.run`` has finished.

        Raises:
            IncompleteTable: the copy is not finished, or lacks files that the table has by now.
            InvalidArgument: it is no copy of this table.
            AccessDenied: the lake may not be written to: open it with ``entries=`` at a place of yours.
        """
        from lakekit.compaction.switching import switch_entry

        self[name]
        switch_entry(self._catalog, name, str(to))
        return self[name]

    def _describe_tables(self) -> tuple[list[str], list[tuple[Any, ...]]]:
        """Columns and rows; a folder has no storage classes."""
        rows = []
        for name in self:
            table = self[name]
            files, keys = table.manifest.entries, table.manifest.schema.keys
            classes = files["storage_class"].unique().sort().to_list()
            rows.append(
                (
                    name,
                    files.height,
                    format_bytes(files["size_bytes"].sum()),
                    files["rows"].sum(),
                    ", ".join(keys),
                    ", ".join(table.drift.variants),
                    ", ".join(classes),
                )
            )
        columns = ["table", "files", "size", "rows", "partitioned by", "drift", "storage class"]
        is_folder = all(self[name].store.address.scheme == "file" for name in self)
        return (columns[:-1], [row[:-1] for row in rows]) if is_folder else (columns, rows)

    def _note(self) -> str:
        notes = [f"{name} failed: {error.what}" for name, error in self.failed.items()]
        broken = [name for name in self if self[name].manifest.problems]
        return "; ".join(notes + [f"unreadable in {name}: {self[name].describe_unreadable()}" for name in broken])

    def __repr__(self) -> str:
        columns, rows = self._describe_tables()
        parts = [f"Lake {self.url}", format_text_table(columns, rows)]
        return "\n".join([*parts, self._note()]).rstrip()

    def _repr_html_(self) -> str:
        columns, rows = self._describe_tables()
        return format_html_table(f"Lake {self.url}", columns, rows, note=self._note())
