"""Which files of a table one query can need, by what DuckDB's plan says of its scans.

It must not leave out a file that may hold a row of the answer: what it does not understand counts for nothing.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import duckdb
import numpy as np
import pyarrow as pa

from lakekit.manifest.bounds import read_file_bounds
from lakekit.manifest.pruning import choose_files
from lakekit.views.conditions import read_duckdb_conditions
from lakekit.views.explain import Scan, possible_scans, split_conjunction, strike_texts
from lakekit.views.keyvalues import read_settings
from lakekit.views.names import keeps_names, list_columns, own_database, reads_only_tables
from lakekit.views.plantext import list_names, mentions_strange, split_conditions
from lakekit.views.sqltypes import quote_name

if TYPE_CHECKING:
    from lakekit.manifest.manifest import Manifest
    from lakekit.manifest.predicates import Predicate
    from lakekit.views.plan import Group, ViewPlan

FEW_FILES = 8  # are fetched before a query that ends after some rows


@dataclass(frozen=True)
class Chosen:
    """Positions of files of a group, in their order.

    Attributes:
        listed: those that may hold a row of the answer.
        is_exact: whether conditions on keys leave just these, and not perhaps fewer.
        fetched: those of them whose data DuckDB is going to ask for, as far as can be told before.
        reads_floats: whether it may look at a column of floating point, whose bounds DuckDB must not see.
        is_counted: whether the query reads no column of them, so that their number of rows is all it needs.
        reads_keys: whether it may matter to the query in which folder each lies.
    """

    listed: list[int]
    is_exact: bool = False
    fetched: list[int] = field(default_factory=list)
    reads_floats: bool = True
    is_counted: bool = False
    reads_keys: bool = True

    def keep(self, files: np.ndarray) -> Chosen:
        """The same, for those of the group's files alone that are true here."""
        listed, fetched = ([position for position in part if files[position]] for part in (self.listed, self.fetched))
        return replace(self, listed=listed, fetched=fetched)


