"""The tables of a Glue database as a lake: partitions, their values and their places come from the catalog.

It must not write to the catalog: `lakekit.publish` does.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lakekit.catalog import Catalog
from lakekit.errors import InvalidArgument, LakekitError, NoFilesFound
from lakekit.hive.client import GlueClient
from lakekit.hive.location import name_folder, parse_location
from lakekit.hive.types import KEYS_PARAMETER, read_key_types
from lakekit.iceberg import split_url
from lakekit.lake import Lake
from lakekit.storage import Address, Storage, Store, open_store, parse_address, resolve_storage
from lakekit.storage.placed import PlacedStore, Placement
from lakekit.table import Table

if TYPE_CHECKING:
    from lakekit.storage import StoredObject

_FORMATS = {"DELTA": "a Delta table", "HUDI": "a Hudi table"}
_ICEBERG, _METADATA = "ICEBERG", "metadata_location"  # what an entry's parameters say of such a table


def open_glue(
    database: str, *, tables: Mapping[str, Mapping[str, Any]] | None = None, storage: Storage | None = None
) -> Lake:
    """The lake that a database of the Glue Data Catalog describes: each of its tables of Parquet.

    The catalog tells which partitions there are, their values and where each lies, in whatever bucket; columns and
    their types are those of the files. Of an Iceberg table it tells which metadata counts, and that all else. Tables
    that are neither stand in ``lake.failed`` with the reason.

    Args:
        database: its name.
        tables: options of :func:`open_table` by table, such as ``{"logs": {"on_bad_file": "skip"}}``.
        storage: how Glue and S3 are reached; the environment's if not given.

    Raises:
        NoFilesFound: the catalog has no such database, or it has no table.
        AccessDenied, CredentialsExpired, StorageFailed: Glue or S3 refuses.

    Example:
        >>> import lakekit as lk
        >>> aws = lk.embedded_aws()
        >>> _ = aws.boto3("s3").create_bucket(Bucket="nyc-flights")
        >>> aws.boto3("s3").upload_file("data/sample/lake/airlines/part-0.parquet", "nyc-flights", "airlines/a.parquet")
        >>> lk.publish.glue(lk.open_table("s3://nyc-flights/airlines", storage=aws), "flying").run()
        >>> lk.open_glue("flying", storage=aws).sql("SELECT count(*) FROM airlines").fetchall()
        [(16,)]
    """
    store = _GlueStore(Address("glue", database), resolve_storage(storage, f"glue://{database}"))
    return Lake(GlueCatalog(store, tables or {}))


class _GlueStore(Store):
    """A database in the place of a folder of tables; it holds no bytes."""

    def list_objects(self, prefix: str = "", *, on_progress: Any = None) -> list[StoredObject]:
        """None: tables have their files elsewhere."""
        return []

    def list_folders(self) -> list[str]:
        """The names of the tables."""
        return sorted(self.read_entries())

    def find_root_file(self) -> StoredObject | None:
        """None."""
        return None

    def read_range(self, path: str, start: int, length: int, *, etag: str | None = None) -> memoryview:
        """Nothing can be read here."""
        raise NoFilesFound(f"{path} is not a file of {self.address.url}.")

    def read_entries(self) -> dict[str, dict[str, Any]]:
        """The catalog's entry of each table."""
        client, database = GlueClient(self.storage), self.address.bucket
        if client("get_database", missing_ok=True, Name=database) is None:
            what = f"The Glue Data Catalog has no database {database!r}."
            raise NoFilesFound(what, hint="look at the region, and at lk.publish.glue for how tables get there.")
        return {one["Name"]: one for one in client.list_tables(database)}


class GlueCatalog(Catalog):
    """The tables of a database, found in the catalog instead of in folders."""

    def _find_tables(self) -> tuple[list[str], list[str]]:
        self._entries = self.store.read_entries()
        if not self._entries:
            raise NoFilesFound(
                f"{self.store.address.url} has no tables.", hint="publish one: lk.publish.glue(table, …)."
            )
        added, gone = super()._find_tables()
        for name in self._entries:
            if name.startswith(("_", ".")) and name not in self.tables:  # hidden as a folder, but not in a catalog
                self._open(name)
                added += [name] if name in self.tables else []
        return added, gone

    def _find_url(self, name: str) -> str:
        """Where a table is: as it was opened, since a refresh of it asks the catalog again."""
        return self.tables[name].url if name in self.tables else super()._find_url(name)

    def _open(self, name: str) -> None:
        entry = self._entries[name]
        try:
            table = _open_entry(entry, self.store, self._options.get(name, {}))
        except LakekitError as error:  # a table without files too: the catalog promises it, so that it is missed
            self.failed[name] = error
            return
        table.keep_receipts(self.ledger)
        self.tables[name] = table


def _open_entry(entry: Mapping[str, Any], store: Store, options: Mapping[str, Any]) -> Table:
    from lakekit.manifest.manifest import TableOptions

    name, parameters = entry["Name"], entry.get("Parameters", {})
    if _find_kind(entry) == _ICEBERG:
        root, _ = _find_metadata(entry)
        metadata = functools.partial(_ask_metadata, store, name, root)  # each commit writes another
        return Table(open_store(root, store.storage), name, TableOptions(**{"metadata": metadata, **options}))
    location = _find_location(entry)
    keys = _read_keys(entry)
    options = {"partitions": keys or None, **options}
    if parameters.get("projection.enabled", "").lower() == "true":
        template = _read_template(parameters.get("storage.location.template"), location, keys)
        return Table(open_store(location, store.storage), name, TableOptions(**{"template": template, **options}))
    placed = PlacedStore(parse_address(location), store.storage, lambda: _list_places(entry, store, list(keys)))
    return Table(placed, name, TableOptions(**options))


