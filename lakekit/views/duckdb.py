"""A table as a DuckDB view over the files that the manifest names, each bound to the table's own columns and types.

It must not read data: DuckDB does, through lakekit's file system.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import itertools
import re
import threading
import weakref
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import duckdb

from lakekit.errors import LakekitError, StaleFile
from lakekit.manifest.floats import hide_float_bounds
from lakekit.manifest.schema import FileKind
from lakekit.receipts.tally import Tally
from lakekit.views.alike import is_read_alike
from lakekit.views.explain import Scan
from lakekit.views.filesystem import FILE_SYSTEM, FILES_FUNCTION, LIST_FILES, PROTOCOL, ShownFile, StoredFile
from lakekit.views.narrow import bind_without_files
from lakekit.views.needs import find_needs
from lakekit.views.plan import KnownFile, ViewPlan
from lakekit.views.reader import TableReader
from lakekit.views.sqltypes import quote_name
from lakekit.views.transcode import LocalCopy, write_copy

if TYPE_CHECKING:
    import pyarrow as pa

    from lakekit.manifest.fields import FieldNames
    from lakekit.manifest.manifest import Manifest
    from lakekit.views.plan import Group
    from lakekit.views.source import ViewSource

    _Place = tuple[str, str, bool]  # database and schema of a view, and whether it is temporary
    _FileKey = tuple[str, str, FieldNames | None]  # path, etag, and how its columns are called

_FILES = "STRUCT(filename VARCHAR, file_size BIGINT, last_modified TIMESTAMP, etag VARCHAR)[]"
_HERE = """
    SELECT database_name, current_schema(), path IS NOT NULL FROM duckdb_databases()
    WHERE database_name = current_database()
