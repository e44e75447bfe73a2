"""What differs between the files of a table: columns that come, go or change their type, and since when.

It must not decide anything: the schema does that, this tells it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from lakekit.manifest.paths import merge_paths
from lakekit.manifest.schema import FileKind, TableSchema
from lakekit.manifest.types import describe_type
from lakekit.units import format_number_of

if TYPE_CHECKING:
    import polars as pl

_REMARKS = {
    "same": "",
    "widened": "widened",
    "checked": "converted, each value checked",
    "missing": "NULL",
    "conflict": "TypeConflict when read",
}


@dataclass(frozen=True)
class Variant:
    """One way in which files hold a column.

    Attributes:
        type: the type in these files, or "missing".
        paths: the files, sorted.
        supply: how they supply the table's column: same, widened, checked, missing or conflict.
    """

    type: str
    paths: Sequence[str]
    supply: str


@dataclass(frozen=True)
class Drift:
    """Which columns of a table differ between files; empty, and false, where none does.

    Attributes:
        table: the table's name.
        types: the table's type of each column that drifts.
        variants: for each column that drifts, the ways in which files hold it, the first path first.

    Example:
        >>> Drift("t", {}, {})
        t: no drift, all files have the same columns and types
    """

    table: str
    types: Mapping[str, str]
    variants: Mapping[str, tuple[Variant, ...]]

    def __bool__(self) -> bool:
        return bool(self.variants)

    @property
    def frame(self) -> pl.DataFrame:
        """One row for each column and type: column, table_type, file_type, files, remark, first_file, last_file."""
        import polars as pl

        rows = [
            (column, self.types[column], v.type, len(v.paths), _REMARKS[v.supply], v.paths[0], v.paths[-1])
            for column, variants in self.variants.items()
            for v in variants
        ]
        names = ["column", "table_type", "file_type", "files", "remark", "first_file", "last_file"]
        kinds = [pl.Int64 if name == "files" else pl.String for name in names]
        return pl.DataFrame(rows, schema=dict(zip(names, kinds, strict=True)), orient="row")

    def __repr__(self) -> str:
        if not self:
            return f"{self.table}: no drift, all files have the same columns and types"
        lines = [f"{self.table}: {format_number_of(len(self.variants), 'column')} with drift"]
        for column, variants in self.variants.items():
            lines.append(f"  {column}: {self.types[column]}")
            for v in variants:
                remark = f" -> {_REMARKS[v.supply]}" if _REMARKS[v.supply] else ""
                where = v.paths[0] if len(v.paths) == 1 else f"{v.paths[0]} .. {v.paths[-1]}"
                lines.append(f"    {v.type} in {format_number_of(len(v.paths), 'file')}: {where}{remark}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        from lakekit.display import format_html_table

        if not self:
            return format_html_table(repr(self), [], [])
        frame = self.frame
        title = f"{self.table}: {format_number_of(len(self.variants), 'column')} with drift"
        return format_html_table(title, frame.columns, frame.rows())


def find_drift(table: str, schema: TableSchema, kinds: Sequence[FileKind]) -> Drift:
    """The drift of a table from the schemas of its files."""
    types, variants = {}, {}
    for field in schema.file_columns:
        found: dict[tuple[str, str], list[Sequence[str]]] = {}
        for kind in kinds:
            text = describe_type(kind.types[field.name]) if field.name in kind.types else "missing"
            supply = schema.supplies[kind.schema_id][field.name]
            found.setdefault((text, supply), []).append(kind.paths)
        if len(found) > 1 or any(supply != "same" for _, supply in found):
            types[field.name] = describe_type(field.type)
            ways = [Variant(text, merge_paths(where), supply) for (text, supply), where in found.items()]
            variants[field.name] = tuple(sorted(ways, key=lambda variant: variant.paths[0]))
    return Drift(table, types, variants)


def describe_schema(schema: pa.Schema) -> list[tuple[str, str]]:
    """Column names with their types as a person writes them."""
    return [(field.name, describe_type(field.type)) for field in schema]
