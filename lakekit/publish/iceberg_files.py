"""What an Iceberg table is told of each file, from the manifest; and which of them it does not know so yet.

It must not read data or footers, nor tell a bound that a reader could take for more than it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Context, Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from lakekit.errors import InvalidArgument
from lakekit.manifest.listing import is_hidden
from lakekit.publish.iceberg_types import Columns

if TYPE_CHECKING:
    import polars as pl

    from lakekit.table import Table

MOST_CHARACTERS = 16  # of a text's bound, as Iceberg's own writers keep; write.metadata.metrics.default, read 2026-11
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  keys have no zone
_EXACT = Context(prec=38)

Bounds = dict[str, tuple[Any, Any]]


@dataclass(frozen=True)
class FileFacts:
    """What Iceberg is told of one file.

    Attributes:
        path: its whole address.
        rows: how many it has.
        size_bytes: how large it is.
        partition: the values of the keys, as Iceberg keeps them: dates in days, times in microseconds.
        nulls: how many, for each column that is in the file and of which that is known.
        bounds: for columns of which every reader has the same order: floats, which may be NaN, have none.
    """

    path: str
    rows: int
    size_bytes: int
    partition: tuple[Any, ...]
    nulls: Mapping[str, int]
    bounds: Bounds


@dataclass(frozen=True)
class Difference:
    """How the files of an Iceberg table differ from those of its place.

    Attributes:
        added: files that it does not name.
        replaced: files that were written over, so that what it tells of them is wrong.
        gone: paths that it names and that are no longer part of the table.
        foreign: how many files it names that others put elsewhere; they stay.
    """

    added: tuple[FileFacts, ...]
    replaced: tuple[FileFacts, ...]
    gone: tuple[str, ...]
    foreign: int

    def __bool__(self) -> bool:
        return bool(self.added or self.replaced or self.gone)


def list_facts(table: Table, columns: Columns) -> list[FileFacts]:
    """What Iceberg is told of the files of a table.

    Raises:
        InvalidArgument: a file's name means another file to readers.
    """
    manifest, address = table.manifest, table.store.address
    told = list(_list_stats(table, columns))
    supplies, facts = manifest.schema.supplies, []
    rows = manifest.entries.select("path", "size_bytes", "rows", "schema_id").iter_rows()
    for position, (path, size_bytes, row_count, schema_id) in enumerate(rows):
        nulls, bounds = {}, {}
        for column, counts, lowest, highest in told:
            if supplies[schema_id][column] == "missing":
                continue  # a column that comes later is not told of earlier files either
            if counts[position] is not None:
                nulls[column] = counts[position]
            if lowest is not None and lowest[position] is not None and highest[position] is not None:
                bounds[column] = lowest[position], highest[position]
        partition = tuple(map(_to_stored, manifest.partitioning.values_of(path)))
        _refuse_name(address.scheme, path)
        facts.append(FileFacts(address.join(path), row_count, size_bytes, partition, nulls, bounds))
    return facts


def _refuse_name(scheme: str, path: str) -> None:
    if scheme == "s3" and ("#" in path or "?" in path):
        what = f"The name of {path} holds # or ?, where readers of Iceberg end the name of an object."
        raise InvalidArgument(what, hint="rename the object, or compact the table into a copy.")


def _to_stored(value: Any) -> Any:
    """A key's value as Iceberg keeps it."""
    if isinstance(value, datetime):
        since = value - _EPOCH
        return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    return value.toordinal() - _EPOCH.toordinal() if isinstance(value, date) else value


def _list_stats(table: Table, columns: Columns) -> Iterator[tuple[str, list, list | None, list | None]]:
    """Of each column that is not nested: its name, NULLs by file, lowest and highest values as Iceberg keeps them."""
    for field in table.manifest.schema.file_columns:
        found = table.manifest.find_stats(field.name)
        if found is None:
            continue
        low, high, nulls = found
        kind = columns[field.name]
        has_bounds = not (pa.types.is_floating(kind) or _is_binary(kind))
        yield (
            field.name,
            nulls.to_list(),
            [_cut_low(value) for value in _to_plain(low, kind)] if has_bounds else None,
            [_cut_high(value) for value in _to_plain(high, kind)] if has_bounds else None,
        )


def _is_binary(kind: pa.DataType) -> bool:
    return pa.types.is_binary(kind) or pa.types.is_fixed_size_binary(kind)


