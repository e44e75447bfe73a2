"""Rows of which the last change does not tell every value: each column has the last value that a change told.

It must not read what it does not need: the journal's positions, then the rows of a key.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import polars as pl

from lakekit.cdc.batch import FILE, KEPT, OP, POSITION, ROW
from lakekit.columns import exact_name
from lakekit.errors import InvalidArgument
from lakekit.views.sqltypes import quote_name

if TYPE_CHECKING:
    from lakekit.cdc.journal import Journal
    from lakekit.table import Table


def read_kept(table: Table, journal: Journal, condition: pl.Expr, columns: Sequence[str]) -> pl.LazyFrame:
    """The rows, with each of these columns from the last change that told it; other columns as they are.

    Args:
        table: the changes.
        journal: of which.
        condition: which changes count.
        columns: what to take from there.
    """
    rows = _find_last(table, journal, condition).drop(map(exact_name, columns), strict=False)
    for name in columns:
        told = table.polars().select(pl.col(POSITION).alias(KEPT + name), exact_name(name))
        rows = rows.join(told, on=KEPT + name, how="left")
    return rows


def _find_last(table: Table, journal: Journal, condition: pl.Expr) -> pl.LazyFrame:
    """The last change of each key that is there, with the position of the last that told a column beside it."""
    marks = [KEPT + name for name in journal.kept]
    told = [pl.col(POSITION).filter(~pl.col(mark)).max().alias(mark) for mark in marks]
    last = (
        table.polars().filter(condition).group_by(map(exact_name, journal.form.key)).agg(pl.col(POSITION).max(), *told)
    )
    rows = table.polars().filter(condition & (pl.col(OP) != "D")).drop(marks)
    return rows.join(last.select(POSITION, *marks), on=POSITION)


def write_kept(changes: str, condition: str, keys: str, columns: Sequence[str], kept: Sequence[str]) -> str:
    """The same as SQL.

    Args:
        changes: the view of all changes, quoted.
        condition: which changes count.
        keys: what to group by.
        columns: of the state.
        kept: what to take from the last change that told it.
    """
    told = [
        f"max({POSITION}) FILTER (WHERE NOT {quote_name(KEPT + name)}) AS told_{at}" for at, name in enumerate(kept)
    ]
    last = f"SELECT {', '.join([f'max({POSITION}) AS last', *told])} FROM {changes} WHERE {condition} GROUP BY {keys}"
    places = {name: f"c{kept.index(name)}" if name in kept else "r" for name in columns}
    chosen = ", ".join(f"{place}.{quote_name(name)}" for name, place in places.items())
    joins = [f"LEFT JOIN {changes} c{at} ON c{at}.{POSITION} = l.told_{at}" for at in range(len(kept))]
    tables = f"{changes} r JOIN ({last}) l ON r.{POSITION} = l.last {' '.join(joins)}"
    return f"SELECT {chosen} FROM {tables} WHERE r.{OP} <> 'D'"


def check_kept(table: Table, journal: Journal, condition: pl.Expr) -> None:
    """Raise where a row has no value: no change told it since the row was inserted.

    Raises:
        InvalidArgument: there is such a row; names its key, and the change.
    """
    rows = _find_last(table, journal, condition).select(
        *map(exact_name, journal.form.key), FILE, ROW, *map(KEPT.__add__, journal.kept)
    )
    for name in journal.kept:
        told = table.polars().filter(pl.col(OP) != "D").select(pl.col(POSITION).alias(KEPT + name))
        lost = rows.join(told, on=KEPT + name, how="anti").select(*map(exact_name, journal.form.key), FILE, ROW)
        found = lost.sort(FILE, ROW).head(1).collect().rows()
        if found:
            *key, file, row = found[0]
            of = ", ".join(map(repr, key))
            what = f"{file}, row {row}, leaves {name!r} of the row {of} as it was, and no change tells what that is."
            hint = "let Debezium read the table again, and the database log all: ALTER TABLE … REPLICA IDENTITY FULL."
            raise InvalidArgument(what, hint=hint)