"""
_CONNECTIONS: weakref.WeakSet[duckdb.DuckDBPyConnection] = weakref.WeakSet()
_VIEW_NUMBERS = itertools.count(1)
_NOT_OF_FILES = (
    duckdb.BinderException,
    duckdb.CatalogException,
    duckdb.ConversionException,
    duckdb.InterruptException,
    duckdb.OutOfMemoryException,
    duckdb.OutOfRangeException,
    duckdb.ParserException,
)  # errors of DuckDB's that no damaged file causes


class _WatchedFile:
    """A file as DuckDB is shown it, that notes which bytes of its data are read.

    Args:
        file: the file.
        data_bytes: how many bytes are data; what follows is padding and the footer.
        note: called with the first byte and the number of bytes.
    """

    def __init__(self, file: ShownFile, data_bytes: int, note: Callable[[int, int], None]):
        self.size_bytes, self.modified_at = file.size_bytes, file.modified_at
        self._file, self._data_bytes, self._note = file, data_bytes, note

    def read(self, start: int, length: int) -> bytes | memoryview:
        data = self._file.read(start, length)
        if start < self._data_bytes:
            self._note(start, min(length, self._data_bytes - start))
        return data

    def __repr__(self) -> str:
        return repr(self._file)


class DuckDBView:
    """What DuckDB is shown of one table: the plan of its view, and the files behind the names in it.

    Args:
        source: the table.

    Attributes:
        last_error: the last error that a file gave since the query began, or Ctrl-C while one was read.
        opened: paths of the files that the query asked for.
        is_stale: whether a file turned out to have changed since the manifest was made.
        shows_copies: whether DuckDB is shown copies of what the cache keeps, which others then may throw away.
    """

    def __init__(self, source: ViewSource):
        self.source = source
        self.token = f"{re.sub(r'[^A-Za-z0-9_]+', '_', source.name)}-{next(_VIEW_NUMBERS)}"
        self.last_error: LakekitError | KeyboardInterrupt | None = None
        self.opened: set[str] = set()
        self.is_stale = False
        self.shows_copies = False
        self._streamed: set[str] = set()  # those of opened that DuckDB reads through lakekit
        self._copies: dict[tuple[str, str, pa.Schema], LocalCopy] = {}
        self._shared: weakref.WeakValueDictionary[_FileKey, StoredFile] = weakref.WeakValueDictionary()
        self._lock = threading.Lock()
        self._building = threading.RLock()
        self._renewing = threading.Lock()
        self._shown_in: dict[str, weakref.ReferenceType[duckdb.DuckDBPyConnection]] = {}  # by id and name of the view
        self._plan: ViewPlan | None = None
        self._next_plan: ViewPlan | None = None  # while it is made
        FILE_SYSTEM.providers[self.token] = self

    @property
    def plan(self) -> ViewPlan:
        """The plan for the table's manifest as it is now."""
        with self._building:
            if self._plan is None or self._plan.manifest is not self.source.manifest:
                self._plan = self._make_plan(self.source.manifest)
            return self._plan

    def _make_plan(self, manifest: Manifest) -> ViewPlan:
        self._next_plan = plan = ViewPlan(manifest, self.token)
        con = duckdb.connect()
        con.register_filesystem(FILE_SYSTEM)

        def ask(shown: str, kind: FileKind) -> bool:
            return is_read_alike(con, shown, kind.schema, manifest.schema.supplies[kind.schema_id])

        plan.build(ask, self._plan)
        con.close()
        self._next_plan = None
        return plan

    def show_in(self, con: duckdb.DuckDBPyConnection, name: str, by: duckdb.DuckDBPyConnection | None = None) -> None:
        """Create a view of this name in a connection, now and whenever the table has changed.

        Args:
            con: the connection.
            name: of the view.
            by: a cursor of the connection, which disturbs nothing that is under way there.
        """
        create_view(by or con, name, self)
        self._shown_in[f"{id(con)} {name}"] = weakref.ref(con)

    def renew(self) -> None:
        """Create the views again that are still there, in connections that are still open."""
        with self._renewing:
            for key, reference in list(self._shown_in.items()):
                con, name = reference(), key.partition(" ")[2]
                if con is None or not _renew_view(con, name, self):
                    del self._shown_in[key]

    def open_shown(self, path: str) -> ShownFile:
        """The file behind a name that DuckDB was shown."""
        for plan in (self._plan, self._next_plan):
            if plan is not None and path in plan.headers:
                return plan.headers[path]
            if plan is not None and path in plan.counts:
                counter, rows = plan.counts[path]
                return counter.make_file(rows)
            if plan is not None and path in plan.paths:
                return self._open_stored(plan, plan.paths[path])
        raise StaleFile(f"{path} is no longer a file of {self.source.name}.", hint="run the query again.")

    def _open_stored(self, plan: ViewPlan, path: str) -> ShownFile:
        if path in plan.manifest.problems:
            raise plan.manifest.problems[path]
        known = plan.known[path]
        self.opened.add(path)
        self._streamed.add(path)
        self.source.ledger.note_open(self.source, path)
        note = functools.partial(self.source.ledger.note_range, self.source, path)
        if known.schema_id in plan.copied:
            copy = self._find_copy(plan, known)
            return _WatchedFile(copy, copy.size_bytes, lambda start, length: note(0, known.size_bytes))
        with self._lock:
            key = path, known.etag, plan.manifest.names
            shared = self._shared.get(key)
            if shared is None:
                shared = self._show_stored(plan, known)
                self._shared[key] = shared
        return _WatchedFile(shared, shared.data_bytes, note)

    def _show_stored(self, plan: ViewPlan, known: KnownFile) -> StoredFile:
        stored = plan.manifest.footers.get_stored(known.path, known.etag)
        named = stored if plan.manifest.names is None else plan.manifest.names.rename(stored)
        data_bytes = known.size_bytes - len(stored)
        shown = known.path, known.etag, known.size_bytes, data_bytes, hide_float_bounds(named), known.modified_at
        return StoredFile(self.source.store, *shown)

    def _find_copy(self, plan: ViewPlan, known: KnownFile) -> LocalCopy:
        key = known.path, known.etag, plan.manifest.schema.arrow
        with self._lock:
            if key not in self._copies:
                reader = TableReader(self.source.store, plan.manifest)
                columns = plan.columns_of(known.schema_id)
                self._copies[key] = write_copy(reader, known.path, columns, known.modified_at)
            return self._copies[key]

    def list_shown(self, group: int) -> pa.ListArray:
        """The files of a group, as read_parquet takes them."""
        found = next((known for known in self.plan.groups if known.number == group), None)
        self.source.ledger.bind(self.source)
        if found is None:
            hint = "commit or roll back first, or create it again."
            raise StaleFile(f"The view of {self.source.name} is older than the table.", hint=hint)
        return found.list_files()

    def describe_shown(self, path: str) -> dict[str, Any]:
        """Size and time of the file behind a name."""
        shown = self.open_shown(path)
        return {"size": shown.size_bytes, "modified_at": shown.modified_at}

    def note_error(self, error: LakekitError | KeyboardInterrupt) -> None:
        """Remember an error that DuckDB is about to wrap, so that the caller can be given it as it was."""
        self.last_error = error
        self.is_stale = self.is_stale or isinstance(error, StaleFile)

    def forget_query(self) -> None:
        """Begin a new query: no error, no file opened."""
        self.last_error = None
        self.opened.clear()
        self._streamed.clear()

    def note_choice(self, group: Group, scans: Sequence[Scan]) -> None:
        """The query under way reads this group, by these scans; for its receipt. Until now it was only planned."""
        self.opened.clear()
        self._streamed.clear()
        self.source.ledger.note_needs(self.source, functools.partial(find_needs, self.plan, group, scans))

    def note_linked(self, tally: Tally) -> None:
        """The files that DuckDB has read on this computer's disk by itself; for the query's receipt."""
        linked = self.opened - self._streamed
        if linked:
            tally.table(self.source).linked |= linked

    def find_damage(self, error: Exception) -> LakekitError | None:
        """The file that a reading error of DuckDB's is about, found by decoding those that the query opened."""
        if isinstance(error, _NOT_OF_FILES):
            return None
        reader = TableReader(self.source.store, self.source.manifest)
        for path in sorted(self.opened):
            try:
                for _ in reader.read_files([path]):
                    pass
            except LakekitError as found:
                return found
        return None


