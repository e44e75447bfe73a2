"""The files of a table as a log names them, where a listing alone would show removed ones, too.

It must not know how a log is written: whoever reads one makes this of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl
import pyarrow as pa

from lakekit.errors import PartitionTypeConflict, UnknownPartitionKey, UnsupportedTable
from lakekit.manifest.partition_types import parse_type_name
from lakekit.manifest.partitions import Folders, Partitioning, folder_of
from lakekit.manifest.schema import FileKind, unify_schemas
from lakekit.manifest.template import parse_template
from lakekit.manifest.types import normalize_type, unify_types
from lakekit.storage import Store


@dataclass(frozen=True)
class LoggedFiles:
    """One version of a table.

    Attributes:
        version: its number.
        files: those that the log names, with the columns of a listing, sorted by path.
        listed: all that is there, named or not.
        keys: names of the partition columns.
        types: their types.
        values: the partition values of each file, by path.
        columns: names and types of the other columns, in order.
    """

    version: int
    files: pl.DataFrame
    listed: pl.DataFrame
    keys: tuple[str, ...]
    types: tuple[pa.DataType, ...]
    values: Mapping[str, tuple[Any, ...]]
    columns: pa.Schema

    def read_partitions(self, folders: Folders, paths: Sequence[str]) -> Partitioning:
        """The partitioning as the log tells it; nothing is inferred from paths.

        Args:
            folders: those of these files.
            paths: the files.

        Raises:
            UnsupportedTable: files of one folder have different values, by which lakekit could not tell them apart.
        """
        found: dict[str, tuple[Any, ...]] = {}
        first: dict[str, str] = dict(zip(folders.names, folders.first_files, strict=True))
        for path in paths:
            folder = folder_of(path)
            if found.setdefault(folder, self.values[path]) != self.values[path]:
                what = f"The log puts {first[folder]} and {path}, of one folder, into different partitions."
                raise UnsupportedTable(what, hint="lakekit reads tables with a folder for each: rewrite it with such.")
        return Partitioning(self.keys, self.types, found)

    def refuse_options(self, declared: Mapping[str, Any] | None, template: str | None) -> None:
        """Raise where the opener says of partitions what the log does not.

        Raises:
            UnknownPartitionKey, PartitionTypeConflict: keys or types that are others.
        """
        types = {**(parse_template(template).types if template else {}), **(declared or {})}
        told = dict(zip(self.keys, self.types, strict=True))
        for key, kind in types.items():
            if key not in told:
                what = f"No partition key {key!r} in the Delta log: it has {', '.join(map(repr, self.keys)) or 'none'}."
                raise UnknownPartitionKey(what, hint="leave partitions= and template= out: the log tells them.")
            if kind is not None and parse_type_name(kind, key) != told[key]:
                what = f"The partition key {key!r} is of type {told[key]} by the Delta log, and was declared {kind}."
                raise PartitionTypeConflict(what, hint="leave it undeclared, and cast it in the query.")

    def choose_columns(self, kinds: Sequence[FileKind]) -> pa.Schema:
        """The log's columns in its order; a type is wider than the log's where files need that to be read unchanged."""
        found = unify_schemas(kinds, dict(zip(self.keys, self.types, strict=True))).arrow
        return pa.schema([(field.name, _choose_type(field, found)) for field in self.columns])


def _choose_type(field: pa.Field, found: pa.Schema) -> pa.DataType:
    told, there = normalize_type(field.type), found.get_field_index(field.name)
    if there < 0:
        return told
    return unify_types(told, found.field(there).type) or told


ReadLog = Callable[[Store, pl.DataFrame], LoggedFiles | None]  # of a store and what is listed there; None: no log
