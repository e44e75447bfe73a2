"""A table as Delta: a log over the files that are there, written from the manifest, with no request for data.

It must not write data, nor let a log name again what it once removed.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from lakekit.delta import PUBLISHED, encode_path, put_commit, write_value
from lakekit.delta.replay import History, read_history
from lakekit.delta.types import has_naive, parse_simple, write_field
from lakekit.errors import InvalidArgument, StaleFile, TypeConflict
from lakekit.manifest.streams import is_compacted
from lakekit.manifest.types import unify_types
from lakekit.publish.plans import PublishPlan, refuse_source
from lakekit.storage import open_writer
from lakekit.storage.columns import list_columns
from lakekit.table import Table, require_table
from lakekit.units import format_bytes, format_number_of

if TYPE_CHECKING:
    from lakekit.storage import Encryption, Store

KNOWN_FEATURES = frozenset({"appendOnly", "invariants", "timestampNtz"})
_ORDERED = (pa.types.is_integer, pa.types.is_date)  # whose bounds are exact, and the same for every reader


@dataclass(frozen=True, repr=False)
class DeltaPlan(PublishPlan):
    """What publishing a table as Delta would write. Nothing has been written.

    Attributes:
        store: the table's address.
        version: that the commit would have.
        changes: what it would do, in words: pairs of an action and a subject.
        warnings: sentences, on what other readers need or do not see.
        actions: the commit, but for its time; none where the log is as it should be.
        gone: paths that the log names and that are not there; taken out only where asked for.
    """

    store: Store
    version: int
    changes: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...]
    actions: tuple[Mapping[str, Any], ...]
    gone: tuple[str, ...]

    def __bool__(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.actions)

    def run(self, *, encryption: Encryption | None = None) -> int:
        """Write the commit, whole or not at all; the version that the table has now.

        Raises:
            StaleFile: another commit came first; nothing was written.
            AccessDenied, CredentialsExpired, StorageFailed: the store refuses.
        """
        if not self:
            return self.version - 1
        told = {
            "timestamp": int(datetime.now(UTC).timestamp() * 1000),
            "operation": "WRITE" if self.version else "CREATE TABLE",
            "operationParameters": {"mode": "Append"} if self.version else {},
            "engineInfo": "lakekit",
        }
        writer = open_writer(self.store.address, self.store.storage, encryption=encryption)
        if not put_commit(writer, self.version, told, self.actions):
            what = f"{self.store.address.url} got its version {self.version} from someone else; nothing was written."
            raise StaleFile(what, hint="plan again.")
        return self.version

    def _describe(self) -> str:
        what = f"version {self.version} to be written" if self else "nothing to change"
        return f"Delta log of {self.store.address.url}: {what}"


def delta(table: Table, *, drop_gone: bool = False) -> DeltaPlan:
    """The plan by which a table's files become a Delta table where they are, or new files become part of one.

    Its prefix is listed anew. From then on the log tells which files the table has, to lakekit as to everyone else:
    publish again when files were added.

    Args:
        table: in a folder or on S3.
        drop_gone: let the log no longer name files that are not there any more; readers fail as long as it does, so
            open the table with ``on_bad_file="skip"``. What comes under such a name later is a new file.

    Returns:
        A plan that prints; ``.run()`` carries it out, by one small file. Where nothing is to change it is false.

    Raises:
        InvalidArgument: a type that Delta cannot hold, an empty text as a partition value, a log that another engine
            made, or a table of which it cannot be told what lies under its address.
        TypeConflict: a column whose types do not become one.
        CorruptFile, EncryptedFile, ArchivedFile: a file that cannot be read, unless the table was opened to skip such.

    Example:
        >>> import lakekit as lk
        >>> plan = lk.publish.delta(lk.open_table("data/sample/lake/weather"))
        >>> plan.version, plan.changes[-1]
        (0, ('add files', '31 files (158 KiB), the first date=2013-03-01/part-0.parquet'))
    """
    require_table(table)
    store = table.store
    refuse_source(table, "a log")
    history = read_history(store, list_columns(store))
    if history.version >= 0:
        _refuse_log(history, table)
    seen = Table(store, table.name, replace(table.options, ignore_log=True))
    _refuse_metadata(table, seen)
    _refuse_rows(seen)
    fields, warnings = _merge_fields(seen, history), list(_warn(seen))
    actions, changes = _tell_table(seen, history, fields)
    if has_naive(fields):
        warnings.append(
            "Times without a time zone are timestampNtz: readers need version 3 of the protocol, writers 7."
        )
    added, orphans = _find_new(seen, history)
    gone = sorted(set(history.adds) - set(seen.manifest.entries["path"]) - set(seen.skipped["path"]))
    if orphans:
        warnings.append(f"Left out, of a compaction that was not finished: {', '.join(orphans[:3])}.")
    actions += _remove(gone if drop_gone else [], history)
    actions += _add(seen, added)
    changes += _tell_files(seen, added, gone, drop_gone)
    return DeltaPlan(store, history.version + 1, tuple(changes), tuple(warnings), tuple(actions), tuple(gone))


def _refuse_metadata(table: Table, seen: Table) -> None:
    """Raise where a log of all files that are there would not be the Iceberg table that lies there, too."""
    told, found = table.manifest, seen.manifest
    if told.names is None:
        return
    is_same = told.entries["path"].equals(found.entries["path"]) and set(told.schema.keys) == set(found.schema.keys)
    if not is_same or any(kind.is_altered for kind in told.kinds):
        counts = f"{found.entries.height:,} lie there, {told.entries.height:,} are named by its metadata"
        what = f"{table.url} is an Iceberg table, and a log of its files as they lie there would not be: {counts}."
        raise InvalidArgument(what, hint="compact it into another place with lk.compaction, and publish that.")


def _refuse_log(history: History, table: Table) -> None:
    if history.metadata.get("configuration", {}).get(PUBLISHED) != "true":
        what = f"{table.url} has a Delta log that another engine made: files that it does not name may be leftovers."
        raise InvalidArgument(what, hint='append by the log, such as with deltalake.write_deltalake(…, mode="append").')
    features = {*history.protocol.get("readerFeatures", ()), *history.protocol.get("writerFeatures", ())}
    if not features <= KNOWN_FEATURES or history.protocol.get("minWriterVersion", 2) not in (1, 2, 7):
        named = ", ".join(sorted(features - KNOWN_FEATURES)) or f"version {history.protocol.get('minWriterVersion')}"
        what = f"The log of {table.url} uses features of Delta that lakekit does not write: {named}."
        raise InvalidArgument(what, hint="append by the log, such as with deltalake.")
    keys = list(table.manifest.schema.keys)
    if history.metadata["partitionColumns"] != keys:
        what = (
            f"The log of {table.url} has the partition keys {history.metadata['partitionColumns']}, its files {keys}."
        )
        raise InvalidArgument(what, hint="publish files of other keys as a table of their own.")


def _refuse_rows(table: Table) -> None:
    """Raise where rows would not be the same for other readers."""
    manifest = table.manifest
    for error in manifest.problems.values():
        raise error
    for schema_id, supply in manifest.schema.supplies.items():
        column = next((name for name, how in supply.items() if how == "conflict"), None)
        if column is not None:
            example = next(kind.example for kind in manifest.kinds if kind.schema_id == schema_id)
            kind = manifest.schema.arrow.field(column).type
            what = f"The column {column!r} is of another type in {example} than the table's {kind}."
            raise TypeConflict(what, hint="see table.drift; write those files anew before publishing.")
    for name in manifest.folders.names:
        for key, value in zip(manifest.schema.keys, manifest.partitioning.values[name], strict=True):
            if value == "":
                what = f"The partition key {key!r} is an empty text in {name}, which Delta takes for NULL."
                raise InvalidArgument(what, hint="rename the folder.")


def _warn(table: Table) -> Iterator[str]:
    left_out = table.skipped.height
    if left_out:
        named = f"{table.skipped['path'][0]}: {table.skipped['reason'][0]}"
        yield f"Not part of it: {format_number_of(left_out, 'file')}, such as {named}."
    supplies = table.manifest.schema.supplies.values()
    cast = sorted({name for supply in supplies for name, how in supply.items() if how in ("checked", "widened")})
    if cast:
        yield f"Of several types in files, and not every reader of Delta casts them: {', '.join(cast)}."


def _merge_fields(table: Table, history: History) -> list[dict[str, Any]]:
    """The log's columns with those that came since; a type becomes wider where files need it."""
    found = {field.name: field for field in table.schema}
    before = json.loads(history.metadata["schemaString"])["fields"] if history.metadata else []
    fields = []
    for field in before:
        now = found.pop(field["name"], None)
        fields.append(field if now is None else {**field, "type": _choose_type(field, now)})
    return fields + [write_field(field.name, field.type) for field in found.values()]