def create_view(con: duckdb.DuckDBPyConnection, name: str, view: DuckDBView, place: _Place | None = None) -> None:
    """Register lakekit's file system in a connection and create, or replace, the view of a table in it.

    Without a place it is where the connection is; in a database file it is temporary: it would outlive the session
    that it needs.
    """
    _CONNECTIONS.add(con)
    if PROTOCOL not in con.list_filesystems():
        con.register_filesystem(FILE_SYSTEM)
        con.create_function(FILES_FUNCTION, LIST_FILES, ["VARCHAR", "BIGINT", "VARCHAR"], _FILES, type="arrow")
    database, schema, temporary = place or con.sql(_HERE).fetchall()[0]
    full_name = ".".join(map(quote_name, (database, schema, name)))
    kind, full_name = ("TEMP VIEW", quote_name(name)) if temporary else ("VIEW", full_name)
    query = f"CREATE OR REPLACE {kind} {full_name} AS {view.plan.sql()}"
    with bind_without_files(con, {view.token: view}):
        con.execute(query)


def _renew_view(con: duckdb.DuckDBPyConnection, name: str, view: DuckDBView) -> bool:
    """Create the view of a table again; whether this connection is open and had it, and not something else so called.

    Another thread may be using the connection: it is disturbed only where it alone has the view, and then left alone
    while it has a result under way. A transaction that does not let it keeps its view until a later renewal.
    """
    try:
        with con.cursor() as cursor:
            for one in (cursor, con):
                places = _find_places(one, name, view)
                for place in places:
                    create_view(one, name, view, place)
                if places:
                    return True
    except (duckdb.ResourceInUseException, duckdb.TransactionException):
        return True
    except duckdb.ConnectionException:
        return False
    return False


def _find_places(con: duckdb.DuckDBPyConnection, name: str, view: DuckDBView) -> list[_Place]:
    """Where the connection has the view of a table."""
    columns = "database_name, schema_name, temporary"
    query = f"SELECT {columns} FROM duckdb_views() WHERE view_name = ? AND contains(sql, ?)"
    return con.sql(query, params=[name, f"'{view.token}'"]).fetchall()


def free_connection(con: duckdb.DuckDBPyConnection) -> None:
    """End what ``con.execute()`` has begun, of which all rows were fetched.

    Raises:
        ResourceInUseException: there were more rows, which nobody can fetch any more.
    """
    try:
        con.sql("SELECT 1").fetchall()
    except duckdb.ResourceInUseException as exc:
        if "unfinished result from execute()" not in str(exc):
            raise
        if con.fetchmany(1):
            con.abort()
            what = "A result of execute() on lake.duckdb had rows that were not fetched yet, and was ended."
            hint = "Hint: fetch all rows first, or ask on a connection of its own: lake.duckdb.cursor()."
            raise duckdb.ResourceInUseException(f"{what}\n{hint}") from None


@atexit.register
def _end_queries() -> None:
    """End what still runs when Python ends: DuckDB's threads would ask for files of a Python that is gone."""
    for con in list(_CONNECTIONS):
        with contextlib.suppress(duckdb.Error):
            con.interrupt()
            con.cursor().execute("SET threads = 1")  # DuckDB waits for the other threads, and has none from now on
            con.close()
