"""One commit to an Iceberg table: made with its first files, or changed by a snapshot, whole or not at all.

It must not commit over what it has not seen: another's commit, or a lost answer, is for the caller to look at anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from lakekit.errors import InvalidArgument, TypeConflict
from lakekit.publish.iceberg_files import Difference, build_data_file
from lakekit.publish.iceberg_types import Columns, build_schema, build_type, promote

MARK = "lakekit.published"  # among the properties of tables that are published: their place; and of their snapshots
LAST = "lakekit.snapshot"  # among the properties of a table: the snapshot that was published last
NAME_MAPPING = "schema.name-mapping.default"  # the Iceberg specification, "Column Projection", read 2026-11
_RETRIES = (
    "commit.retry.num-retries"  # of pyiceberg, which repeats an append over another's without a look at its files
)

Identifier = tuple[str, ...]


@dataclass(frozen=True)
class Change:
    """What a commit does.

    Attributes:
        identifier: the table's name in the catalog.
        location: below which its metadata lies.
        source: the address of the published table.
        columns, keys: its columns in Iceberg's types, and which of them are partition keys.
        new_columns: those of ``columns`` that the Iceberg table does not have so.
        difference: its files.
    """

    identifier: Identifier
    location: str
    source: str
    columns: Columns
    keys: tuple[str, ...]
    new_columns: tuple[str, ...]
    difference: Difference


def load_base(catalog: Any, identifier: Identifier) -> Any:
    """The table of that name in a catalog; None where there is none."""
    from pyiceberg.exceptions import NoSuchNamespaceError, NoSuchTableError

    try:
        return catalog.load_table(identifier)
    except (NoSuchTableError, NoSuchNamespaceError):
        return None


def list_data_files(base: Any) -> list[Any]:
    """The data files of the current snapshot.

    Raises:
        InvalidArgument: some of their rows are deleted, by files of another engine.
    """
    from pyiceberg.manifest import ManifestContent

    snapshot = base.current_snapshot()
    found = []
    for manifest in snapshot.manifests(base.io) if snapshot else ():
        if manifest.content != ManifestContent.DATA:
            what = f"Another engine deleted rows of {'.'.join(base.name())}, which lakekit would bring back."
            raise InvalidArgument(what, hint=_ANEW)
        found += [entry.data_file for entry in manifest.fetch_manifest_entry(base.io, discard_deleted=True)]
    return found


_ANEW = "change the table by that engine from now on, or publish under another name."


def refuse_base(base: Any, source: str, keys: tuple[str, ...]) -> None:
    """InvalidArgument where a table is another's, or was changed by another engine so that files must not come back."""
    name, properties = ".".join(base.name()), base.metadata.properties
    if properties.get(MARK) != source:
        made = f"was published from {properties[MARK]}" if MARK in properties else "was made by another engine"
        raise InvalidArgument(f"{name} is in the catalog and {made}, not from {source}.", hint="choose another name.")
    schema, spec = base.schema(), base.spec()
    there = [schema.find_column_name(field.source_id) for field in spec.fields]
    is_plain = all(str(field.transform) == "identity" for field in spec.fields)
    if not is_plain or tuple(there) != keys or base.metadata.format_version > 2:
        how = ", ".join(f"{field.transform}({key})" for field, key in zip(spec.fields, there, strict=True)) or "nothing"
        what = (
            f"{name} is partitioned by {how} in format {base.metadata.format_version}, the files by {list(keys)} in 2."
        )
        raise InvalidArgument(what, hint="publish under another name.")
    mapping = base.metadata.name_mapping()
    if mapping is None or mapping != schema.name_mapping:
        raise InvalidArgument(f"Columns of {name} were renamed by another engine; files do not have them.", hint=_ANEW)
    _refuse_history(base, name)


def _refuse_history(base: Any, name: str) -> None:
    """InvalidArgument unless nothing but appends came since lakekit published last."""
    last, snapshot = base.metadata.properties.get(LAST), base.current_snapshot()
    while snapshot is not None and str(snapshot.snapshot_id) != last:
        summary = snapshot.summary
        operation = summary.operation.value if summary else "a change"
        if operation != "append":
            what = (
                f"Another engine changed {name} by {operation} in snapshot {snapshot.snapshot_id}; files that it took "
            )
            raise InvalidArgument(f"{what}away would come back.", hint=_ANEW)
        snapshot = base.snapshot_by_id(snapshot.parent_snapshot_id) if snapshot.parent_snapshot_id else None
    if snapshot is None and last is not None:
        what = f"{name} was rolled back, or its history since snapshot {last} is gone: what it lacks may be missing by "
        raise InvalidArgument(f"{what}intention.", hint=_ANEW)


def merge_columns(base: Any, columns: Columns, keys: tuple[str, ...]) -> tuple[Columns, dict[str, str]]:
    """The columns that a table has after this, and those among them that change: what becomes what.

    Raises:
        TypeConflict: a type is not promoted to that which the files have now.
    """
    if base is None:
        return columns, {}
    before = {field.name: field.field_type for field in base.schema().fields}
    changed, merged = {}, dict(columns)
    for name, kind in columns.items():
        if name not in before:
            changed[name] = f"new becomes {build_type(kind, iter(range(10_000)))}"
            continue
        there = _read_type(before[name], kind)
        wider = None if there is None else promote(there, kind)
        if wider is None or (name in keys and not wider.equals(there)):
            what = f"The column {name!r} is {before[name]} in the Iceberg table and {kind} in the files."
            hint = (
                f'open the table with partitions={{"{name}": …}}.' if name in keys else "write files of one type anew."
            )
            raise TypeConflict(what, hint=hint)
        merged[name] = wider
        if not wider.equals(there):
            changed[name] = f"{before[name]} becomes {build_type(wider, iter(range(10_000)))}"
    return merged, changed


