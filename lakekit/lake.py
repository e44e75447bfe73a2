"""A lake: the tables under one address, queried together.

It must not know how tables are read: it opens them, registers their views, and shows what is there.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakekit.display import format_html_table, format_text_table
from lakekit.errors import LakekitError, NoFilesFound
from lakekit.storage import Storage, open_store
from lakekit.table import Table, open_table
from lakekit.units import format_bytes

if TYPE_CHECKING:
    import duckdb
    import polars as pl

    from lakekit.manifest.changes import Changes
    from lakekit.storage import Store


def open_lake(
    url: str | Path, *, storage: Storage | None = None, tables: Mapping[str, Mapping[str, Any]] | None = None
) -> Lake:
    """The lake under a folder, an S3 prefix or another fsspec URL: each folder in it that holds Parquet is a table.

    Args:
        url: ``"data/sample/lake"``, ``"s3://bucket/prefix"``, …
        storage: region, profile, endpoint or keys; the environment's if not given.
        tables: options of :func:`open_table` by table, such as ``{"logs": {"template": "{year:int}/{month:int}"}}``.

    Raises:
        NoFilesFound: no folder there holds Parquet, or the address is itself a table.
        AccessDenied, CredentialsExpired, WrongRegion, StorageFailed: the store refuses.

    Example:
        >>> import lakekit as lk
        >>> lake = lk.open_lake("data/sample/lake")
        >>> list(lake)
        ['airlines', 'airports', 'flights', 'planes', 'turbines', 'turbines_hourly', 'weather']
    """
    return Lake(open_store(str(url), storage), tables or {})


class Lake(Mapping[str, Table]):
    """Tables by name, and one DuckDB connection in which each is a view. Made by :func:`open_lake`.

    Attributes:
        url: the address.
        failed: for folders that hold Parquet but make no table, the error; asking for such a table raises it.
    """

    def __init__(self, store: Store, options: Mapping[str, Mapping[str, Any]]):
        self.url = store.address.url
        self.failed: dict[str, LakekitError] = {}
        self._store = store
        self._options = options
        self._tables: dict[str, Table] = {}
        self._find_tables()

    def _find_tables(self) -> tuple[list[str], list[str]]:
        """Open what is new and forget what is gone; the names of both."""
        from lakekit.manifest.listing import is_hidden

        folders = [name for name in self._store.list_folders() if not is_hidden(f"{name}/x", 1)]
        keyed = next((name for name in folders if "=" in name), None)
        if keyed:
            what = f"{self.url}/ holds partitions, such as {keyed}/, and not tables."
            raise NoFilesFound(what, hint="it is one table: open it with open_table.")
        gone = [name for name in self._tables if name not in folders]
        for name in gone:
            del self._tables[name]
        added = [name for name in folders if name not in self._tables]
        self.failed = {}
        for name in added:
            self._open(name)
        if not self._tables and not self.failed:
            self._refuse_empty(folders)
        return [name for name in added if name in self._tables], gone

    def _open(self, name: str) -> None:
        address = self._store.address.child(name)
        try:
            self._tables[name] = open_table(
                address.url, name=name, storage=self._store.storage, **self._options.get(name, {})
            )
        except NoFilesFound:
            return
        except (LakekitError, ValueError) as error:
            if not isinstance(error, LakekitError):
                raise
            self.failed[name] = error

    def _refuse_empty(self, folders: Sequence[str]) -> None:
        if self._store.find_root_file() is not None:
            raise NoFilesFound(f"{self.url} is a file, and a lake is a folder or prefix.", hint="open its folder.")
        there = f"{len(folders)} folders there: {', '.join(folders[:5])}" if folders else "no folders there"
        raise NoFilesFound(
            f"No table under {self.url}/ ({there}).",
            hint="a lake's tables are the folders right under it; for a single table use open_table.",
        )

    def __getitem__(self, name: str) -> Table:
        if name in self._tables:
            return self._tables[name]
        if name in self.failed:
            raise self.failed[name]
        close = difflib.get_close_matches(name, self._tables, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"tables: {', '.join(self._tables)}."
        raise KeyError(f"No table {name!r} in {self.url}. Hint: {hint}")

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._tables))

    def __len__(self) -> int:
        return len(self._tables)

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
        con.execute("SET python_scan_all_frames = true")  # queries see the caller's variables through lake.sql
        for name in self:
            self._create_view(con, name)
        for name, error in self.failed.items():
            self._create_failed_view(con, name, error)
        return con

    def _create_view(self, con: duckdb.DuckDBPyConnection, name: str) -> None:
        self._tables[name].duckdb(con, name)

    def _create_failed_view(self, con: duckdb.DuckDBPyConnection, name: str, error: LakekitError) -> None:
        from lakekit.views.sqltypes import quote_name, quote_text

        text = quote_text(f"{type(error).__name__}: {error}")
        con.execute(f"CREATE OR REPLACE VIEW {quote_name(name)} AS SELECT error({text}) AS error")

    def sql(self, query: str, params: Sequence[Any] | Mapping[str, Any] | None = None) -> duckdb.DuckDBPyRelation:
        """A DuckDB relation: the query over the lake's tables and over Python variables of yours, run when it is read.

        Read it with ``.pl()``, ``.df()``, ``.to_arrow_table()`` or ``.fetchall()``.

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
        from lakekit.views.relation import wrap_relation

        self.before_query()
        relation = self.duckdb.sql(query, params=params) if params is not None else self.duckdb.sql(query)
        return relation if relation is None else wrap_relation(relation, self)

    def polars(self, name: str) -> pl.LazyFrame:
        """A Polars LazyFrame over one table.

        Example:
            >>> import lakekit as lk
            >>> lk.open_lake("data/sample/lake").polars("planes").collect().height
            3322
        """
        return self[name].polars()

    def before_query(self) -> None:
        """Bring the views up to date when a file turned out to have changed, and forget errors of earlier queries."""
        if any(table.view.is_stale for table in self._tables.values() if table.has_view):
            self.refresh()
        for table in self._tables.values():
            if table.has_view:
                table.view.forget_query()

    def narrow_query(self, query: str, values: Any) -> AbstractContextManager[None]:
        """While it lasts, the views list only the files that the query can need; see ``views/narrow.py``."""
        from lakekit.views.narrow import explain_query, mentions_keys, narrow_files

        tables = [table for table in self._tables.values() if table.manifest.schema.keys]
        named = [table.view for table in tables if mentions_keys(query, table.manifest.schema.keys)]
        plans = explain_query(self.duckdb, query, values) if named else []
        return narrow_files(self.duckdb, named, plans)

    def explain_error(self, error: duckdb.Error) -> LakekitError | None:
        """The error of lakekit that stands behind one of DuckDB's, or None."""
        from lakekit.views.relation import read_conflict

        views = [table.view for table in self._tables.values() if table.has_view]
        noted = next((view.last_error for view in views if view.last_error is not None), None)
        conflict = noted or read_conflict(error)
        return conflict or next((damage for view in views if (damage := view.find_damage(error))), None)

    def refresh(self) -> Changes:
        """List every table again, read the footers that are new, and say what changed.

        Returns:
            Changes of the whole lake, paths beginning with the table's name.

        Example:
            >>> import lakekit as lk
            >>> lk.open_lake("data/sample/lake").refresh()
            lake: nothing changed
        """
        from lakekit.manifest.changes import merge_changes

        before = list(self._tables)
        added, gone = self._find_tables()
        changes = [self._tables[name].refresh() for name in before if name in self._tables]
        if "duckdb" in self.__dict__:
            from lakekit.views.sqltypes import quote_name

            for name in added:
                self._create_view(self.duckdb, name)
            for name in gone:
                self.duckdb.execute(f"DROP VIEW IF EXISTS {quote_name(name)}")
        return merge_changes(self.url.rstrip("/").rpartition("/")[2], changes, added, gone)

    def _describe_tables(self) -> tuple[list[str], list[tuple[Any, ...]]]:
        rows = []
        for name in self:
            table = self[name]
            files, keys = table.files, table.manifest.schema.keys
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
        return ["table", "files", "size", "rows", "partitioned by", "drift", "storage class"], rows

    def _note(self) -> str:
        return "; ".join(f"{name} failed: {error.what}" for name, error in self.failed.items())

    def __repr__(self) -> str:
        columns, rows = self._describe_tables()
        parts = [f"Lake {self.url}", format_text_table(columns, rows)]
        return "\n".join(parts + ([self._note()] if self.failed else []))

    def _repr_html_(self) -> str:
        columns, rows = self._describe_tables()
        return format_html_table(f"Lake {self.url}", columns, rows, note=self._note())