def _choose_type(field: dict[str, Any], now: pa.Field) -> Any:
    before = parse_simple(field["type"])
    if before is None or pa.types.is_nested(now.type):
        return write_field(now.name, now.type)["type"]
    unified = unify_types(before, now.type)
    if unified is None:
        what = f"The column {now.name!r} is {field['type']} in the log and {now.type} in the files."
        raise TypeConflict(what, hint="write the files of one of the two types anew.")
    return write_field(now.name, unified)["type"]


def _tell_table(
    table: Table, history: History, fields: list[dict[str, Any]]
) -> tuple[list[Mapping[str, Any]], list[tuple[str, str]]]:
    """The actions that say what columns the table has, where the log does not say so yet; and what is new, in words."""
    schema = json.dumps({"type": "struct", "fields": fields})
    before = json.loads(history.metadata["schemaString"])["fields"] if history.metadata else None
    actions: list[Mapping[str, Any]] = []
    is_naive_new = has_naive(fields) and "timestampNtz" not in history.protocol.get("readerFeatures", ())
    if before is None or is_naive_new:
        new = {"minReaderVersion": 1, "minWriterVersion": 2}
        if has_naive(fields):
            readers = sorted({*history.protocol.get("readerFeatures", ()), "timestampNtz"})
            writers = sorted(KNOWN_FEATURES | {*history.protocol.get("writerFeatures", ())})
            new = {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": readers, "writerFeatures": writers}
        actions.append({"protocol": new})
    if before == fields:
        return actions, []
    created = int(datetime.now(UTC).timestamp() * 1000)
    told = history.metadata or {
        "id": str(uuid.uuid4()),
        "format": {"provider": "parquet", "options": {}},
        "partitionColumns": list(table.manifest.schema.keys),
        "configuration": {PUBLISHED: "true"},
        "createdTime": created,
    }
    actions.append({"metaData": {**told, "schemaString": schema}})
    if before is None:
        return actions, [("create log", f"{table.url}/_delta_log/, {format_number_of(len(fields), 'column')}")]
    types = {field["name"]: field["type"] for field in before}
    changed = [field for field in fields if types.get(field["name"]) != field["type"]]
    return actions, [
        ("change column", f"{field['name']}: {types.get(field['name'], 'new')} becomes {field['type']}")
        for field in changed
    ]


def _find_new(table: Table, history: History) -> tuple[list[int], list[str]]:
    """Positions of files that the log does not name as they are; and files of unfinished compactions."""
    added, orphans = [], []
    rows = table.manifest.entries.select("path", "size_bytes", "modified_at").iter_rows()
    for position, (path, size_bytes, modified_at) in enumerate(rows):
        known = history.adds.get(path)
        if known is not None:
            is_ours = PUBLISHED in (known.get("tags") or {})  # what engines write they never write over
            is_same_time = known["modificationTime"] == _to_milliseconds(modified_at)
            if known["size"] != size_bytes or (is_ours and not is_same_time):
                added.append(position)
        elif path in history.removed:
            continue
        elif history.version >= 0 and is_compacted(path) and path not in history.dropped:
            orphans.append(path)
        else:
            added.append(position)
    return added, orphans


def _to_milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _add(table: Table, positions: Sequence[int]) -> Iterator[Mapping[str, Any]]:
    entries, keys = table.manifest.entries, table.manifest.schema.keys
    stats = list(_list_stats(table)) if positions else []
    for position in positions:
        row = entries.row(position, named=True)
        values = table.manifest.partitioning.values_of(row["path"])
        yield {
            "add": {
                "path": encode_path(row["path"]),
                "partitionValues": {key: write_value(value) for key, value in zip(keys, values, strict=True)},
                "size": row["size_bytes"],
                "modificationTime": _to_milliseconds(row["modified_at"]),
                "dataChange": True,
                "tags": {PUBLISHED: "true"},
                "stats": json.dumps(_write_stats(row["rows"], position, stats)),
            }
        }


def _list_stats(table: Table) -> Iterator[tuple[str, bool, list, list, list]]:
    """Of each column that is not nested: its name, whether its bounds are told, lowest, highest, and NULLs."""
    for field in table.manifest.schema.file_columns:
        found = table.manifest.find_stats(field.name)
        if found is not None:
            yield field.name, any(is_of(field.type) for is_of in _ORDERED), *(each.to_list() for each in found)


def _write_stats(rows: int, position: int, stats: Sequence[tuple[str, bool, list, list, list]]) -> dict[str, Any]:
    low, high, nulls = {}, {}, {}
    for column, is_ordered, lowest, highest, null_count in stats:
        if null_count[position] is not None:
            nulls[column] = null_count[position]
        if is_ordered and lowest[position] is not None and highest[position] is not None:
            low[column], high[column] = (_write_bound(each[position]) for each in (lowest, highest))
    return {"numRecords": rows, "minValues": low, "maxValues": high, "nullCount": nulls}


def _write_bound(value: Any) -> Any:
    return value if isinstance(value, int) else value.isoformat()


def _remove(paths: Sequence[str], history: History) -> list[Mapping[str, Any]]:
    now = int(datetime.now(UTC).timestamp() * 1000)
    told = {"deletionTimestamp": now, "dataChange": True, "tags": {PUBLISHED: "gone"}}
    return [{"remove": {"path": history.adds[path]["path"], **told}} for path in paths]


def _tell_files(table: Table, added: Sequence[int], gone: Sequence[str], drop: bool) -> Iterator[tuple[str, str]]:
    if added:
        paths, sizes = table.manifest.entries["path"], table.manifest.entries["size_bytes"]
        size = format_bytes(sum(sizes[position] for position in added))
        yield "add files", f"{format_number_of(len(added), 'file')} ({size}), the first {paths[added[0]]}"
    if gone:
        verb = "drop files" if drop else "leave files"
        yield verb, f"{format_number_of(len(gone), 'file')} that the log names and are not there, the first {gone[0]}"
