"""A table and its partitions in the Glue Data Catalog, where Athena, EMR, Redshift Spectrum and Glue jobs find them.

It must not change a catalog before ``run`` is called, nor take over what is no table of Parquet.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from lakekit.errors import InvalidArgument, StorageFailed
from lakekit.hive.client import GlueClient
from lakekit.hive.differences import find_differences, make_fits, tell_column
from lakekit.hive.layout import list_partitions, refuse_metadata
from lakekit.hive.types import KEYS_PARAMETER, name_type
from lakekit.publish.ddl import locate
from lakekit.publish.plans import PublishPlan
from lakekit.storage import Storage
from lakekit.table import Table, require_table
from lakekit.units import format_number_of

AT_ONCE = 100  # partitions that one BatchCreatePartition or BatchUpdatePartition takes; botocore's model, 2026-11
DELETED_AT_ONCE = 25  # and one BatchDeletePartition
_INPUT = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"
_OUTPUT = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat"
_SERDE = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
_KEPT = ("Description", "Owner", "Retention", "ViewOriginalText", "ViewExpandedText", "TargetTable")

Values = tuple[str, ...]


@dataclass(frozen=True, repr=False)
class GluePlan(PublishPlan):
    """What publishing a table would change in a catalog. Nothing has been changed.

    Attributes:
        database, name: where the table stands in the catalog.
        changes: what would be done, in words: pairs of an action and a subject.
        warnings: sentences, where Athena's answers differ from lakekit's.
        database_is_new: whether the database is created.
        action: "create", "update", or "" for a table that is as it should be.
        table: the catalog's entry, as Glue takes it.
        added, changed: partitions to create and to update, as Glue takes them.
        gone: values of partitions in the catalog that the table has no longer; dropped only where asked for.
        drop_gone: whether they are dropped.
        storage: how Glue is reached.
    """

    database: str
    name: str
    changes: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...]
    database_is_new: bool
    action: str
    table: dict[str, Any]
    added: tuple[dict[str, Any], ...]
    changed: tuple[dict[str, Any], ...]
    gone: tuple[Values, ...]
    drop_gone: bool
    storage: Storage

    def __bool__(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.action or self.added or self.changed or (self.gone and self.drop_gone))

    def run(self) -> None:
        """Change the catalog as planned: the table first, then its partitions, in batches.

        Raises:
            StorageFailed: Glue refused a partition; names it. Those before it stand, and a new plan goes on.
            AccessDenied, CredentialsExpired: it refused the call.
        """
        ask = GlueClient(self.storage)
        if self.database_is_new:
            ask("create_database", DatabaseInput={"Name": self.database})
        if self.action:
            ask(f"{self.action}_table", DatabaseName=self.database, TableInput=self.table)
        where = {"DatabaseName": self.database, "TableName": self.name}
        for batch in _cut(self.added, AT_ONCE):
            _check(ask("batch_create_partition", PartitionInputList=batch, **where), "PartitionValues")
        for batch in _cut(self.changed, AT_ONCE):
            entries = [{"PartitionValueList": one["Values"], "PartitionInput": one} for one in batch]
            _check(ask("batch_update_partition", Entries=entries, **where), "PartitionValueList")
        for batch in _cut(self.gone if self.drop_gone else (), DELETED_AT_ONCE):
            gone = [{"Values": list(values)} for values in batch]
            _check(ask("batch_delete_partition", PartitionsToDelete=gone, **where), "PartitionValues")

    def _describe(self) -> str:
        return f"Glue table {self.database}.{self.name}: {'to be changed' if self else 'nothing to change'}"


def glue(
    table: Table, database: str, *, name: str | None = None, drop_gone: bool = False, storage: Storage | None = None
) -> GluePlan:
    """The plan by which a table comes into the Glue Data Catalog, or is brought up to date there.

    Args:
        table: it must lie on S3.
        database: the catalog's database; created if it is not there.
        name: the table's name there; its own, in small letters, if not given.
        drop_gone: drop partitions from the catalog that the table has no longer. Files are never touched.
        storage: how Glue is reached; as the table's files if not given.

    Returns:
        A plan that prints; ``.run()`` carries it out. Where nothing is to change it is false.

    Raises:
        InvalidArgument: the table is not on S3, or Iceberg's, a type that Glue cannot hold, one partition in two
            folders, or the catalog has another kind of table under that name, or other partition keys.
        AccessDenied, CredentialsExpired: Glue refuses.

    Example:
        >>> import lakekit as lk
        >>> plan = lk.publish.glue(lk.sample_lake()["weather"], "weather_of_2013", storage=lk.embedded_aws())
        >>> plan.action, len(plan.added)
        ('create', 31)
        >>> plan.run()
    """
    require_table(table)
    if table.store.address.scheme != "s3":
        what = f"{table.url} is not on S3, and what reads the Glue Data Catalog reads S3."
        raise InvalidArgument(
            what, hint='publish a table of "s3://bucket/prefix"; lk.publish.ddl writes SQL for folders.'
        )
    refuse_metadata(table)
    name, database = (name or table.name).lower(), database.lower()  # Glue keeps both so
    storage = storage or table.store.storage
    ask = GlueClient(storage)
    columns = _list_columns(table)
    plain = [{"Name": column["Name"], "Type": column["Type"]} for column in columns]
    partitions = [
        {"Values": list(one.texts), "StorageDescriptor": _describe_storage(plain, locate(table, one))}
        for one in list_partitions(table)
    ]
    entry = _make_entry(table, name, columns)
    has_database = ask("get_database", missing_ok=True, Name=database) is not None
    there = ask("get_table", missing_ok=True, DatabaseName=database, Name=name) if has_database else None
    known = dict(ask.list_partitions(database, name)) if there else {}
    warnings = find_differences(table, list_partitions(table), "athena")
    action, changes = "create", [("create table", f"{database}.{name} at {table.url}/")]
    if not has_database:
        changes.insert(0, ("create database", database))
    if there:
        entry, changes = _merge(there["Table"], entry, f"{database}.{name}")
        action = "update" if changes else ""
    wanted = {tuple(one["Values"]): one for one in partitions}
    added = [one for values, one in wanted.items() if values not in known]
    changed = [one for values, one in wanted.items() if values in known and _differs(known[values], one)]
    gone = [values for values in known if values not in wanted]
    changes += _tell_partitions(added, changed, gone, drop_gone)
    return GluePlan(
        database, name, tuple(changes), tuple(warnings), not has_database, action, entry,
        tuple(added), tuple(changed), tuple(gone), drop_gone, storage,
    )  # fmt: skip


def _tell_partitions(added: Sequence, changed: Sequence, gone: Sequence[Values], drop: bool) -> list[tuple[str, str]]:
    told = []
    for verb, found in (("add", added), ("update", changed)):
        if found:
            first = "/".join(found[0]["Values"])
            told.append((f"{verb} partitions", f"{format_number_of(len(found), 'partition')}, the first {first}"))
    if gone:
        verb = "drop partitions" if drop else "leave partitions"
        first = (
            f"{format_number_of(len(gone), 'partition')} that the table has no longer, the first {'/'.join(gone[0])}"
        )
        told.append((verb, first))
    return told


def _list_columns(table: Table) -> list[dict[str, str]]:
    fits, columns = make_fits(table), []
    for field in table.manifest.schema.file_columns:
        column = {"Name": field.name.lower(), "Type": name_type(field.name, field.type, "athena", fits=fits)}
        comment = tell_column(table, field.name)
        columns.append(column | ({"Comment": comment} if comment else {}))
    return columns


def _describe_storage(columns: list[dict[str, str]], location: str) -> dict[str, Any]:
    return {
        "Columns": columns,
        "Location": location,
        "InputFormat": _INPUT,
        "OutputFormat": _OUTPUT,
        "SerdeInfo": {"SerializationLibrary": _SERDE, "Parameters": {"serialization.format": "1"}},
    }


def _make_entry(table: Table, name: str, columns: list[dict[str, str]]) -> dict[str, Any]:
    keys = {key: table.schema.field(key).type for key in table.manifest.schema.keys}
    typed = [{"Name": key.lower(), "Type": name_type(key, kind, "athena", is_key=True)} for key, kind in keys.items()]
    spelled = {
        key: str(kind) if str(kind) not in _ARROW_NAMES else _ARROW_NAMES[str(kind)] for key, kind in keys.items()
    }
    return {
        "Name": name,
        "TableType": "EXTERNAL_TABLE",
        "StorageDescriptor": _describe_storage(columns, f"{table.url}/"),
        "PartitionKeys": typed,
        "Parameters": {"EXTERNAL": "TRUE", "classification": "parquet", KEYS_PARAMETER: json.dumps(spelled)},
    }


_ARROW_NAMES = {"date32[day]": "date", "timestamp[us]": "timestamp"}  # as open_table takes them


def _merge(there: dict[str, Any], entry: dict[str, Any], where: str) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """The entry with what others have put beside it, and what changes in it.

    Raises:
        InvalidArgument: it is no table of Parquet, or one with other keys.
    """
    library = there.get("StorageDescriptor", {}).get("SerdeInfo", {}).get("SerializationLibrary", "")
    parameters = there.get("Parameters", {})
    kind = parameters.get("table_type") or there.get("TableType", "")
    if "parquet" not in library.lower() or kind not in ("EXTERNAL_TABLE", ""):
        what = (
            f"{where} is in the catalog already, and is no external table of Parquet ({kind}, {library or 'no SerDe'})."
        )
        raise InvalidArgument(what, hint="publish under another name=.")
    keys = [(key["Name"], key.get("Type")) for key in there.get("PartitionKeys", ())]
    wanted = [(key["Name"], key["Type"]) for key in entry["PartitionKeys"]]
    if keys != wanted:
        what = f"{where} is in the catalog with the partition keys {keys}, and this table has {wanted}."
        raise InvalidArgument(what, hint="publish under another name=, or drop that table first.")
    merged = {name: there[name] for name in _KEPT if there.get(name)} | entry
    merged["Parameters"] = {
        key: value for key, value in parameters.items() if not key.startswith(("projection.", "storage.location"))
    } | entry["Parameters"]
    changes = [("update table", text) for text in _tell_changes(there, merged)]
    return merged, changes


def _tell_changes(there: dict[str, Any], merged: dict[str, Any]) -> Iterator[str]:
    old, new = there["StorageDescriptor"], merged["StorageDescriptor"]
    before, after = ({c["Name"]: (c.get("Type"), c.get("Comment", "")) for c in one["Columns"]} for one in (old, new))
    for name in sorted(after.keys() - before.keys()):
        yield f"new column {name} {after[name][0]}"
    for name in sorted(before.keys() - after.keys()):
        yield f"column {name} goes"
    for name in sorted(before.keys() & after.keys()):
        if before[name] != after[name]:
            yield f"column {name}: {' '.join(filter(None, before[name]))} becomes {' '.join(filter(None, after[name]))}"
    if list(before) != list(after) and before.keys() == after.keys():
        yield "columns in another order"
    if old.get("Location") != new["Location"]:
        yield f"location: {old.get('Location')} becomes {new['Location']}"
    if any(old.get(name) != new[name] for name in ("InputFormat", "OutputFormat", "SerdeInfo")):
        yield "formats of Parquet"
    if there.get("Parameters", {}) != merged["Parameters"]:
        yield "parameters"


def _differs(there: dict[str, Any], wanted: dict[str, Any]) -> bool:
    old, new = there.get("StorageDescriptor", {}), wanted["StorageDescriptor"]
    return any(old.get(name) != value for name, value in new.items())


def _cut(items: Sequence[Any], size: int) -> Iterator[list[Any]]:
    for start in range(0, len(items), size):
        yield list(items[start : start + size])


def _check(answer: dict[str, Any], values: str) -> None:
    for error in answer.get("Errors", ()):
        detail = error.get("ErrorDetail", {})
        what = f"Glue refused the partition {'/'.join(error.get(values, ()))}: {detail.get('ErrorMessage', detail)}"
        raise StorageFailed(what, hint="plan again: what was done stands, and the plan goes on from there.")
