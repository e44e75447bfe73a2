"""The metadata of a table, which of its snapshots was meant, and the files that one names.

It must not know where bytes come from: it is handed what fetches them.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from lakekit.errors import CorruptFile, InvalidArgument, UnsupportedTable
from lakekit.storage.unpacking import unpack_gzip
from lakekit.units import format_number_of

if TYPE_CHECKING:
    from pyiceberg.manifest import DataFile, ManifestFile
    from pyiceberg.table.metadata import TableMetadata
    from pyiceberg.table.snapshots import Snapshot

MOST_FORMAT = 3  # version of the format; the Iceberg spec, read 2026-11
_READ_HINT = 'restore it from a backup, or open an earlier version: open_table("…/metadata/….metadata.json").'
Fetch = Callable[[Sequence[str]], dict[str, bytes]]  # the contents of some locations, all at once


def parse_metadata(content: bytes, path: str) -> TableMetadata:
    """The metadata in the bytes of its file, which may be compressed.

    Raises:
        CorruptFile: it is none.
        UnsupportedTable: it is of a later version of the format, or encrypted.
    """
    from pyiceberg.table.metadata import TableMetadataUtil

    try:
        told = json.loads(unpack_gzip(content) if content[:2] == b"\x1f\x8b" else content)
        version = told["format-version"]
    except (OSError, EOFError, ValueError, KeyError, TypeError, zlib.error) as exc:
        raise CorruptFile(f"{path} is no metadata of an Iceberg table: {_say(exc)}.", hint=_READ_HINT) from exc
    if not isinstance(version, int) or version > MOST_FORMAT:
        what = f"{path} is of version {version} of Iceberg's format, and lakekit reads up to {MOST_FORMAT}."
        raise UnsupportedTable(what, hint="read it with what wrote it.")
    if any(isinstance(one, dict) and one.get("key-id") for one in told.get("snapshots") or ()):
        what = f"The manifests that {path} names are encrypted, and lakekit holds no keys."
        raise UnsupportedTable(what, hint="read it with what wrote it.")
    try:
        return TableMetadataUtil.parse_obj(told)
    except Exception as exc:  # whatever pyiceberg and pydantic raise over metadata that is not as it should be
        if version == MOST_FORMAT:
            what = f"{path} has what pyiceberg does not know of version {version} of the format: {_say(exc)}."
            raise UnsupportedTable(what, hint="read it with what wrote it.") from exc
        raise CorruptFile(f"{path} is no metadata of an Iceberg table: {_say(exc)}.", hint=_READ_HINT) from exc


def _say(exc: Exception) -> str:
    return " ".join(str(exc).split())[:200] or type(exc).__name__


def find_snapshot(metadata: TableMetadata, as_of: int | datetime | None, url: str) -> Snapshot | None:
    """The snapshot that was meant: by its id, by a moment, or the current one of the main branch; None for none yet.

    Raises:
        InvalidArgument: there is none such.
    """
    by_id = {one.snapshot_id: one for one in metadata.snapshots}
    current = metadata.current_snapshot_id
    if as_of is None:
        if current is not None and current != -1 and current not in by_id:
            raise CorruptFile(f"The metadata of {url} lacks its own current snapshot {current}.", hint=_READ_HINT)
        return by_id.get(current)
    if isinstance(as_of, datetime):
        as_of = _find_at(metadata, as_of, url)
    if isinstance(as_of, bool) or not isinstance(as_of, int) or as_of not in by_id:
        kept = sorted(metadata.snapshots, key=lambda one: one.timestamp_ms)[-5:]
        there = ", ".join(f"{one.snapshot_id} ({_format(one.timestamp_ms)})" for one in kept) or "it has none"
        what = f"The Iceberg table {url} has no snapshot {as_of!r}; the last that are there: {there}."
        raise InvalidArgument(what, hint="choose another; those that expired cannot be read any more.")
    return by_id[as_of]


def _find_at(metadata: TableMetadata, moment: datetime, url: str) -> int:
    if moment.tzinfo is None:
        what = f"as_of={moment!r} has no time zone."
        raise InvalidArgument(what, hint="write datetime(2026, 11, 25, 9, tzinfo=UTC).")
    log = [(one.timestamp_ms, one.snapshot_id) for one in metadata.snapshot_log]
    if not log:
        log = [(one.timestamp_ms, one.snapshot_id) for one in _list_ancestors(metadata)]
    found = [number for millis, number in sorted(log, key=lambda pair: pair[0]) if millis / 1000 <= moment.timestamp()]
    if not found:
        first = f"the first that is known is of {_format(min(log)[0])}" if log else "it has none"
        raise InvalidArgument(f"The Iceberg table {url} had no snapshot at {moment}: {first}.")
    return found[-1]


def _list_ancestors(metadata: TableMetadata) -> Iterator[Snapshot]:
    by_id = {one.snapshot_id: one for one in metadata.snapshots}
    number = metadata.current_snapshot_id
    while number in by_id:
        one = by_id.pop(number)
        yield one
        number = one.parent_snapshot_id


def _format(millis: int) -> str:
    return f"{datetime.fromtimestamp(millis / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"


@dataclass(frozen=True)
class NamedFile:
    """A data file that a snapshot names.

    Attributes:
        location: where it is.
        size_bytes: how long.
        spec_id: by which partition spec it was written.
        values: of that spec's fields, in order.
    """

    location: str
    size_bytes: int
    spec_id: int
    values: tuple[Any, ...]


class SnapshotReader:
    """Reads which files a snapshot names; manifests that it has read once it does not parse again.

    Args:
        url: the table, for messages.
    """

    def __init__(self, url: str):
        self.url = url
        self._parsed: dict[str, list[DataFile]] = {}

    def read(self, snapshot: Snapshot, fetch: Fetch) -> list[NamedFile]:
        """The data files, in the order of the manifests.

        Raises:
            UnsupportedTable: rows are deleted by files of their own, or a data file is no Parquet.
            CorruptFile: a manifest does not decode.
        """
        listed = self._parse_list(snapshot, fetch)
        missing = [one.manifest_path for one in listed if one.manifest_path not in self._parsed]
        contents = fetch(missing) if missing else {}
        fresh = {one.manifest_path: self._parse(one, contents) for one in listed if one.manifest_path in contents}
        parsed = self._parsed | fresh
        self._parsed = {one.manifest_path: parsed[one.manifest_path] for one in listed}
        for manifest in listed:
            self._refuse(manifest, self._parsed[manifest.manifest_path])
        found: dict[str, NamedFile] = {}
        for one in (file for manifest in listed for file in self._parsed[manifest.manifest_path]):
            if one.file_path in found:
                what = f"Snapshot {snapshot.snapshot_id} of {self.url} names {one.file_path} twice, and so its rows."
                raise UnsupportedTable(what, hint="delete it from the table, and add it once.")
            values = tuple(one.partition[index] for index in range(len(one.partition)))
            found[one.file_path] = NamedFile(one.file_path, one.file_size_in_bytes, one.spec_id, values)
        return list(found.values())

    def _parse_list(self, snapshot: Snapshot, fetch: Fetch) -> list[ManifestFile]:
        from pyiceberg.manifest import read_manifest_list

        from lakekit.iceberg.io import MemoryIO

        path = snapshot.manifest_list
        memory = MemoryIO(fetch([path]))
        with _Decoding(path):
            return list(read_manifest_list(memory.new_input(path)))

    def _parse(self, manifest: ManifestFile, contents: dict[str, bytes]) -> list[DataFile]:
        """The files that a manifest names and that are there."""
        from lakekit.iceberg.io import MemoryIO

        with _Decoding(manifest.manifest_path):
            return [entry.data_file for entry in manifest.fetch_manifest_entry(MemoryIO(contents))]

    def _refuse(self, manifest: ManifestFile, files: Sequence[DataFile]) -> None:
        """Raise where the rows of data files would not be those of the table."""
        deletes = [one for one in files if manifest.content != 0 or one.content != 0]
        if deletes:
            kind = "equality deletes" if deletes[0].content == 2 else "position deletes"
            kind = "deletion vectors" if deletes[0].file_format == "PUFFIN" else kind
            what = f"{self.url} has {format_number_of(len(deletes), 'file')} of {kind}, such as {deletes[0].file_path}."
            raise UnsupportedTable(
                f"{what} lakekit does not apply them, and rows would be too many.",
                hint="compact it, such as by Spark's rewrite_data_files; or read it with pyiceberg.",
            )
        for one in files:
            if one.file_format != "PARQUET":
                what = f"{one.file_path} of {self.url} is {one.file_format.value}, and lakekit reads Parquet."
                raise UnsupportedTable(what, hint="rewrite it with write.format.default=parquet.")
            if one.key_metadata:
                what = f"{one.file_path} of {self.url} is encrypted, and lakekit holds no keys."
                raise UnsupportedTable(what, hint="read it with what wrote it.")


class _Decoding:
    """Says of whatever pyiceberg raises over damaged bytes which file they are of."""

    def __init__(self, path: str):
        self._path = path

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, exc: BaseException | None, trace: Any) -> None:
        if isinstance(exc, Exception):
            what = f"{self._path} is damaged: it does not decode as Iceberg's Avro ({_say(exc)})."
            raise CorruptFile(what, hint="restore it from a backup, or open an earlier snapshot: as_of=….") from exc
