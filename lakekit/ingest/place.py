"""The table that a batch goes to: what is there already, of it and of the batch.

It must not write.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from lakekit.arguments import require_kind
from lakekit.errors import InvalidArgument, NoFilesFound, PartitionMismatch, StaleFile
from lakekit.iceberg import list_metadata
from lakekit.ingest.plan import Plan, name_plan
from lakekit.ingest.typing import Typing
from lakekit.manifest import batches
from lakekit.manifest.batches import FOLDER, find_token, make_token
from lakekit.manifest.listing import RECORDS, RETIRED, refuse_records, sort_objects
from lakekit.manifest.types import describe_type, normalize_type, stored_type, unify_types
from lakekit.storage import Address, Encryption, Storage, open_store
from lakekit.storage.address import parse_address
from lakekit.storage.columns import list_columns

if TYPE_CHECKING:
    from lakekit.table import Table


@dataclass(frozen=True)
class Place:
    """What lies under a table's address of one batch.

    Attributes:
        batch_id: its id.
        marker: the path of its marker; None while it is not complete.
        has_plan: whether it was begun.
        has_data: whether there is any data file to make a table of.
        files: the paths of its files.
        others: the paths of the markers of other batches.
        begun: the paths of the plans of all batches that are not complete, the earliest first.
    """

    batch_id: str
    marker: str | None
    has_plan: bool
    has_data: bool
    files: frozenset[str]
    others: tuple[str, ...] = ()
    begun: tuple[str, ...] = ()


def check_encryption(encryption: Any) -> None:
    """Raise InvalidArgument where it is neither an Encryption nor None."""
    if encryption is not None:
        hint = 'write encryption=lk.ingest.Encryption(kms_key_id="alias/lake").'
        require_kind("encryption", encryption, Encryption, what="an Encryption", hint=hint)


def look_at(address: Address, storage: Storage, batch_id: str) -> Place:
    """What lies there of a batch; one listing.

    Raises:
        InvalidArgument: the table is one of Delta or Iceberg, whose log would not know of the batch.
        IncompleteTable: it is a copy that is not verified, or originals that were retired: nobody would read the batch.
    """
    token = make_token(batch_id)
    try:
        listed = list_columns(open_store(address, storage))
    except NoFilesFound:  # no such bucket, as the first write will say
        return Place(batch_id, None, False, False, frozenset())
    paths = listed["path"]
    if paths.str.starts_with("_delta_log/").any():
        raise InvalidArgument(
            f"{address.url} has a Delta log, and files that are put beside it are not in the table.",
            hint='append by the log, such as with deltalake.write_deltalake(…, mode="append"), or write elsewhere.',
        )
    if list_metadata(listed):
        raise InvalidArgument(
            f"{address.url} is an Iceberg table, and files that are put beside it are not in it.",
            hint="append by its catalog, such as with pyiceberg's table.append(…), or write elsewhere.",
        )
    noted = listed.filter(paths.str.starts_with(f"{FOLDER}/")).sort("modified_at", "path")["path"].to_list()
    markers = {found: path for path in noted if (found := find_token(path))}
    complete = {batches.name_plan(found) for found in markers}
    marker = markers.pop(token, None)
    if marker is None:  # what is complete may still be asked about
        refuse_records(frozenset(paths.filter(paths.str.starts_with(RECORDS))), address.url)
    files = paths.filter(paths.str.contains(f"(^|/)lkbatch-{token}-[0-9]+\\.parquet$"))
    return Place(
        batch_id,
        marker,
        name_plan(batch_id) in noted,
        sort_objects(listed).files.height > 0,
        frozenset(files),
        tuple(markers.values()),
        tuple(path for path in noted if path.endswith(".plan.json") and path not in complete),
    )


def list_other_markers(address: Address, storage: Storage, place: Place) -> list[str]:
    """The markers of other batches that were completed since someone looked."""
    known = {*place.others, make_token(place.batch_id)}
    listed = [one.path for one in open_store(address, storage).list_objects(f"{FOLDER}/")]
    return [path for path in listed if find_token(path) and known.isdisjoint((path, find_token(path)))]


def refuse_retired(address: Address, storage: Storage, place: Place | None = None) -> None:
    """Raise IncompleteTable where a copy has taken the place of the table's files, and nobody would read a batch.

    Args:
        address: of the table.
        storage: how it is reached.
        place: of a batch that is complete; None for one that is not. Its rows may be in the copy, and that is well.
    """
    records = frozenset(one.path for one in open_store(address, storage).list_objects(RECORDS.strip("/")))
    if place is not None:
        if RETIRED not in records or not place.files:  # originals that are gone are in the copy
            return
        copy = parse_address(json.loads(read_whole(address, storage, RETIRED))["copy"])
        if any(one.path == place.marker for one in open_store(copy, storage).list_objects(FOLDER)):
            return
    refuse_records(records, address.url)


def read_whole(address: Address, storage: Storage, path: str) -> bytes:
    """The bytes of a small file under the table's address."""
    return bytes(open_store(address, storage).read_suffix(path, 1 << 30))