class Chooser:
    """What the scans of one query can need.

    Args:
        con: where the query is to run.
        query: SQL.
        scans: of its plan, all of them.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection, query: str, scans: Sequence[Scan]):
        self._con = con
        self._query = query
        self._scans = scans
        self._judged: tuple[Manifest, Predicate, np.ndarray] | None = None
        self._keeps_names = any(scan.conditions for scan in scans) and reads_only_tables(con, query)

    @functools.cached_property
    def _settings(self) -> dict[str, str]:
        """The settings of the session that say what conditions mean."""
        return read_settings(self._con)

    def choose(self, plan: ViewPlan, group: Group) -> Chosen:
        """The files of a group that some scan can need."""
        keys_shown = plan.shown_keys(group)
        candidates = possible_scans(self._scans, group.number, set(group.from_file) | keys_shown.keys())
        texts = [text for scan in candidates for text in (*scan.filters, *scan.file_filters, *scan.conditions)]
        if not candidates or mentions_strange([*group.from_file, *list_names(plan.manifest.schema.arrow)], texts):
            return Chosen(list(range(len(group.paths))), not any(scan.file_filters for scan in self._scans))
        keys = _KeyTable(lambda: self._settings, plan, group, keys_shown)
        listed, fetched = np.zeros((2, len(group.paths)), bool)
        reads_conditions, is_exact = self._reads_conditions(plan, candidates), True
        own = [scan for scan in candidates if scan.likely_group == group.number]
        likely = own or [scan for scan in candidates if scan.likely_group is None]
        for scan in candidates:
            texts = [*scan.filters, *scan.file_filters]
            predicate = read_duckdb_conditions(texts, plan.manifest.schema.arrow, keys_shown)
            found = self._choose_files(plan.manifest, predicate)[group.rows]
            if found.any():
                found &= keys.match(scan.file_filters)
            is_exact &= keys.are_scanned(keys.find_folders(found), scan)
            if not found.any():
                continue
            if reads_conditions:
                found &= keys.match(scan.conditions)
            listed |= found
            if scan in likely:
                fetched |= found & _expect_fetch(scan, keys, found)
        is_counted = not any(_reads_data(scan, keys) for scan in candidates)
        floats = _list_floats(plan.manifest.schema.arrow)
        reads_floats = any(_may_read(scan, floats) for scan in candidates)
        reads_keys = len(candidates) > 1 or not fetched.any() or _reads_keys(candidates[0], keys)
        return Chosen(
            listed=np.flatnonzero(listed).tolist(),
            is_exact=is_exact,
            fetched=np.flatnonzero(fetched).tolist(),
            reads_floats=reads_floats,
            is_counted=is_counted,
            reads_keys=reads_keys,
        )

    def _choose_files(self, manifest: Manifest, predicate: Predicate) -> np.ndarray:
        """As :func:`choose_files`; groups of a table are often asked the same."""
        if self._judged is None or self._judged[0] is not manifest or self._judged[1] != predicate:
            self._judged = manifest, predicate, choose_files(manifest, predicate)
        return self._judged[2]

    def _reads_conditions(self, plan: ViewPlan, candidates: Sequence[Scan]) -> bool:
        """Whether conditions above these scans mean by the name of a key that key, and each scan has some."""
        if not self._keeps_names or any(scan.group is None or not scan.conditions for scan in candidates):
            return False
        keys = plan.manifest.schema.keys
        return _mentions_keys(self._query, keys) and not _has_fields_named(plan.manifest.schema.arrow, keys)


def _may_read(scan: Scan, columns: Sequence[str]) -> bool:
    """Whether a scan reads one of these columns, or perhaps filters by it."""
    return any(name in scan.columns or any(name in text for text in scan.filters) for name in columns)


def _list_floats(schema: pa.Schema) -> list[str]:
    return [field.name for field in schema if _holds_floats(field.type)]


def _holds_floats(kind: pa.DataType) -> bool:
    parts = range(kind.num_fields)
    return pa.types.is_floating(kind) or any(_holds_floats(kind.field(index).type) for index in parts)


def _reads_data(scan: Scan, keys: _KeyTable) -> bool:
    """Whether a scan reads columns of the files themselves, or may filter by one."""
    texts = [keys.strike_out(text) for text in scan.filters]
    filters = any(name in text for name in keys.others for text in texts)
    return filters or not scan.columns <= keys.names.keys()


def _reads_keys(scan: Scan, keys: _KeyTable) -> bool:
    """Whether a scan reads a key, may filter rows by one, or leaves out folders that are not known to be left out."""
    if not scan.columns.isdisjoint(keys.names) or any(name in text for name in keys.names for text in scan.filters):
        return True
    return not keys.know_scanned(scan)


def _expect_fetch(scan: Scan, keys: _KeyTable, found: np.ndarray) -> np.ndarray:
    """Which files a scan is going to read data of, all else being as the plan says; none where that cannot be told."""
    nothing = np.zeros(len(found), bool)
    if not _reads_data(scan, keys) or _may_spare(scan, keys, found):
        return nothing
    if scan.is_limited:
        nothing[np.flatnonzero(found)[:FEW_FILES]] = True
        return nothing
    if scan.scanned_files is None:
        return ~nothing
    return keys.match(scan.file_filters) if keys.know_scanned(scan) else nothing


def _may_spare(scan: Scan, keys: _KeyTable, found: np.ndarray) -> bool:
    """Whether DuckDB may spare some of these files while the query runs: by a key, by a column whose bounds are not
    alike in all of them, or by what the plan does not tell.
    """
    columns = {keys.names.get(name, name).casefold(): name for name in scan.columns}
    for probe in scan.probes:
        if probe is None:
            return True
        name = columns.get(probe.casefold())
        if name is not None and (name in keys.names or keys.tell_apart(name, found)):
            return True
    return False


class _KeyTable:
    """The partition values of a group's folders, to ask which of them meet conditions.

    Attributes:
        names: by the name that files show, the key.
        others: the columns of the files themselves.
    """

    def __init__(
        self, find_settings: Callable[[], dict[str, str]], plan: ViewPlan, group: Group, names: Mapping[str, str]
    ):
        self.names = names
        self.others = group.from_file
        self._folders = len(group.samples)
        # the folder that is shown by two files, see ViewPlan.list_samples
        self._leading = None if group.leader is None else group.sample_numbers[group.leader]
        self._find_settings = find_settings
        self._asked: dict[str, np.ndarray | None] = {}
        self._plan = plan
        self._group = group
        self._columns = [[key.casefold()] for key in names.values()]
        self._numbers = group.sample_numbers

    def match(self, conditions: Sequence[str]) -> np.ndarray:
        """Which files of the group meet those of the conditions, or parts of them, that are on keys alone."""
        met = self._ask_all(conditions)
        return np.ones(len(self._group.paths), bool) if met is None else met[self._numbers]

    def find_folders(self, files: np.ndarray) -> np.ndarray:
        """Which folders these files lie in."""
        found = np.zeros(self._folders, bool)
        found[self._numbers[files]] = True
        return found

    def are_scanned(self, folders: np.ndarray, scan: Scan) -> bool:
        """Whether DuckDB is going to scan just as many folders; not where its plan does not tell."""
        if scan.scanned_files is None:
            return not scan.file_filters and bool(folders.all())
        if self._leading is None:  # an empty file leads, whose keys are NULL: it may be among those that are scanned
            return False
        return scan.scanned_files == folders.sum() + folders[self._leading]

    def know_scanned(self, scan: Scan) -> bool:
        """Whether the folders that meet the conditions of a scan are just those that DuckDB is going to scan."""
        met = self._ask_all(scan.file_filters)
        return self.are_scanned(np.ones(self._folders, bool) if met is None else met, scan)

    def tell_apart(self, column: str, files: np.ndarray) -> bool:
        """Whether there is no value of a column that all of these files may hold, as far as their bounds tell."""
        bounds, rows = read_file_bounds(self._plan.manifest, column), self._group.rows[files]
        low, high = bounds.low.gather(rows).max(), bounds.high.gather(rows).min()
        return low is not None and high is not None and low > high

    def strike_out(self, text: str) -> str:
        """A text without the names of keys."""
        return functools.reduce(lambda left, name: left.replace(name, ""), self.names, text)

    def _ask_all(self, conditions: Sequence[str]) -> np.ndarray | None:
        if not conditions or not self.names or any(text.count("'") % 2 for text in conditions):
            return None  # a text with a line break is told in parts, and one may look like a condition
        conditions = split_conditions(conditions, self.names)
        self._ask_together(conditions)
        met = [self._ask(part) for part in self._parts(conditions)]
        known = [folders for folders in met if folders is not None]
        return functools.reduce(np.logical_and, known) if known else None

    def _parts(self, conditions: Sequence[str]) -> Iterator[str]:
        for condition in conditions:
            if self._ask(condition) is not None:
                yield condition
            else:
                yield from split_conjunction(condition)

    def _ask(self, condition: str) -> np.ndarray | None:
        self._ask_together([condition])
        return self._asked[condition]

    def _ask_together(self, conditions: Sequence[str]) -> None:
        """Ask which folders meet those conditions that are on keys alone, and were not asked before."""
        new = [condition for condition in conditions if condition not in self._asked]
        self._asked.update(dict.fromkeys(new))
        on_keys = [condition for condition in new if self._is_on_keys(condition)]
        if not on_keys:
            return
        try:
            found = self._plan.key_values.find_folders(self._group, on_keys, self._find_settings())
            self._asked.update(zip(on_keys, found, strict=True))
        except duckdb.Error:  # one reads other columns, or functions of the user's own
            for condition in on_keys if len(on_keys) > 1 else ():
                del self._asked[condition]
                self._ask_together([condition])

    def _is_on_keys(self, condition: str) -> bool:
        """Whether a condition reads keys alone, and says the same of a folder each time."""
        if volatile_functions().intersection(re.findall(r"\w+", strike_texts(condition))):
            return False
        columns = list_columns(condition)
        return columns is not None and all([part.casefold() for part in name] in self._columns for name in columns)


@functools.cache
def volatile_functions() -> frozenset[str]:
    """Names of DuckDB's functions that give another value at each call, such as random."""
    query = "SELECT function_name FROM duckdb_functions() WHERE stability = 'VOLATILE'"
    return frozenset(row[0] for row in own_database().cursor().execute(query).fetchall())


def _mentions_keys(query: str, keys: Sequence[str]) -> bool:
    """Whether a query names one of these keys, and nothing else so."""
    text = query.casefold()
    named = [key for key in keys if key.casefold() in text or quote_name(key).casefold() in text]
    return bool(named) and keeps_names(query, keys)


def _has_fields_named(kind: pa.Schema | pa.DataType, keys: Sequence[str]) -> bool:
    """Whether a struct in a schema or type has a field with the name of a key: expanded, it would pass for the key."""
    fields = list(kind) if isinstance(kind, pa.Schema) else [kind.field(index) for index in range(kind.num_fields)]
    folded = {key.casefold() for key in keys}
    if isinstance(kind, pa.StructType) and any(field.name.casefold() in folded for field in fields):
        return True
    return any(_has_fields_named(field.type, keys) for field in fields)