def _read_type(there: Any, kind: pa.DataType) -> pa.DataType | None:
    """The Arrow type of a column of an Iceberg table, as far as it matters beside that of the files; else None."""
    if pa.types.is_nested(kind):  # which must not change at all, but for the ids
        return kind if _strip_ids(there) == _strip_ids(build_type(kind, iter(range(10_000)))) else None
    from pyiceberg.io.pyarrow import schema_to_pyarrow

    found = schema_to_pyarrow(there)
    simple = {pa.large_string(): pa.string(), pa.large_binary(): pa.binary()}
    return simple.get(found, found)


def _strip_ids(kind: Any) -> Any:
    from pyiceberg import types as iceberg

    if isinstance(kind, iceberg.StructType):
        return "struct", [(field.name, _strip_ids(field.field_type)) for field in kind.fields]
    if isinstance(kind, iceberg.MapType):
        return "map", _strip_ids(kind.key_type), _strip_ids(kind.value_type)
    return ("list", _strip_ids(kind.element_type)) if isinstance(kind, iceberg.ListType) else str(kind)


def commit(catalog: Any, base: Any, change: Change, begun: dict[int, Difference]) -> Any:
    """Make the table, or change it: one commit. The pyiceberg Table as it is then.

    Args:
        catalog: where.
        base: the table as it was looked at; None for one to be made.
        change: what to do.
        begun: gets the id of the snapshot, by which it is known again after a lost answer.

    Raises:
        what pyiceberg raises: where another commit came first, nothing was written; where an answer was lost, it is
            not known. See :func:`is_worth_another_look`.
    """
    if base is None:
        catalog.create_namespace_if_not_exists(change.identifier[:-1])
        transaction = _begin_table(catalog, change)
    else:
        properties = {**base.metadata.properties, _RETRIES: "0"}  # in memory, for this transaction alone
        base = copy(base)  # a commit changes what it is made with, and a plan that runs again must find it stale
        base.metadata = base.metadata.model_copy(update={"properties": properties})
        base.catalog = catalog  # that which it was loaded from may be closed
        transaction = base.transaction()
        _change_columns(transaction, change)
    producer = _prepare_snapshot(transaction, change)
    if producer is not None:
        begun[producer.snapshot_id] = change.difference
        producer.commit()
        transaction.set_properties({LAST: str(producer.snapshot_id)})
    transaction.commit_transaction()
    return catalog.load_table(change.identifier)


def _begin_table(catalog: Any, change: Change) -> Any:
    from pyiceberg.partitioning import PartitionField, PartitionSpec
    from pyiceberg.transforms import IdentityTransform

    schema = build_schema(change.columns)
    fields = [
        PartitionField(schema.find_field(key).field_id, 1000 + index, IdentityTransform(), key)
        for index, key in enumerate(change.keys)
    ]
    transaction = catalog.create_table_transaction(
        change.identifier,
        schema,
        location=change.location,
        partition_spec=PartitionSpec(*fields),
        properties={"format-version": "2", MARK: change.source},
    )
    mapping = transaction.table_metadata.schema().name_mapping.model_dump_json()
    transaction.set_properties({NAME_MAPPING: mapping})
    return transaction


def _change_columns(transaction: Any, change: Change) -> None:
    if not change.new_columns:
        return
    there = {field.name for field in transaction.table_metadata.schema().fields}
    with transaction.update_schema() as update:
        for name in change.new_columns:
            kind = build_type(change.columns[name], iter(range(1, 10_000)))
            if name in there:
                update.update_column((name,), field_type=kind)
            else:
                update.add_column((name,), kind)


def _prepare_snapshot(transaction: Any, change: Change) -> Any:
    """What makes the snapshot; None where no file changes."""
    from pyiceberg.expressions import AlwaysTrue

    difference = change.difference
    if not difference:
        return None
    start = transaction.update_snapshot(snapshot_properties={MARK: "true"})
    taken = {*difference.gone, *(one.path for one in difference.replaced)}
    producer = start.overwrite() if taken else start.fast_append()
    if taken:
        producer.delete_by_predicate(AlwaysTrue())  # look for them in each manifest
        for one in _find_taken(transaction, taken):
            producer.delete_data_file(one)
    metadata = transaction.table_metadata
    for facts in (*difference.added, *difference.replaced):
        producer.append_data_file(build_data_file(facts, metadata))
    return producer


def _find_taken(transaction: Any, taken: set[str]) -> Iterator[Any]:
    yield from (one for one in list_data_files(transaction._table) if one.file_path in taken)


def is_worth_another_look(error: Exception) -> bool:
    """Whether a commit may have failed, or only seem to have, since another came first or an answer was lost."""
    from pyiceberg import exceptions

    names = ("CommitFailedException", "CommitStateUnknownException", "TableAlreadyExistsError", "ServerError")
    kinds = tuple(getattr(exceptions, name) for name in names if hasattr(exceptions, name))
    return isinstance(error, kinds) or type(error).__name__ in ("OperationalError", "ConnectionError", "Timeout")