def open_existing(address: Address, storage: Storage) -> Table | None:
    """The table that is there, files left out that cannot be read; None where there is none."""
    from lakekit.table import open_table

    try:
        return open_table(address.url, on_bad_file="skip", on_archived="skip", storage=storage)
    except NoFilesFound:
        return None


def choose_keys(table: Table | None, asked: Sequence[str] | None) -> tuple[str, ...]:
    """The partition keys: those asked for, else those of the table.

    Raises:
        PartitionMismatch: the table has others.
    """
    there = table.manifest.schema.keys if table is not None else None
    if asked is None:
        return tuple(there or ())
    if there is not None and tuple(asked) != there:
        raise PartitionMismatch(
            f"{table.url} is partitioned by {', '.join(there) or 'nothing'}, not by {', '.join(asked) or 'nothing'}.",
            hint="leave partition_by out, or write to another address.",
        )
    return tuple(asked)


def check_fits(plan: Plan, table: Table) -> None:
    """Raise StaleFile where the files of a batch would make the table, as it is by now, one that cannot be read."""
    schema, told = table.manifest.schema, ""
    spelled = {name.casefold(): name for name in schema.arrow.names}
    if schema.keys != plan.partition_by:
        now, then = (", ".join(keys) or "nothing" for keys in (schema.keys, plan.partition_by))
        told = f"it is partitioned by {now} now, the batch by {then}"
    for field in plan.schema:
        known = spelled.get(field.name.casefold(), field.name)
        if known != field.name:
            told = told or f"it has the column {known!r} now, the batch {field.name!r}"
        elif field.name in schema.arrow.names:
            kind, ours = schema.arrow.field(known).type, normalize_type(field.type)
            is_key = field.name in schema.keys
            is_either = _goes_beside(kind, ours) if is_key else unify_types(kind, ours) is not None
            told = told or (
                "" if is_either else f"its column {known!r} is {describe_type(kind)} now, {ours} in the batch"
            )
    if told:
        raise StaleFile(
            f"The batch {plan.batch_id!r} was begun before {table.url} became what it is: {told}.",
            hint=f"write the same rows under another batch_id. What is there of this one, files with {plan.token} in"
            " their names, is in no table of lakekit's, and can be deleted.",
        )


def _goes_beside(known: pa.DataType, ours: pa.DataType) -> bool:
    """Whether values of a type leave a partition key as the table's paths tell it; see `keep_keys`."""
    types = pa.types
    both = (types.is_integer, types.is_floating, types.is_temporal)
    return known.equals(ours) or types.is_string(known) or any(one(known) and one(ours) for one in both)


def find_columns(table: Table | None) -> pa.Schema | None:
    """The columns of the table's files; not its partition keys, whose types its paths tell."""
    return pa.schema(table.manifest.schema.file_columns) if table is not None else None


def keep_keys(typing: Typing, table: Table | None, source: Any) -> Typing:
    """The types of a batch, whose partition keys have those that the table's paths tell.

    So 1.0 goes where 1 is, and the text 1.10 is not 1.1. What is typed goes beside texts as it is; dates beside times
    too.
    """
    schema = typing.schema
    for key in table.manifest.schema.keys if table is not None else ():
        if key not in schema.names or key in source.types:
            continue
        kind, known = schema.field(key).type, table.manifest.schema.arrow.field(key).type
        both_times = pa.types.is_temporal(known) and pa.types.is_temporal(kind)
        is_kept = not source.has_texts if pa.types.is_string(known) else both_times
        if not is_kept:
            schema = schema.set(schema.get_field_index(key), pa.field(key, known))
    return Typing(schema, typing.widened)


def keep_units(typing: Typing, table: Table | None) -> Typing:
    """The types of a batch, whose durations have the unit that those of the table's files have.

    A table shows durations as whole numbers, and cannot be read where two of its files count in two units.
    """
    schema, widened = typing.schema, typing.widened
    for position, field in enumerate(schema):
        if table is None or not pa.types.is_duration(field.type):
            continue
        kinds = [kind.schema.field(field.name) for kind in table.manifest.kinds if field.name in kind.types]
        unit = next((kind for kind in map(stored_type, kinds) if pa.types.is_duration(kind)), None)
        if unit is not None:
            schema = schema.set(position, field.with_type(unit))
            widened = tuple(told for told in widened if not told.startswith(f"{field.name}: int64 became "))
    return Typing(schema, widened)