def _to_plain(bounds: pl.Series, kind: pa.DataType) -> list[Any]:
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return bounds.to_physical().to_list()
    if pa.types.is_time(kind):
        return [None if value is None else value // 1000 for value in bounds.to_physical()]  # Polars counts in ns
    if pa.types.is_decimal(kind):
        unit = Decimal(1).scaleb(-kind.scale)
        return [None if value is None else value.quantize(unit, context=_EXACT) for value in bounds]
    return bounds.to_list()


def _cut_low(value: Any) -> Any:
    return value[:MOST_CHARACTERS] if isinstance(value, str) else value


def _cut_high(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    from pyiceberg.utils.truncate import truncate_upper_bound_text_string

    cut = truncate_upper_bound_text_string(value, MOST_CHARACTERS)
    try:
        return None if cut is None else cut.encode().decode()
    except UnicodeEncodeError:  # what comes after the last sign may be none
        return None


def build_data_file(facts: FileFacts, metadata: Any) -> Any:
    """A file as pyiceberg takes it, with the ids that the table has.

    Args:
        facts: what is known of it.
        metadata: of the table, as the transaction will have it.
    """
    from pyiceberg.conversions import to_bytes
    from pyiceberg.manifest import DataFile, DataFileContent, FileFormat
    from pyiceberg.typedef import Record

    fields = {field.name: field for field in metadata.schema().fields}
    low, high = (
        {fields[name].field_id: to_bytes(fields[name].field_type, both[side]) for name, both in facts.bounds.items()}
        for side in (0, 1)
    )
    nulls = {fields[name].field_id: count for name, count in facts.nulls.items()}
    return DataFile.from_args(
        content=DataFileContent.DATA,
        file_path=facts.path,
        file_format=FileFormat.PARQUET,
        partition=Record(*facts.partition),
        record_count=facts.rows,
        file_size_in_bytes=facts.size_bytes,
        column_sizes={},
        value_counts=dict.fromkeys(nulls, facts.rows),
        null_value_counts=nulls,
        nan_value_counts={},
        lower_bounds=low,
        upper_bounds=high,
        key_metadata=None,
        split_offsets=None,
        equality_ids=None,
        sort_order_id=None,
        spec_id=metadata.default_spec_id,
    )


def find_difference(facts: list[FileFacts], there: list[Any], metadata: Any, table: Table) -> Difference:
    """What has to change so that an Iceberg table names these files, and what it tells of them is right.

    Args:
        facts: of the files that are part of the table.
        there: the data files of its snapshot.
        metadata: its own; not asked where it names none.
        table: whose files it names; what it left out, as it cannot be read, stays named as it is.
    """
    times = Counter(one.file_path for one in there)
    known = {one.file_path: one for one in there}
    wanted = {one.path: one for one in facts}
    root = table.store.address.join("")
    root = root if root.endswith("/") else f"{root}/"
    own = {path: path[len(root) :] for path in known if path.startswith(root)}
    own = {path: name for path, name in own.items() if not is_hidden(name, known[path].file_size_in_bytes)}
    skipped = set(table.skipped["path"])
    added = [one for one in facts if one.path not in known]
    replaced = [
        one
        for path, one in wanted.items()
        if path in known and (times[path] > 1 or _differs(known[path], one, metadata))
    ]
    gone = [path for path, name in own.items() if path not in wanted and name not in skipped]
    foreign = sum(path not in own and path not in wanted for path in known)
    return Difference(tuple(added), tuple(replaced), tuple(sorted(gone)), foreign)


def _differs(known: Any, facts: FileFacts, metadata: Any) -> bool:
    """Whether something that is told of a file is not true of what lies there now."""
    from pyiceberg.conversions import from_bytes

    if (known.record_count, known.file_size_in_bytes) != (facts.rows, facts.size_bytes):
        return True
    if tuple(known.partition[index] for index in range(len(known.partition))) != facts.partition:
        return True
    fields = {field.field_id: field for field in metadata.schema().fields}
    for number, count in (known.null_value_counts or {}).items():
        if number not in fields or facts.nulls.get(fields[number].name) != count:
            return True
    for side, bounds in enumerate((known.lower_bounds, known.upper_bounds)):
        for number, bound in (bounds or {}).items():  # perhaps of the type that the column had then
            if number not in fields or fields[number].name not in facts.bounds:
                return True
            if from_bytes(fields[number].field_type, bound) != facts.bounds[fields[number].name][side]:
                return True
    return False
