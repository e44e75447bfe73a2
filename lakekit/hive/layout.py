"""A table's partitions as a catalog wants them: values as text, and the folder that holds each.

It must not ask the store anything: the manifest knows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from lakekit.errors import InvalidArgument
from lakekit.manifest.partitions import HIVE_NULL, decode_segment
from lakekit.manifest.template import parse_template

if TYPE_CHECKING:
    from lakekit.table import Table


@dataclass(frozen=True)
class Partition:
    """One partition of a table.

    Attributes:
        values: typed, in the order of the keys; None for NULL.
        folder: where its files lie, relative to the table; "" where that is all of it.
    """

    values: tuple[Any, ...]
    folder: str

    @property
    def texts(self) -> tuple[str, ...]:
        """The values as Hive writes them."""
        return tuple(map(format_value, self.values))


def refuse_metadata(table: Table, *, lists_files: bool = False) -> None:
    """Raise InvalidArgument where a table of folders would not be the Iceberg table that was opened.

    Args:
        table: the table.
        lists_files: whether what is made names each file; then only those are wrong that name columns otherwise.
    """
    manifest = table.manifest
    if manifest.names is None or (lists_files and not any(kind.is_altered for kind in manifest.kinds)):
        return
    what = f"{table.url} is an Iceberg table: its files alone would show removed rows, or columns by former names."
    raise InvalidArgument(
        what,
        hint="register its metadata with the catalog, as pyiceberg's register_table does; or compact it into another "
        "place with lk.compaction, and publish that.",
    )


def list_partitions(table: Table) -> list[Partition]:
    """The partitions of a table, one for each distinct set of values; none for a table without keys.

    Raises:
        InvalidArgument: two folders hold the same values, which a catalog has no place for.
    """
    manifest = table.manifest
    if not manifest.schema.keys:
        return []
    levels = len(parse_template(table.template).levels) if table.template else 0
    found: dict[tuple[str, ...], Partition] = {}
    for name in manifest.folders.names:
        one = Partition(manifest.partitioning.values[name], _cut(name, manifest.schema.keys, levels))
        other = found.setdefault(one.texts, one)
        if other.folder != one.folder:
            keys = "/".join(f"{key}={text}" for key, text in zip(manifest.schema.keys, one.texts, strict=True))
            raise InvalidArgument(
                f"The folders {other.folder}/ and {one.folder}/ of {table.name} are both the partition {keys}, and a "
                "catalog has one location for each.",
                hint='declare the key as text, such as partitions={"month": "string"}, or move the files together.',
            )
    return list(found.values())


def _cut(folder: str, keys: tuple[str, ...], levels: int) -> str:
    """The folder down to the last level that tells a key."""
    parts = folder.split("/")
    named = [index + 1 for index, part in enumerate(parts) if decode_segment(part.partition("=")[0]) in keys]
    return "/".join(parts[: max([levels, *(named if "=" in folder else [])])])


def format_value(value: Any) -> str:
    """A partition value as Hive writes it.

    Example:
        >>> from datetime import datetime
        >>> format_value(None), format_value(True), format_value(datetime(2024, 1, 5, 6))
        ('__HIVE_DEFAULT_PARTITION__', 'true', '2024-01-05 06:00:00')
    """
    if value is None:
        return HIVE_NULL
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and math.isfinite(value):
        return repr(value)
    return str(value)


def is_plain_layout(table: Table, partitions: list[Partition]) -> bool:
    """Whether each folder is just ``key=value`` for each key, as any engine would read it, escapes and all."""
    keys = table.manifest.schema.keys
    return all(
        one.folder == "/".join(f"{key}={text}" for key, text in zip(keys, one.texts, strict=True))
        and not any(mark in one.folder for mark in "%+")
        for one in partitions
    )