def _find_kind(entry: Mapping[str, Any]) -> str:
    parameters = entry.get("Parameters", {})
    return (parameters.get("table_type") or parameters.get("spark.sql.sources.provider") or "").upper()


def _ask_metadata(store: Store, name: str, root: str) -> str:
    """The path below its address of the metadata of an Iceberg table that counts now."""
    entry = GlueClient(store.storage)("get_table", DatabaseName=store.address.bucket, Name=name)["Table"]
    now, metadata = _find_metadata(entry)
    if now != root:
        raise InvalidArgument(f"{name} is at {now} now, and was at {root}.", hint="open the lake again.")
    return metadata


def _find_metadata(entry: Mapping[str, Any]) -> tuple[str, str]:
    """Where an entry says that an Iceberg table is, and its metadata below that.

    Raises:
        InvalidArgument: it does not.
    """
    told = entry.get("Parameters", {}).get(_METADATA, "")
    root, metadata = split_url(told)
    if metadata is None:
        what = f"{entry['Name']} is an Iceberg table in the catalog, and its {_METADATA} is {told!r}."
        raise InvalidArgument(what, hint="it should be …/metadata/….metadata.json: look at its entry in Glue.")
    return parse_location(root), metadata


def _find_location(entry: Mapping[str, Any]) -> str:
    """Where a table of Parquet lies.

    Raises:
        InvalidArgument: the entry is none.
    """
    name, parameters = entry["Name"], entry.get("Parameters", {})
    described = entry.get("StorageDescriptor", {})
    location = described.get("Location", "")
    kind = _find_kind(entry)
    if entry.get("TableType") == "VIRTUAL_VIEW":
        raise InvalidArgument(f"{name} is a view in the catalog.", hint="query the tables that it is over.")
    if kind in _FORMATS:
        what = f"{name} is {_FORMATS[kind]} in the catalog, and its log, not its folders, tells its files."
        raise InvalidArgument(what, hint=f'open it by its address: lk.open_table("{location}").')
    library = described.get("SerdeInfo", {}).get("SerializationLibrary", "")
    told = parameters.get("classification") or described.get("InputFormat", "").rpartition(".")[2] or "of no format"
    if "parquet" not in f"{library} {described.get('InputFormat', '')}".lower():
        what = f"{name} is no table of Parquet: the catalog says {told} ({library or 'no SerDe'})."
        raise InvalidArgument(what, hint="lakekit reads Parquet; ingest the files first.")
    if not location:
        raise InvalidArgument(f"{name} has no location in the catalog.", hint="look at its entry in Glue.")
    return parse_location(location)


def _read_keys(entry: Mapping[str, Any]) -> dict[str, str]:
    """The keys with their types, as lakekit published them where it did."""
    types = read_key_types({key["Name"]: key.get("Type", "string") for key in entry.get("PartitionKeys", ())})
    try:
        told = json.loads(entry.get("Parameters", {}).get(KEYS_PARAMETER, "{}"))
    except ValueError:
        told = {}
    is_ours = isinstance(told, dict) and [key.lower() for key in told] == list(types)
    return told if is_ours else types


def _list_places(entry: Mapping[str, Any], store: Store, keys: Sequence[str]) -> list[Placement]:
    if not keys:
        return [Placement("", parse_location(entry["StorageDescriptor"]["Location"]))]
    found = GlueClient(store.storage).list_partitions(store.address.bucket, entry["Name"])
    if not found:
        what = f"{entry['Name']} has no partitions in the catalog."
        raise NoFilesFound(what, hint="add them: lk.publish.glue(table, …), a crawler, or MSCK REPAIR TABLE in Athena.")
    places = []
    for values, one in found:
        location = one.get("StorageDescriptor", {}).get("Location")
        if not location:
            what = f"The partition {'/'.join(values)} of {entry['Name']} has no location in the catalog."
            raise InvalidArgument(what, hint="look at its entry in Glue.")
        places.append(Placement(name_folder(keys, values), parse_location(location)))
    return places


def _read_template(text: str | None, location: str, keys: Mapping[str, str]) -> str | None:
    """lakekit's template for a projected table's; None where folders are named ``key=value``.

    Raises:
        InvalidArgument: the template leads out of the table's location.
    """
    if not text:
        return None
    rest = text.rstrip("/").removeprefix(location).strip("/")
    if rest == text.rstrip("/"):
        what = f"The projected partitions lie at {text}, and not under {location}."
        raise InvalidArgument(what, hint="open them by their own address, with open_table(…, template=…).")
    if re.fullmatch(r"[^/=]+=\$\{[^}/]+\}(/[^/=]+=\$\{[^}/]+\})*", rest):
        return None
    spelled = {key.lower(): key for key in keys}
    return re.sub(r"\$\{([^}]+)\}", lambda match: f"{{{spelled.get(match[1].lower(), match[1])}}}", rest)
