"""What a refresh found: files added, removed, replaced or moved to another storage class, and columns that changed.

It must not read anything: it compares two manifests.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from lakekit.manifest.types import describe_type
from lakekit.units import format_number_of

if TYPE_CHECKING:
    from lakekit.manifest.manifest import Manifest


@dataclass(frozen=True)
class Changes:
    """The difference between two states of a table; false when there is none.

    Attributes:
        table: the table's name.
        added, removed, replaced, moved: paths of files that are new, gone, have another content, or lie in another
            storage class than before.
        columns: what happened to columns, one text each.

    Example:
        >>> Changes("t", ("a=1/new.parquet",), (), (), (), ())
        t: 1 file added
    """

    table: str
    added: tuple[str, ...]
    removed: tuple[str, ...]
    replaced: tuple[str, ...]
    moved: tuple[str, ...]
    columns: tuple[str, ...]

    def __bool__(self) -> bool:
        return any((self.added, self.removed, self.replaced, self.moved, self.columns))

    def _facts(self) -> list[str]:
        kinds = [("added", self.added), ("removed", self.removed), ("replaced", self.replaced)]
        facts = [f"{format_number_of(len(paths), 'file')} {kind}" for kind, paths in kinds if paths]
        if self.moved:
            facts.append(f"{format_number_of(len(self.moved), 'file')} moved to another storage class")
        return facts + list(self.columns)

    def __repr__(self) -> str:
        return f"{self.table}: {', '.join(self._facts()) or 'nothing changed'}"

    def _repr_html_(self) -> str:
        from lakekit.display import format_html_table

        kinds = ("added", "removed", "replaced", "moved")
        rows = [(kind, path) for kind in kinds for path in getattr(self, kind)]
        return format_html_table(repr(self), ["change", "file"] if rows else [], rows)


def find_changes(before: Manifest, after: Manifest) -> Changes:
    """What differs between two manifests of one table."""
    columns = ["path", "etag", "size_bytes", "storage_class"]
    old, new = before.entries.select(columns), after.entries.select(columns)
    both = old.join(new, on="path", how="inner", suffix="_after")
    replaced = (pl.col("etag") != pl.col("etag_after")) | (pl.col("size_bytes") != pl.col("size_bytes_after"))
    moved = pl.col("storage_class") != pl.col("storage_class_after")
    return Changes(
        before.name,
        _list_missing(new, old),
        _list_missing(old, new),
        tuple(both.filter(replaced)["path"].sort().to_list()),
        tuple(both.filter(moved)["path"].sort().to_list()),
        tuple(_compare_columns(before, after)),
    )


def _list_missing(files: pl.DataFrame, others: pl.DataFrame) -> tuple[str, ...]:
    """Paths of the files that are not among the others, sorted."""
    return tuple(files.join(others, on="path", how="anti")["path"].sort().to_list())


def _compare_columns(before: Manifest, after: Manifest) -> list[str]:
    old = {field.name: describe_type(field.type) for field in before.schema.arrow}
    new = {field.name: describe_type(field.type) for field in after.schema.arrow}
    texts = [f"column {name} ({kind}) is new" for name, kind in new.items() if name not in old]
    texts += [f"column {name} is gone" for name in old if name not in new]
    texts += [
        f"column {name} is now {kind}, was {old[name]}" for name, kind in new.items() if old.get(name, kind) != kind
    ]
    return texts


def merge_changes(
    lake: str, changes: Sequence[Changes], added_tables: Sequence[str], removed_tables: Sequence[str]
) -> Changes:
    """The changes of several tables as those of a lake; paths begin with the table's name.

    Example:
        >>> merge_changes("lake", [Changes("t", ("a",), (), (), (), ())], ["u"], [])
        lake: 1 file added, table u is new
    """

    def collect(kind: str) -> tuple[str, ...]:
        return tuple(f"{change.table}/{path}" for change in changes for path in getattr(change, kind))

    texts = [f"table {name} is new" for name in added_tables] + [f"table {name} is gone" for name in removed_tables]
    texts += [f"{change.table}: {text}" for change in changes for text in change.columns]
    return Changes(lake, collect("added"), collect("removed"), collect("replaced"), collect("moved"), tuple(texts))
