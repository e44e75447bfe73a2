"""The files that a Delta log names at one version: its own files are read through the store, and judged by deltalake.

It must not read data, nor guess: of a table whose features it does not know it reads nothing.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from lakekit.delta.commits import Commits, find_commits
from lakekit.delta.package import import_deltalake
from lakekit.errors import IncompleteTable, InvalidArgument, LakekitError, UnsupportedTable
from lakekit.manifest.logged import LoggedFiles, find_named, leave_out_lost
from lakekit.storage import RangeRequest, Store
from lakekit.storage.columns import list_columns

if TYPE_CHECKING:
    from deltalake import DeltaTable

READ_FEATURES = frozenset({"timestampNtz", "vacuumProtocolCheck"})  # what a reader must know, and lakekit does
MOST_ATTEMPTS = 3  # to read a log that others write to
MOST_READER = 3  # version of the protocol for readers; the Delta protocol, read 2026-11
_MAPPING = "delta.columnMapping.mode"
_UNREADABLE_KEYS = (pa.types.is_binary, pa.types.is_decimal, pa.types.is_nested)
_UNSUPPORTED = re.compile(r"[Ff]eature '?(\w+)'? is not supported|reader version|protocol version")


class LogReader:
    """Reads the log of one table; what it has read of it once it does not read again.

    Args:
        as_of: the version to read, or a moment; the last if None.
        skips_lost: read the rest where files that the log names are gone, or were written over.
    """

    def __init__(self, as_of: int | datetime | None = None, *, skips_lost: bool = False):
        self.as_of = as_of
        self._skips_lost = skips_lost
        self._kept: dict[tuple[str, str], bytes] = {}

    def __call__(self, store: Store, listed: pl.DataFrame) -> LoggedFiles | None:
        """The files that the log names; None where there is no log, or none that can be read.

        One GET for each file of the log since its last checkpoint; the listing tells the rest. Where files are gone and
        a later commit is there by now, as after a compaction whose originals were retired, it reads that one.

        Args:
            store: the table.
            listed: all that lies there.

        Raises:
            UnsupportedTable: the table has features that lakekit does not read.
            InvalidArgument: the version that was asked for is not there.
            IncompleteTable: files that the log names are not there.
            MissingPackage: deltalake is not installed.
        """
        for _ in range(MOST_ATTEMPTS):
            try:
                return self._read_once(store, listed)
            except IncompleteTable as exc:
                error, before = exc, find_commits(listed).latest
                if self.as_of is not None or getattr(store, "listed_at", None) is not None:
                    break
                listed = list_columns(store)
                if find_commits(listed).latest <= before:
                    break
        if self._skips_lost:
            return self._read_once(store, listed, skips_lost=True)
        raise error

    def _read_once(self, store: Store, listed: pl.DataFrame, *, skips_lost: bool = False) -> LoggedFiles | None:
        commits, url = find_commits(listed), store.address.url
        if commits.latest < 0 and not commits.has_new:
            return None
        deltalake = import_deltalake(f"{url} has a Delta log, and a listing alone would show removed rows as well.")
        version = commits.find_version(self.as_of, url) if commits.latest >= 0 else -1
        chosen = commits.choose(version)
        if not chosen:
            return self._give_up(url, commits, "files of it are missing")
        contents = self._fetch(store, listed, chosen)
        with tempfile.TemporaryDirectory(prefix="lakekit-delta-") as folder:
            for path, content in contents.items():
                place = Path(folder, path)
                place.parent.mkdir(exist_ok=True)
                place.write_bytes(content)
            try:
                table = deltalake.DeltaTable(folder, version=version)
            except deltalake.exceptions.DeltaError as exc:
                _refuse_features(_find_features(contents), url, exc)
                return self._give_up(url, commits, str(exc).partition("\n")[0], exc)
            return self._read(table, store, listed, skips_lost)

    def _give_up(self, url: str, commits: Commits, why: str, cause: Exception | None = None) -> None:
        """None: the table is read by its listing, and says so; but not where that would be another version."""
        if commits.has_new:
            what = f"{url} uses the feature v2Checkpoint of Delta, which lakekit does not read."
            raise UnsupportedTable(what, hint="read it with deltalake, or let its writer make classic checkpoints.")
        if self.as_of is not None:
            raise InvalidArgument(f"The Delta log of {url} cannot be read: {why}.", hint="mend it first.") from cause

    def _fetch(self, store: Store, listed: pl.DataFrame, paths: Sequence[str]) -> dict[str, bytes]:
        rows = listed.filter(pl.col("path").is_in(list(paths))).select("path", "size_bytes", "etag").rows()
        kept = {(path, etag): self._kept.get((path, etag)) for path, _, etag in rows}
        missing = [RangeRequest(path, 0, size, etag) for path, size, etag in rows if kept[path, etag] is None and size]
        for request, outcome in store.read_many(missing):
            if isinstance(outcome, LakekitError):
                raise outcome
            kept[request.path, request.etag] = bytes(outcome)
        self._kept = {key: content or b"" for key, content in kept.items()}
        return {path: content for (path, _), content in self._kept.items()}

    def _read(self, table: DeltaTable, store: Store, listed: pl.DataFrame, skips_lost: bool) -> LoggedFiles:
        url, protocol, metadata = store.address.url, table.protocol(), table.metadata()
        features = {*(protocol.reader_features or ())}
        if metadata.configuration.get(_MAPPING, "none") != "none":
            features.add("columnMapping")
        if protocol.min_reader_version > MOST_READER:
            features.add(f"reader version {protocol.min_reader_version}")
        _refuse_features(features, url)
        found = pa.table(table.get_add_actions(flatten=False))
        paths = [unquote(path) for path in found.column("path").to_pylist()]
        _refuse_elsewhere(paths, url)
        schema = pa.schema(table.schema().to_arrow())
        keys = tuple(metadata.partition_columns)
        types = tuple(_find_key_type(schema.field(key), url) for key in keys)
        rows = found.column("partition").to_pylist() if keys and paths else [{}] * len(paths)
        values = {path: tuple(row[key] for key in keys) for path, row in zip(paths, rows, strict=True)}
        sizes = dict(zip(paths, found.column("size_bytes").to_pylist(), strict=True))
        left_out = leave_out_lost(sizes, listed) if skips_lost else {}
        sizes = {path: size for path, size in sizes.items() if path not in left_out}
        files, listed = find_named(sizes, store, listed, version=f"Version {table.version()}")
        columns = pa.schema([field for field in schema if field.name not in keys])
        return LoggedFiles(table.version(), files, listed, keys, types, values, columns, left_out=left_out)


def _find_features(contents: Mapping[str, bytes]) -> set[str]:
    """The features of readers that a log asks for, of one that deltalake cannot open; nothing where it is damaged."""
    found: set[str] = set()
    for path, content in contents.items():
        for action in _list_actions(path, content):
            told = (action.get(name) for name in ("protocol", "metaData"))
            protocol, metadata = (each if isinstance(each, dict) else {} for each in told)
            found.update(protocol.get("readerFeatures") or ())
            if (protocol.get("minReaderVersion") or 1) > MOST_READER:
                found.add(f"reader version {protocol['minReaderVersion']}")
            if dict(metadata.get("configuration") or {}).get(_MAPPING, "none") != "none":
                found.add("columnMapping")
    return found


def _list_actions(path: str, content: bytes) -> list[dict[str, Any]]:
    """Protocol and metadata of one file of a log."""
    try:
        if path.endswith(".parquet"):
            return pq.read_table(pa.BufferReader(content), columns=["protocol", "metaData"]).to_pylist()
        lines = [line for line in content.splitlines() if b'"protocol"' in line or b'"metaData"' in line]
        return [action for action in map(json.loads, lines) if isinstance(action, dict)]
    except (ValueError, pa.ArrowException):
        return []


def _refuse_features(features: set[str], url: str, exc: Exception | None = None) -> None:
    unknown = sorted(features - READ_FEATURES)
    if exc is not None and not unknown:
        told = _UNSUPPORTED.search(str(exc))
        unknown = [told[1] or str(exc).partition("\n")[0]] if told else []
    if unknown:
        what = f"{url} uses features of Delta that lakekit does not read: {', '.join(unknown)}."
        raise UnsupportedTable(what, hint="read it with deltalake or Spark, or write it anew without them.") from exc


def _refuse_elsewhere(paths: Sequence[str], url: str) -> None:
    far = next((path for path in paths if path.startswith("/") or re.match(r"[a-zA-Z][a-zA-Z0-9+.-]+:", path)), None)
    if far is not None:
        what = f"The Delta log of {url} names files of another place, such as {far}: a shallow clone."
        raise UnsupportedTable(what, hint="open the table that it was cloned from.")


def _find_key_type(field: pa.Field, url: str) -> pa.DataType:
    if any(is_of(field.type) for is_of in _UNREADABLE_KEYS):
        what = f"The partition key {field.name!r} of {url} is of type {field.type}, which lakekit does not read."
        raise UnsupportedTable(what, hint="read it with deltalake, or partition it by text.")
    is_text = pa.types.is_large_string(field.type) or pa.types.is_string_view(field.type)
    return pa.string() if is_text else field.type
