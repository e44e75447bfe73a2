"""The files of a table as a log names them, where a listing alone would show removed ones, too.

It must not know how a log is written: whoever reads one makes this of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa

from lakekit.errors import IncompleteTable, PartitionTypeConflict, UnknownPartitionKey, UnsupportedTable
from lakekit.manifest.fields import FieldNames, prune_kind
from lakekit.manifest.footers import read_footer_schema
from lakekit.manifest.frame import Known
from lakekit.manifest.partition_types import parse_type_name
from lakekit.manifest.partitions import Folders, Partitioning, folder_of
from lakekit.manifest.schema import FileKind, unify_schemas
from lakekit.manifest.template import parse_template
from lakekit.manifest.types import normalize_type, unify_types
from lakekit.storage import Store
from lakekit.storage.columns import list_columns
from lakekit.units import format_number_of

if TYPE_CHECKING:
    from lakekit.manifest.fetch import FooterSource


@dataclass(frozen=True)
class LoggedFiles:
    """One version of a table.

    Attributes:
        version: its number; None where there is none yet.
        files: those that the log names, with the columns of a listing, sorted by path.
        listed: all that is there, named or not.
        keys: names of the partition columns.
        types: their types.
        values: the partition values of each file, by path.
        columns: names and types of the other columns, in order.
        log: what tells all this, in words.
        may_be_empty: whether a version without a file is a table all the same.
        names: of columns, where the log knows them by numbers.
        constants: by path, the values by number that the log alone tells where a file does not hold the column.
        left_out: by path, why a file that the log names is not among ``files``.
    """

    version: int | None
    files: pl.DataFrame
    listed: pl.DataFrame
    keys: tuple[str, ...]
    types: tuple[pa.DataType, ...]
    values: Mapping[str, tuple[Any, ...]]
    columns: pa.Schema
    log: str = "Delta log"
    may_be_empty: bool = False
    names: FieldNames | None = None
    constants: Mapping[str, Mapping[int, Any]] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)

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
                there = ", ".join(map(repr, self.keys)) or "none"
                what = f"No partition key {key!r} in the {self.log}: it has {there}."
                raise UnknownPartitionKey(what, hint="leave partitions= and template= out: the log tells them.")
            if kind is not None and parse_type_name(kind, key) != told[key]:
                what = f"The partition key {key!r} is of type {told[key]} by the {self.log}, and was declared {kind}."
                raise PartitionTypeConflict(what, hint="leave it undeclared, and cast it in the query.")

    def choose_columns(self, kinds: Sequence[FileKind]) -> pa.Schema:
        """The log's columns in its order; a type is wider than the log's where files need that to be read unchanged."""
        found = unify_schemas(kinds, dict(zip(self.keys, self.types, strict=True))).arrow
        return pa.schema([(field.name, _choose_type(field, found)) for field in self.columns])

    def rename_kinds(self, known: Known, footers: FooterSource) -> Known:
        """The same, with the names that columns have now in the schemas of files that can be read.

        Raises:
            UnsupportedTable: a file lacks a column whose value in it is not NULL.
        """
        if self.names is None:
            return known
        kinds = list(known.kinds)
        defaults = self.names.list_defaults()
        for number, kind in enumerate(kinds):
            where = known.find_files(number)
            if not len(where):
                continue
            path, etag = known.listed.select("path", "etag").row(int(where[0]))
            stored = footers.get_stored(path, etag)
            absent = self.names.find_absent(stored)
            if lacking := sorted(defaults[one] for one in absent & defaults.keys()):
                what = f"{path} lacks the column {lacking[0]!r}, for which {self.names.url} has a default value."
                raise UnsupportedTable(what, hint="read it with pyiceberg or Spark, or rewrite its old files.")
            self._refuse_constants(known.listed["path"].gather(where), absent)
            renamed = read_footer_schema(footers.get(path, etag))
            if renamed.names != kind.schema.names or renamed.types != kind.schema.types:
                kinds[number] = replace(kind, schema=renamed)
        return replace(known, kinds=kinds)

    def _refuse_constants(self, paths: pl.Series, absent: frozenset[int]) -> None:
        for path in paths if self.constants else ():
            lost = absent & self.constants.get(path, {}).keys()
            if lost:
                value = self.constants[path][min(lost)]
                what = f"{path} lacks a column that is {value!r} in its rows by the {self.log}; other files hold it."
                raise UnsupportedTable(what, hint="read it with Spark, or rewrite the files of its old partitioning.")

    def prune_kinds(self, kinds: Sequence[FileKind], stored: Sequence[pa.Schema]) -> list[FileKind]:
        """The same without what the log does not know any more.

        Args:
            kinds: with the names of now.
            stored: by each, the schema that its files have.
        """
        if self.names is None:
            return list(kinds)
        told = [(one.name, normalize_type(one.type)) for one in self.columns]
        told = pa.schema([*told, *zip(self.keys, self.types, strict=True)])
        return [
            prune_kind(kind, told, is_altered=kind.schema != schema) for kind, schema in zip(kinds, stored, strict=True)
        ]


def _choose_type(field: pa.Field, found: pa.Schema) -> pa.DataType:
    told, there = normalize_type(field.type), found.get_field_index(field.name)
    if there < 0:
        return told
    return unify_types(told, found.field(there).type) or told


def find_named(
    sizes: Mapping[str, int], store: Store, listed: pl.DataFrame, *, version: str
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows of a listing that a log names, sorted by path, and the listing; it is made again where it lacks some.

    Args:
        sizes: by path, how long each file is.
        store: the table.
        listed: all that lies there.
        version: of the log, in words.

    Raises:
        IncompleteTable: a file is not there, or was written over.
    """
    wanted, url = list(sizes), store.address.url
    files = listed.filter(pl.col("path").is_in(wanted))
    if files.height < len(wanted) and getattr(store, "listed_at", None) is None:  # of a commit during the listing
        listed = list_columns(store)
        files = listed.filter(pl.col("path").is_in(wanted))
    gone = sorted(set(wanted) - set(files["path"]))
    if gone:
        what = f"{version} of {url} names {format_number_of(len(gone), 'file')} not there, such as {gone[0]}."
        by = "an inventory may be older than the log: open it without; " if hasattr(store, "listed_at") else ""
        raise IncompleteTable(
            what,
            hint=f"{by}files of old versions are removed in time: vacuum; open a later one. Of a Delta table, "
            'open_table(…, on_bad_file="skip") reads the rest, and where lakekit keeps its log, '
            "lk.publish.delta(table, drop_gone=True) of that mends it.",
        )
    for path, size in files.select("path", "size_bytes").iter_rows():
        if size != sizes[path]:
            began = version[:1].lower() + version[1:]
            what = f"{path} has {size:,} bytes, and {sizes[path]:,} by {began} of the log of {url}."
            raise IncompleteTable(
                what,
                hint='it was written over: restore it; or publish the table again, opened with on_bad_file="skip".',
            )
    return files.sort("path"), listed


def leave_out_lost(sizes: Mapping[str, int], listed: pl.DataFrame) -> dict[str, str]:
    """By path, why a file that a log names cannot be read as it was: it is gone, or was written over.

    Args:
        sizes: by path, how long each file is.
        listed: all that lies there.
    """
    there = dict(listed.filter(pl.col("path").is_in(list(sizes))).select("path", "size_bytes").iter_rows())
    return {
        path: "named by the log, and not there" if path not in there else f"written over: {size:,} bytes by the log"
        for path, size in sorted(sizes.items())
        if there.get(path) != size
    }


ReadLog = Callable[[Store, pl.DataFrame], LoggedFiles | None]  # of a store and what is listed there; None: no log
