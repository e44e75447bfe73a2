"""The log of a Delta table: which files it names now, and one more commit that swaps some for others.

It must not write data. A commit is one new numbered file, put only if no other has that number: so it is whole or not
there, and who comes second looks again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pyarrow as pa

from lakekit.delta import import_deltalake, put_commit, write_value
from lakekit.errors import InvalidArgument, StaleFile
from lakekit.storage import open_writer
from lakekit.storage.clients import make_delta_options

if TYPE_CHECKING:
    from deltalake import DeltaTable

    from lakekit.storage import Address, Storage

MOST_READER, MOST_WRITER = 1, 4  # versions of the protocol; later ones name their features
KNOWN_FEATURES = frozenset({"appendOnly", "changeDataFeed", "checkConstraints", "invariants", "timestampNtz"})
MOST_ATTEMPTS = 20


@dataclass(frozen=True)
class Logged:
    """A file that the log names.

    Attributes:
        path: relative to the table, as a listing has it.
        written: the same as the log has it, percent-encoded.
        size_bytes: its length.
        modified_ms: when it was written, milliseconds since 1970.
        partition: its partition values, typed.
        rows: how many; None where the log does not tell.
    """

    path: str
    written: str
    size_bytes: int
    modified_ms: int
    partition: tuple[tuple[str, Any], ...]
    rows: int | None

    def as_add(self) -> dict[str, Any]:
        """The action that makes it a file of the table; no rows change by it."""
        return {
            "path": self.written,
            "partitionValues": {name: write_value(value) for name, value in self.partition},
            "size": self.size_bytes,
            "modificationTime": self.modified_ms,
            "dataChange": False,
            "stats": json.dumps({"numRecords": self.rows}) if self.rows is not None else None,
        }

    def as_remove(self, at_ms: int) -> dict[str, Any]:
        """The action that takes it out of the table, and leaves it where it is."""
        return {
            "path": self.written,
            "deletionTimestamp": at_ms,
            "dataChange": False,
            "extendedFileMetadata": True,
            "partitionValues": {name: write_value(value) for name, value in self.partition},
            "size": self.size_bytes,
        }


@dataclass(frozen=True)
class Log:
    """A Delta table at one version.

    Attributes:
        address: where it is.
        storage: how to reach it.
        version: the number of its last commit.
        files: those that it names, by path.
        about: its schema and protocol; equal as long as neither changes.
    """

    address: Address
    storage: Storage
    version: int
    files: Mapping[str, Logged]
    about: str

    def count_rows(self) -> dict[tuple[Any, ...], int]:
        """The rows of each partition, as the log tells."""
        rows: dict[tuple[Any, ...], int] = {}
        for file in self.files.values():
            rows[file.partition] = rows.get(file.partition, 0) + (file.rows or 0)
        return rows


def open_log(address: Address, storage: Storage, version: int | None = None) -> Log:
    """The log of the Delta table there, at its last version or at an earlier one.

    Raises:
        InvalidArgument: there is none, or it uses features of Delta that lakekit does not know.
        MissingPackage: deltalake is not installed.
    """
    table = open_delta(address, storage, version)
    found = pa.table(table.get_add_actions(flatten=False)).to_pylist()
    files = {}
    for row in found:
        partition = tuple((row.get("partition") or {}).items())
        one = unquote(row["path"]), row["path"], row["size_bytes"], _to_milliseconds(row["modification_time"])
        files[one[0]] = Logged(*one, partition, row["num_records"])
    protocol, about = table.protocol(), table.metadata()
    features = {*(protocol.reader_features or ()), *(protocol.writer_features or ())}
    is_old = protocol.min_reader_version <= MOST_READER and protocol.min_writer_version <= MOST_WRITER
    if not (is_old or (features and features <= KNOWN_FEATURES)):
        what = f"{address.url} uses features of Delta that lakekit does not write: {', '.join(sorted(features))}."
        raise InvalidArgument(what, hint="compact it with the engine that wrote it, or into another place (into=).")
    told = json.dumps([table.schema().to_json(), about.partition_columns, sorted(features)])
    return Log(address, storage, table.version(), files, told)


def open_delta(address: Address, storage: Storage, version: int | None = None) -> DeltaTable:
    """deltalake's own handle."""
    deltalake = import_deltalake("Compaction in place is by a table's log.")
    from deltalake.exceptions import TableNotFoundError

    try:
        return deltalake.DeltaTable(address.url, version=version, storage_options=make_delta_options(address, storage))
    except TableNotFoundError as exc:
        what = f"{address.url} is no Delta table, and only such change in place without a reader noticing."
        raise InvalidArgument(
            what, hint="compact into another place (into=…), or lk.publish.delta(table) first."
        ) from exc


def commit(log: Log, number: int, removes: Sequence[Logged], adds: Sequence[Logged], about: Mapping[str, Any]) -> bool:
    """Whether the commit of that number is this one; False where another came first.

    Args:
        log: of the table, as it was when the swap was decided.
        number: of the commit: one more than the last.
        removes, adds: the swap.
        about: goes into the commit's own record.
    """
    at_ms = int(datetime.now(UTC).timestamp() * 1000)
    told = {"timestamp": at_ms, "operation": "OPTIMIZE", "readVersion": number - 1, "engineInfo": "lakekit"}
    told |= {"operationParameters": {"predicate": "[]"}, "isBlindAppend": False, **about}
    actions: list[dict[str, Any]] = [{"remove": one.as_remove(at_ms)} for one in removes]
    actions += [{"add": one.as_add()} for one in adds]
    return put_commit(open_writer(log.address, log.storage), number, told, actions)


def swap(log: Log, removes: Sequence[Logged], adds: Sequence[Logged], about: Mapping[str, Any]) -> int:
    """The version at which these files took the place of those; after a look at what others committed meanwhile.

    Raises:
        StaleFile: others removed one of the files, or changed the table, or kept committing.
    """
    now = log
    for _ in range(MOST_ATTEMPTS):
        gone = [one.path for one in removes if one.path not in now.files]
        there = [one.path for one in adds if one.path in now.files]
        if gone or there or now.about != log.about:
            why = (
                f"{(gone or there)[0]} was taken out or put in by someone else"
                if gone or there
                else "its schema changed"
            )
            raise StaleFile(f"{log.address.url} changed meanwhile: {why}.", hint="make the plan again.")
        if commit(log, now.version + 1, removes, adds, about):
            return now.version + 1
        now = open_log(log.address, log.storage)
    raise StaleFile(f"Others kept committing to {log.address.url} ({MOST_ATTEMPTS} times).", hint="run it again later.")


def _to_milliseconds(value: Any) -> int:
    return int(value.timestamp() * 1000) if isinstance(value, datetime) else int(value)
