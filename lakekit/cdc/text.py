"""CSV or NDJSON files: looked through once for their columns and kinds of values, then read with their types.

It must not keep what it fetched for longer than it reads.
"""

from __future__ import annotations

import contextlib
import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from lakekit.cdc.batch import KEPT, Batch, JournalForm
from lakekit.cdc.cache import JournalCache
from lakekit.cdc.debezium import Change, read_events
from lakekit.cdc.dms import OP, CsvLayout, find_header, read_first_line, read_lines
from lakekit.cdc.files import JournalFile, Kind, open_locally
from lakekit.cdc.logs import Log, check_logs, check_tables, find_place, join_logs, note_change, rank_servers
from lakekit.cdc.values import choose_type, classify, convert
from lakekit.storage import Store

BATCH_CHANGES = 20_000
_POSITION_NAMES = ("the log's position",) * 4


class TextJournal:
    """CSV or NDJSON files: looked through once for their columns and kinds of values, then read with their types."""

    op = None
    kept: tuple[str, ...] = ()  # columns whose values some changes do not tell; known when the fields are

    def __init__(self, store: Store, kind: Kind, files: Sequence[JournalFile], form: JournalForm):
        self._store, self._kind, self._files, self._form = store, kind, files, form
        told = [kind, form.format, repr(form.csv), repr(list(form.columns)), repr(form.timestamp), repr(form.key)]
        self._cache = JournalCache(store, [*told, repr(form.order_by)])
        self._has_header = False
        self._profiles: dict[str, dict[str, Any]] = {}
        self._logs: dict[str, Log] = {}
        self._ranks: dict[str, int] = {}
        self._local: dict[str, Path] = {}
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> TextJournal:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def cache(self, form: JournalForm) -> JournalCache:
        return self._cache

    def list_fields(self) -> list[pa.Field]:
        """The columns: declared ones, then the others as they appear; each with its type over all files."""
        if self._kind == "csv":
            self._note("first", lambda file, local: read_first_line(file, local, self._form.csv))
            first_lines = [cells for file in self._files if (cells := self._recall(file, "first"))]
            self._has_header = find_header(first_lines, self._layout(self._form))
        what = f"profile 2 {self._has_header}"
        self._note(what, self._profile)
        profiles = {file.path: self._recall(file, what) for file in self._files}
        self._profiles = {path: told["kinds"] for path, told in profiles.items()}
        tables = [(names, f"{path}, line {line}") for path, told in profiles.items() for *names, line in told["tables"]]
        check_tables(tables, self._store.address.url)
        self._logs = join_logs(told["logs"] for told in profiles.values())
        check_logs(self._logs, self._store.address.url)
        self._ranks = rank_servers(self._logs, self._store.address.url)
        kept = {name for told in profiles.values() for name in told["kept"]}
        fields = self._choose_types()
        self.kept = tuple(one.name for one in fields if one.name in kept)
        return fields

    def _note(self, what: str, look: Callable[[JournalFile, Path], Any]) -> None:
        """Look into the files that this was not noted of yet."""
        unknown = [file for file in self._files if not self._cache.locate(file, what, ".json").exists()]
        local = self._fetch(unknown)
        for file in unknown:
            self._cache.write_text(file, what, json.dumps(look(file, local[file.path])))

    def _recall(self, file: JournalFile, what: str) -> Any:
        return json.loads(self._cache.locate(file, what, ".json").read_text(encoding="utf-8"))

    def _fetch(self, files: Sequence[JournalFile]) -> dict[str, Path]:
        """Where files lie here; those that were fetched stay until the journal is read."""
        missing = [file for file in files if file.path not in self._local]
        self._local |= self._stack.enter_context(open_locally(self._store, missing, self._cache.folder))
        return self._local

    def _layout(self, form: JournalForm) -> CsvLayout:
        return CsvLayout(form.csv, tuple(form.columns), form.timestamp, form.order_by)

    def _changes(self, file: JournalFile, local: Path, form: JournalForm) -> Iterator[Change]:
        if self._kind == "csv":
            return read_lines(file, local, self._layout(form), self._has_header)
        return read_events(file, local, form)

    def tell_basis(self) -> str:
        """What else than its own bytes tells how a file is read."""
        return repr(({server: (log.first, log.since) for server, log in sorted(self._logs.items())}, self._ranks))

    def _profile(self, file: JournalFile, local: Path) -> dict[str, Any]:
        """By column, the kinds of its values, each with its first line; what is kept, the logs, the tables."""
        kinds: dict[str, dict[str, int]] = {}
        kept: set[str] = set()
        logs: dict[str, Log] = {}
        tables: dict[tuple[str, ...], int] = {}
        for change in self._changes(file, local, self._form):
            kept.update(change.kept)
            tables.setdefault(change.table, change.line)
            if self._kind == "ndjson" and not self._form.order_by:
                note_change(logs, change)
            for name, value in change.row.items():
                found = kinds.setdefault(name, {})
                if value is not None:
                    found.setdefault(classify(value, is_text=self._kind == "csv"), change.line)
        return {
            "kinds": kinds,
            "kept": sorted(kept),
            "logs": logs,
            "tables": [[*names, line] for names, line in tables.items()],
        }

    def _choose_types(self) -> list[pa.Field]:
        found: dict[str, dict[str, str]] = {name: {} for name in self._form.columns}
        for file in self._files:
            for name, kinds in self._profiles[file.path].items():
                places = found.setdefault(name, {})
                for kind, line in kinds.items():
                    places.setdefault(kind, f"{file.path}, line {line}")
        if self._form.timestamp:  # it is told of each change, and no value of its row
            found.setdefault(self._form.timestamp, {})
        is_text, declared = self._kind == "csv", dict(self._form.columns)
        for name in found:  # what a value was before is of its type
            base = name.removeprefix(self._form.before)
            if base != name and base in found:
                found[name] = found[base] = {**found[base], **found[name]}
                declared[name] = declared.get(name) or declared.get(base)
        return [
            pa.field(name, declared.get(name) or choose_type(name, kinds, is_text=is_text))
            for name, kinds in found.items()
            if name != OP
        ]

    def read(
        self, files: Sequence[JournalFile], data: pa.Schema, form: JournalForm
    ) -> Iterator[tuple[JournalFile, Iterator[Batch]]]:
        """Each file with its changes, typed."""
        local = self._fetch(files)
        for file in files:
            yield file, self._read_file(file, local[file.path], data, form)

    def _read_file(self, file: JournalFile, local: Path, data: pa.Schema, form: JournalForm) -> Iterator[Batch]:
        changes = self._changes(file, local, form)
        marks = {KEPT + name: name for name in self.kept}
        while some := list(itertools.islice(changes, BATCH_CHANGES)):
            lines = [change.line for change in some]

            def tell_place(position: int, lines: Sequence[int] = lines) -> str:
                return f"{file.path}, line {lines[position]}"

            columns = [
                pa.array([marks[one.name] in change.kept for change in some])
                if one.name in marks
                else convert(one.name, [change.row.get(one.name) for change in some], one.type, tell_place)
                for one in data
            ]
            moments: list[datetime | None] = [change.committed_at for change in some]
            committed = pa.array(moments, pa.timestamp("us", "UTC"))
            orders = [find_place(change, self._logs, self._ranks) for change in some]
            told = [list(place) for place in zip(*orders, strict=True)]
            names = form.order_by or _POSITION_NAMES[: len(told)]
            yield Batch(
                pa.Table.from_arrays(columns, schema=data),
                pa.array([change.op for change in some], pa.string()),
                committed,
                np.array(lines),
                np.array([change.is_second for change in some]),
                [*told, committed],
                [*names, "commit time"],
            )
