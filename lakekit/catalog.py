"""The tables of a lake: found, opened, kept up to date, and what happens around each query over them.

It must not hold a DuckDB connection: connections hold it.
"""

from __future__ import annotations

import contextlib
import difflib
import functools
import inspect
import re
import threading
import weakref
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from lakekit.arguments import require_kind
from lakekit.entries import ENTRIES, Entries
from lakekit.errors import (
    AccessDenied,
    CredentialsExpired,
    IncompleteTable,
    InvalidArgument,
    LakekitError,
    NoFilesFound,
    StaleFile,
    StorageFailed,
    UnknownTable,
)
from lakekit.storage.address import parse_address
from lakekit.table import Table, open_table
from lakekit.units import format_number_of

if TYPE_CHECKING:
    import duckdb

    from lakekit.entries import Entry
    from lakekit.manifest.changes import Changes
    from lakekit.receipts.receipt import Receipt
    from lakekit.storage import Store

_MISSING = re.compile(r"Catalog Error: Table with name (\S+) does not exist!")
_OF_LAKE = ("url", "name", "storage")  # what the lake says of each table
REMOTE_THREADS = 64  # DuckDB asks for about as many files at once as it has threads; most of them wait for the network


class Catalog:
    """The tables under one address.

    Args:
        store: the address.
        options: keyword arguments of open_table, by table.
        entries: where tables are switched; those below the address if not given.

    Attributes:
        tables: open tables by name.
        failed: errors by name, for folders that hold Parquet but make no table.
        entries: where tables are read that were switched to another address.
        lock: held by whoever uses the lake's connection.
        ledger: the receipts of all queries over the lake.
    """

    def __init__(self, store: Store, options: Mapping[str, Mapping[str, Any]], entries: Entries | None = None):
        self.store = store
        self.entries = entries or Entries(store.address.child(ENTRIES), store.storage)
        self._has_entries = entries is not None
        self.tables: dict[str, Table] = {}
        self.failed: dict[str, LakekitError] = {}
        self.lock = threading.RLock()
        from lakekit.receipts.ledger import Ledger

        self.ledger = Ledger()
        self.ledger.watch_lake(store)
        self._options = options
        self._con: weakref.ReferenceType[duckdb.DuckDBPyConnection] | None = None
        self.places: dict[str, Entry] = {}
        for name, given in self._options.items():
            self._refuse_unknown_options(name, given)
        self._find_tables()
        self._refuse_strange_options()

    def _refuse_strange_options(self) -> None:
        there = {*self.tables, *self.failed}
        strange = [name for name in self._options if name not in there]
        if strange:
            what = f"Options are given for a table {strange[0]!r}, which {self.store.address.url} does not have."
            raise UnknownTable(what, hint=f"tables: {', '.join(sorted(there))}.")

    def _refuse_unknown_options(self, name: str, options: Any) -> None:
        known = [option for option in inspect.signature(open_table).parameters if option not in _OF_LAKE]
        hint = f"options of a table are {', '.join(known)}."
        require_kind(f"tables[{name!r}]", options, Mapping, what="a mapping of options", hint=hint)
        for option in options:
            if option not in known:
                raise InvalidArgument(f"tables[{name!r}] has an option {option!r}, which there is not.", hint=hint)

    def _find_tables(self) -> tuple[list[str], list[str]]:
        """Open what is new and forget what is gone; the names of both."""
        from lakekit.iceberg import METADATA, is_iceberg
        from lakekit.manifest.listing import is_hidden

        url = self.store.address.url
        listed = self.store.list_folders()
        folders = [name for name in listed if not is_hidden(f"{name}/x", 1)]
        keyed = [name for name in folders if "=" in name]
        folders = [name for name in folders if name not in keyed]
        if keyed and len(keyed) >= len(folders):
            what = f"{url}/ holds partitions, such as {keyed[0]}/, and not tables."
            raise NoFilesFound(what, hint="it is one table: open it with open_table.")
        if METADATA in folders and is_iceberg(self.store):  # its data/ alone would show removed rows as well
            raise NoFilesFound(f"{url}/ is an Iceberg table, and no lake.", hint="open it with open_table.")
        self.places = self.entries.read() if self._has_entries or ENTRIES.partition("/")[0] in listed else {}
        folders = sorted({*folders, *self.places})
        gone = [name for name in self.tables if name not in folders]
        moved = [name for name in self.tables if name in folders and self.tables[name].url != self._find_url(name)]
        for name in [*gone, *moved]:
            del self.tables[name]
        added = [name for name in folders if name not in self.tables]
        self.failed = {name: self._refuse_partition(name) for name in keyed}
        for name in added:
            self._open(name)
        gone += self._refuse_twins()
        if not self.tables and not self.failed:
            self._refuse_empty(folders)
        return [name for name in added if name in self.tables], gone

    def _refuse_twins(self) -> list[str]:
        """Fail the tables that SQL would take for one another, and give their names."""
        known = [*self.tables, *self.failed]
        spelled = Counter(name.casefold() for name in known)
        twins = sorted(name for name in known if spelled[name.casefold()] > 1)
        refused = [name for name in twins if name in self.tables]
        for name in refused:
            other = next(twin for twin in twins if twin != name and twin.casefold() == name.casefold())
            what = f"The folders {name}/ and {other}/ differ only in case; SQL cannot tell two such tables apart."
            self.failed[name] = InvalidArgument(what, hint="open each by itself, with open_table.")
            del self.tables[name]
        return refused

    def _refuse_partition(self, name: str) -> InvalidArgument:
        what = f"{self.store.address.url}/{name}/ is a partition, and stands among tables."
        return InvalidArgument(what, hint="open it by itself, with open_table.")

    def _find_url(self, name: str) -> str:
        """Where a table is: its folder, or where it was switched to."""
        return self.places[name].url if name in self.places else self.store.address.child(name).url

    def _open(self, name: str) -> None:
        url = self._find_url(name)
        try:
            table = self.open_at(url, name)
            table.keep_receipts(self.ledger)
            table.find_successor = functools.partial(self.follow, name)
            table.switched_from = self.places[name].before if name in self.places else None
            self.tables[name] = table
        except NoFilesFound:
            return
        except InvalidArgument:
            raise
        except LakekitError as error:
            if isinstance(error, IncompleteTable | StaleFile) and self._has_moved(name):
                self._open(name)
            else:
                self.failed[name] = error

    def _has_moved(self, name: str) -> bool:
        """Whether the table was switched since the entries were read, such as before its originals were retired."""
        before, entry = self._find_url(name), self.entries.read().get(name)
        if entry is not None:
            self.places[name] = entry
        return self._find_url(name) != before

    def follow(self, name: str) -> Table | None:
        """The table of that name as it is read now; None where it is none any more."""
        self.refresh()
        return self.tables.get(name)

    def open_at(self, url: str, name: str) -> Table:
        """The table of that name as it would be read there."""
        same_kind = parse_address(url).scheme == self.store.address.scheme
        return open_table(
            url, name=name, storage=self.store.storage if same_kind else None, **self._options.get(name, {})
        )

    def _refuse_empty(self, folders: Sequence[str]) -> None:
        from lakekit.manifest.listing import is_named_parquet
        from lakekit.manifest.refusals import suggest_folders

        url = self.store.address.url
        if self.store.find_root_file() is not None:
            raise NoFilesFound(f"{url} is a file, and a lake is a folder or prefix.", hint="open its folder.")
        there = f"{len(folders)} folders there: {', '.join(folders[:5])}" if folders else "no folders there"
        loose = 0 if folders else sum(is_named_parquet(one.path) for one in self.store.list_objects())
        if loose:
            what = f"{url}/ holds {format_number_of(loose, 'Parquet file')}, and no folder with a table."
            raise NoFilesFound(what, hint="it is one table: open it with open_table.")
        rule = "a lake's tables are the folders right under it; for a single table use open_table"
        hint = f"{rule}." if folders else f"{rule}; {suggest_folders(self.store)}"
        raise NoFilesFound(f"No table under {url}/ ({there}).", hint=hint)

    def create_views(self, con: duckdb.DuckDBPyConnection) -> None:
        """A view of each table in this connection; one that raises for each folder that makes no table."""
        from lakekit.views.lakeviews import LakeViews
        from lakekit.views.relation import hook_queries

        self._lake_views = LakeViews()
        if self.store.address.scheme != "file":
            con.execute(f"SET threads = {REMOTE_THREADS}")
        self._con = weakref.ref(con)
        hook_queries(con, self)
        self._align_views(con, con)

    def _align_views(self, con: duckdb.DuckDBPyConnection, by: duckdb.DuckDBPyConnection) -> None:
        """Views as the tables are now, and those that could not be opened, whatever happened to earlier refreshes."""
        with self.ledger.making_views():
            views = {name: table.view for name, table in self.tables.items()}
            self._lake_views.align(con, by, views, self.failed)

    def _follow_tables(self, con: duckdb.DuckDBPyConnection) -> None:
        """Align the views of a connection, if it is open; what is under way there goes on."""
        import duckdb

        with contextlib.suppress(duckdb.ConnectionException), con.cursor() as cursor:
            self._align_views(con, cursor)

    def refresh(self) -> Changes:
        """List every table again, with what changed in the whole lake."""
        with self.lock:
            self.ledger.settle()
            return self._refresh_alone()

    def _refresh_alone(self) -> Changes:
        from lakekit.manifest.changes import merge_changes

        before = list(self.tables)
        added, gone = self._find_tables()
        changes = [change for name in before if name in self.tables for change in self._refresh_table(name, gone)]
        con = self._con() if self._con is not None else None
        if con is not None:
            self._follow_tables(con)
        return merge_changes(self.store.address.name, changes, added, gone)

    def _refresh_table(self, name: str, gone: list[str]) -> list[Changes]:
        """What changed in one table; nothing, and the table gone or failed, where it cannot be read any more."""
        try:
            return [self.tables[name].refresh()]
        except NoFilesFound:
            gone.append(name)
        except (CredentialsExpired, AccessDenied, StorageFailed, StaleFile):
            raise
        except LakekitError as error:
            self.failed[name] = error
            gone.append(name)
        del self.tables[name]
        return []

    def explain_binding(self, query: str) -> LakekitError | None:
        """Why a query that does not bind cannot: it names a folder that makes no table."""
        words = {word.casefold() for word in re.findall(r'"[^"]+"|\w+', query)}
        named = (name for name in self.failed if not words.isdisjoint({name.casefold(), f'"{name.casefold()}"'}))
        return next((self.failed[name] for name in named), None)

    def explain_missing(self, error: Exception) -> Exception:
        """The same error of a table that is not there, with the lake's tables in place of DuckDB's guess."""
        match = _MISSING.match(str(error))
        if match is None:
            return error
        return type(error)(f"{match[0]}\nHint: {self.suggest_table(match[1])}")

    def suggest_table(self, name: str) -> str:
        """A hint for a name that no table has: the nearest one, and all."""
        close = difflib.get_close_matches(name, self.tables, n=1)
        meant = f"did you mean {close[0]!r}? " if close else ""
        return f"{meant}tables: {', '.join(sorted(self.tables))}."

    def before_query(self, con: duckdb.DuckDBPyConnection) -> None:
        """Refresh when a file turned out to have changed, and forget the errors of earlier queries.

        Raises:
            duckdb.ResourceInUseException: a result of ``con.execute()`` has rows that were not fetched.
            EngineFailed: the connection runs nothing any more.
        """
        import duckdb

        from lakekit.views.duckdb import free_connection
        from lakekit.views.relation import explain_failure

        try:
            free_connection(con)
        except duckdb.FatalException as exc:
            raise explain_failure(exc) from exc
        views = self._views()
        if any(view.is_stale for view in views):
            self.refresh()
        for view in views:
            view.forget_query()

    @property
    def receipt(self) -> Receipt | None:
        """What the last query did cost."""
        return self.ledger.receipt

    @contextlib.contextmanager
    def record_query(self, query: str, *, goes_on: bool = False, is_bind: bool = False) -> Iterator[None]:
        """While it lasts, what is asked of the store is this query's; until the next one if it goes on.

        Args:
            query: SQL.
            goes_on: whether it reads on afterwards.
            is_bind: whether it is only bound; it then leaves a receipt where it read something all the same.
        """
        with self.ledger.record("duckdb", query, goes_on=goes_on, keep_empty=not is_bind) as tally:
            try:
                yield
            finally:
                for view in self._views():
                    view.note_linked(tally)

    def preview_query(self, relation: duckdb.DuckDBPyRelation, query: str) -> Receipt:
        """The receipt that a relation's query would have, under this text; see ``views/preview.py``."""
        from lakekit.receipts.build import build_receipt
        from lakekit.receipts.tally import Tally
        from lakekit.views.preview import preview_query

        self._refuse_failed(relation)
        tally = Tally(query, "duckdb", datetime.now(UTC))
        is_at_most = preview_query(relation, {view.token: view for view in self._views()}, tally)
        return replace(build_receipt(tally), seconds=None, is_preview=True, is_at_most=is_at_most)

    def _refuse_failed(self, relation: duckdb.DuckDBPyRelation) -> None:
        """Raise the error of a folder that makes no table or no view, where the plan of a relation reads its view."""
        from lakekit.views.explain import read_steps
        from lakekit.views.narrow import explain_query
        from lakekit.views.sqltypes import quote_text

        refused = self._list_refusals()
        steps = read_steps(explain_query(relation._con, *relation._statement())) if refused else []
        said = "\n".join(text for step in steps for text in step.read("Expression"))
        for error in refused:
            if quote_text(error.what)[1:-1] in said:
                raise error

    def _list_refusals(self) -> list[LakekitError]:
        """Errors that views raise in place of rows."""
        refused = (view.plan.refusal for view in self._views())
        return [*self.failed.values(), *(error for error in refused if error is not None)]

    def _views(self) -> list[Any]:
        return [table.view for table in self.tables.values() if table.has_view]

    def bind_lightly(self, con: duckdb.DuckDBPyConnection, query: str) -> AbstractContextManager[None]:
        """While it lasts, a SELECT is bound in no time; it is bound again, to all files, when it runs."""
        from lakekit.views.narrow import bind_lightly

        return bind_lightly(con, {view.token: view for view in self._views()}, query)

    def narrow_query(self, con: duckdb.DuckDBPyConnection, query: str, values: Any) -> AbstractContextManager[Any]:
        """While it lasts, the views list only the files that the query can need; see ``views/narrow.py``."""
        from lakekit.views.narrow import narrow_files

        return narrow_files(con, {view.token: view for view in self._views()}, query, values)

    def explain_error(self, error: Exception) -> LakekitError | KeyboardInterrupt | None:
        """The error of lakekit, or the Ctrl-C, that stands behind one of DuckDB's, or None."""
        from lakekit.views.relation import explain_failure, read_conflict

        views = self._views()
        noted = next((view.last_error for view in views if view.last_error is not None), None)
        refused = next((failed for failed in self._list_refusals() if failed.what in str(error)), None)
        conflict = noted or refused or read_conflict(error)
        damage = conflict or next((found for view in views if (found := view.find_damage(error))), None)
        return damage or explain_failure(error)
