"""The files that the metadata of an Iceberg table names at one snapshot, read through the store.

It must not read data, nor guess: what it cannot read rightly is an error.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa

from lakekit.errors import CorruptFile, IncompleteTable, LakekitError, StaleFile
from lakekit.iceberg.finding import VERSION_HINT, Locations, choose_newest, list_metadata, refuse_remains
from lakekit.iceberg.package import import_pyiceberg
from lakekit.iceberg.snapshots import NamedFile, SnapshotReader, find_snapshot, parse_metadata
from lakekit.iceberg.types import read_fields, read_name_map, read_schema, read_value
from lakekit.manifest.fields import FieldNames
from lakekit.manifest.logged import LoggedFiles, find_named
from lakekit.manifest.partitions import folder_of
from lakekit.storage import RangeRequest, Store
from lakekit.storage.columns import list_columns

if TYPE_CHECKING:
    from pyiceberg.schema import Schema
    from pyiceberg.table.metadata import TableMetadata
    from pyiceberg.table.snapshots import Snapshot

LOG = "Iceberg snapshots"
_NAME_MAP = "schema.name-mapping.default"


class MetadataReader:
    """Reads the metadata of one table; manifests that it has read once it does not read again.

    Args:
        as_of: the id of the snapshot to read, or a moment; the current one if None.
        metadata: the path of the metadata that counts, or what tells it as a catalog does; the newest if None.
    """

    def __init__(self, as_of: int | datetime | None = None, metadata: str | Callable[[], str] | None = None):
        self.as_of = as_of
        self._metadata = metadata
        self._snapshots: SnapshotReader | None = None

    def __call__(self, store: Store, listed: pl.DataFrame) -> LoggedFiles | None:
        """The files that the snapshot names; None where there is no metadata of Iceberg.

        A GET for the metadata, one for the list of manifests, and one for each manifest, all of them at once; of S3
        this computer keeps them. The listing tells the rest.

        Args:
            store: the table.
            listed: all that lies there.

        Raises:
            UnsupportedTable: the table has what lakekit does not read, such as delete files, or it cannot be told
                which metadata counts.
            InvalidArgument: the snapshot that was asked for is not there.
            IncompleteTable: files that the metadata names are not there.
            CorruptFile: metadata does not decode.
            MissingPackage: pyiceberg is not installed.
        """
        found, url = list_metadata(listed), store.address.url
        if not found and self._metadata is None:
            refuse_remains(listed, url)
            return None
        import_pyiceberg(f"{url} has Iceberg metadata, and a listing alone would show removed rows as well.")
        try:
            return self._read(_Files(store, listed), found)
        except (IncompleteTable, StaleFile):
            listed = list_columns(store) if getattr(store, "listed_at", None) is None else listed
            if set(list_metadata(listed)) <= set(found):
                raise
            return self._read(_Files(store, listed), list_metadata(listed))  # of a commit since it was listed

    def _read(self, files: _Files, found: Sequence[str]) -> LoggedFiles:
        store, url = files.store, files.url
        path = self._choose(files, found)
        metadata = parse_metadata(files.fetch([path])[path], store.address.join(path))
        files.locations = Locations(store.address, metadata.location)
        snapshot = find_snapshot(metadata, self.as_of, url)
        self._snapshots = self._snapshots or SnapshotReader(url)
        named = self._snapshots.read(snapshot, files.fetch_located) if snapshot is not None else []
        return _tell(metadata, snapshot, _choose_schema(metadata, snapshot, self.as_of), named, files)

    def _choose(self, files: _Files, found: Sequence[str]) -> str:
        """The path of the metadata that counts."""
        if self._metadata is not None:
            return self._metadata() if callable(self._metadata) else self._metadata
        hint = None
        if VERSION_HINT in set(files.listed["path"]):
            hint = files.fetch([VERSION_HINT])[VERSION_HINT].decode(errors="replace")
        return choose_newest(found, hint, files.url)


@dataclass
class _Files:
    """The files of metadata under a table's address.

    Attributes:
        store: the table.
        listed: all that lies there; it is listed again where a file is missing.
        locations: how what metadata names becomes a path.
    """

    store: Store
    listed: pl.DataFrame
    locations: Locations | None = None

    @property
    def url(self) -> str:
        return self.store.address.url

    def fetch_located(self, locations: Sequence[str]) -> dict[str, bytes]:
        """The contents of files by their locations."""
        paths = {location: self.locations.find_path(location) for location in locations}
        contents = self.fetch(list(paths.values()))
        return {location: contents[path] for location, path in paths.items()}

    def fetch(self, paths: Sequence[str]) -> dict[str, bytes]:
        """The contents of files by their paths, all at once.

        Raises:
            IncompleteTable: one is not there.
        """
        rows = self._find(paths)
        if len(rows) < len(set(paths)) and getattr(self.store, "listed_at", None) is None:
            self.listed = list_columns(self.store)  # written, or taken away, during the listing
            rows = self._find(paths)
        missing = sorted(set(paths) - {path for path, _, _ in rows})
        if missing:
            what = f"The metadata of {self.url} needs {missing[0]}, which is not there."
            raise IncompleteTable(what, hint="open a later version, or restore it; expiring snapshots removes such.")
        contents = {path: b"" for path, size_bytes, _ in rows if not size_bytes}
        asked = [RangeRequest(path, 0, size_bytes, etag) for path, size_bytes, etag in rows if size_bytes]
        for request, outcome in self.store.read_many(asked, keep=True):
            if isinstance(outcome, LakekitError):
                raise outcome
            contents[request.path] = bytes(outcome)
        return contents

    def _find(self, paths: Sequence[str]) -> list[tuple[str, int, str]]:
        found = self.listed.filter(pl.col("path").is_in(list(paths)))
        return found.select("path", "size_bytes", "etag").rows()


def _choose_schema(metadata: TableMetadata, snapshot: Snapshot | None, as_of: int | datetime | None) -> Schema:
    """The schema of now, or of then where the past was asked for."""
    if as_of is not None and snapshot is not None and snapshot.schema_id is not None:
        found = next((one for one in metadata.schemas if one.schema_id == snapshot.schema_id), None)
        if found is not None:
            return found
    return metadata.schema()


def _tell(
    metadata: TableMetadata, snapshot: Snapshot | None, schema: Schema, named: Sequence[NamedFile], files: _Files
) -> LoggedFiles:
    url = files.url
    by_path = {files.locations.find_path(one.location): one for one in named}
    version = f"Snapshot {snapshot.snapshot_id}" if snapshot is not None else "The first version"
    sizes = {path: one.size_bytes for path, one in by_path.items()}
    found, listed = find_named(sizes, files.store, files.listed, version=version)
    columns = read_schema(schema, url)
    values = _read_identities(metadata, schema, columns, by_path)
    keys = _choose_keys(metadata, schema, columns, values)
    ids = {field.name: field.field_id for field in schema.fields}
    read_from_file = {number for told in values.values() for number in told} - {ids[key] for key in keys}
    return LoggedFiles(
        version=snapshot.snapshot_id if snapshot is not None else None,
        files=found,
        listed=listed,
        keys=keys,
        types=tuple(columns.field(key).type for key in keys),
        values={path: tuple(told[ids[key]] for key in keys) for path, told in values.items()},
        columns=pa.schema([field for field in columns if field.name not in keys]),
        log=LOG,
        may_be_empty=True,
        names=FieldNames(url, read_fields(schema), _read_names(metadata, url)),
        constants={path: _keep_known(told, read_from_file) for path, told in values.items()} if read_from_file else {},
    )


def _keep_known(values: Mapping[int, Any], numbers: Collection[int]) -> dict[int, Any]:
    return {number: value for number, value in values.items() if number in numbers and value is not None}


def _read_names(metadata: TableMetadata, url: str) -> Any:
    try:
        return read_name_map(metadata.properties.get(_NAME_MAP))
    except ValueError as exc:
        what = f"The property {_NAME_MAP} of {url} is no map of names: {str(exc).partition(chr(10))[0]}."
        raise CorruptFile(what, hint="set it anew, or take it away.") from exc


def _read_identities(
    metadata: TableMetadata, schema: Schema, columns: pa.Schema, files: Mapping[str, NamedFile]
) -> dict[str, dict[int, Any]]:
    """By path and number, the values that metadata tells: of columns that a file is partitioned by as they are."""
    types = {field.field_id: columns.field(field.name).type for field in schema.fields}
    specs = {spec.spec_id: spec for spec in metadata.specs().values()}
    found = {}
    for path, file in files.items():
        spec = specs.get(file.spec_id)
        if spec is None or len(spec.fields) != len(file.values):
            what = f"The manifest of {path} is of partition spec {file.spec_id}, which the metadata does not tell so."
            raise CorruptFile(what, hint="look who wrote that manifest; open an earlier snapshot: as_of=….")
        found[path] = {
            field.source_id: read_value(value, types.get(field.source_id, pa.null()))
            for field, value in zip(spec.fields, file.values, strict=True)
            if str(field.transform) == "identity"
        }
    return found


def _choose_keys(
    metadata: TableMetadata, schema: Schema, columns: pa.Schema, values: Mapping[str, Mapping[int, Any]]
) -> tuple[str, ...]:
    """Columns by which all files are partitioned as they are, those of a folder alike; others are read from files."""
    names = {field.field_id: field.name for field in schema.fields if _may_be_key(columns.field(field.name).type)}
    whole = [field.source_id for field in metadata.spec().fields if str(field.transform) == "identity"]
    candidates = next(iter(values.values()), whole)
    keys = [number for number in dict.fromkeys(candidates) if number in names]
    first: dict[str, Mapping[int, Any]] = {}
    for path, told in values.items():
        of_folder = first.setdefault(folder_of(path), told)
        keys = [number for number in keys if number in told and told[number] == of_folder.get(number)]
    return tuple(names[number] for number in keys)


def _may_be_key(kind: pa.DataType) -> bool:
    types = pa.types
    is_time = types.is_date32(kind) or (types.is_timestamp(kind) and kind.unit == "us")
    return is_time or types.is_boolean(kind) or types.is_integer(kind) or types.is_string(kind)
