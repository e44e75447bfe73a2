"""Rows of a database, through any DB-API or ADBC connection, as Arrow tables of one schema, some at a time.

It must not write to the database, nor read more than it is asked for.
"""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from lakekit.arguments import require_text, show_value
from lakekit.cdc.values import convert
from lakekit.errors import InvalidArgument
from lakekit.manifest.types import normalize_type

FETCH_ROWS = 10_000  # at a time

_TABLE = re.compile(r"[\w$]+(\.[\w$]+)*")
# By what a declared type of SQLite begins with, "Datatypes In SQLite", read 2026-11; the last that fits counts
_SQLITE = {
    "INT": pa.int64(), "BIGINT": pa.int64(), "SMALLINT": pa.int64(), "TINYINT": pa.int64(), "MEDIUMINT": pa.int64(),
    "CHAR": pa.string(), "VARCHAR": pa.string(), "NVARCHAR": pa.string(), "NCHAR": pa.string(), "TEXT": pa.string(),
    "CLOB": pa.string(), "BLOB": pa.binary(), "REAL": pa.float64(), "DOUBLE": pa.float64(), "FLOAT": pa.float64(),
    "BOOL": pa.bool_(), "DATE": pa.date32(), "DATETIME": pa.timestamp("us"), "TIMESTAMP": pa.timestamp("us"),
}  # fmt: skip
# By the numbers that PostgreSQL gives its types: src/include/catalog/pg_type.dat of PostgreSQL, read 2026-11
_POSTGRES = {
    16: pa.bool_(), 17: pa.binary(), 20: pa.int64(), 21: pa.int16(), 23: pa.int32(), 25: pa.string(),
    114: pa.string(), 700: pa.float32(), 701: pa.float64(), 1042: pa.string(), 1043: pa.string(), 1082: pa.date32(),
    1114: pa.timestamp("us"), 1184: pa.timestamp("us", "UTC"), 2950: pa.string(), 3802: pa.string(),
}  # fmt: skip
_POSTGRES_NUMERIC = 1700


@dataclass(frozen=True)
class Database:
    """A table, or the answer to a query, of a database.

    Attributes:
        connection: an open DB-API 2.0 or ADBC connection.
        source: the table's name, or a SELECT.
        columns: declared types by column; the database's own where not declared.
    """

    connection: Any
    source: str
    columns: Mapping[str, pa.DataType | None]

    def read_schema(self) -> pa.Schema:
        """The columns with their types; the database is asked for no row.

        Raises:
            InvalidArgument: no connection, a source that the database does not take, a column whose type it does not
                tell, a declared one that is not there.
        """
        require_text("source", self.source, hint='give the name of a table, or a SELECT: "users".')
        if not callable(getattr(self.connection, "cursor", None)):
            what = f"connection={show_value(self.connection)} is no connection of DB-API 2.0 or ADBC."
            raise InvalidArgument(what, hint='open one: sqlite3.connect("shop.db"), psycopg.connect(…).')
        try:
            cursor = self.connection.cursor()
            cursor.execute(f"SELECT * FROM {self._relation} WHERE 1 = 0")
        except Exception as exc:  # each driver has errors of its own
            what = f"The database does not read {show_value(self.source)}: {exc}."
            hint = "source= is the name of a table or a SELECT; is the connection open, and may it read that?"
            raise InvalidArgument(what, hint=hint) from exc
        names = [one[0] for one in cursor.description]
        told = self._find_types(cursor)
        cursor.close()
        for name in self.columns:
            if name not in names:
                what = f"The column {name!r} was declared, and {self.source} has {', '.join(names)}."
                raise InvalidArgument(what, hint="leave it out.")
        kinds = {name: self.columns.get(name) or told.get(name) for name in names}
        unknown = [name for name, kind in kinds.items() if kind is None]
        if unknown:
            what = f"The database does not tell the types of {', '.join(unknown)} in {self.source}."
            raise InvalidArgument(what, hint=f'declare them: columns={{"{unknown[0]}": "string"}}.')
        return pa.schema(list(kinds.items()))

    def _find_types(self, cursor: Any) -> dict[str, pa.DataType | None]:
        if _gives_arrow(cursor):
            return {one.name: normalize_type(one.type) for one in _read_batches(cursor).schema}
        if self._module == "sqlite3":
            if not _TABLE.fullmatch(self.source):
                return {}
            asked = self.connection.execute(f"SELECT name, type FROM pragma_table_info({_quote_text(self.source)})")
            return {name: _find_sqlite_type(kind) for name, kind in asked.fetchall()}
        if self._module.startswith(("psycopg", "pg8000")):
            return {one[0]: _find_postgres_type(one) for one in cursor.description}
        return {}

    def read(
        self, schema: pa.Schema, order_by: Sequence[str] = (), start: Any = None
    ) -> Iterator[tuple[pa.Table, Any]]:
        """The rows, some at a time, each with the last row's value of the first ordering column, as it came.

        Args:
            schema: as :meth:`read_schema` gives it.
            order_by: columns.
            start: the least value of the first of these; from the beginning if None.
        """
        text = f"SELECT {', '.join(map(self._quote, schema.names))} FROM {self._relation}"
        if start is not None:  # a % in the text would be taken for a mark
            text = text.replace("%", "%%") if self._mark == "%s" else text
            text += f" WHERE {self._quote(order_by[0])} >= {self._mark}"
        text += f" ORDER BY {', '.join(map(self._quote, order_by))}" if order_by else ""
        # psycopg would fetch all rows at once, but through a cursor of the server's
        is_postgres = self._module.startswith("psycopg")
        cursor = self.connection.cursor("lakekit") if is_postgres else self.connection.cursor()
        cursor.execute(text, *([[start]] if start is not None else []))
        place = schema.names.index(order_by[0]) if order_by else None
        try:
            if _gives_arrow(cursor):
                for batch in _read_batches(cursor):
                    table = pa.table(batch).cast(schema)
                    if table.num_rows:
                        yield table, None if place is None else table.column(place)[-1].as_py()
                return
            done = 0
            while rows := cursor.fetchmany(FETCH_ROWS):
                yield self._make_table(rows, schema, done), None if place is None else rows[-1][place]
                done += len(rows)
        finally:
            cursor.close()

    def _make_table(self, rows: Sequence[Sequence[Any]], schema: pa.Schema, done: int) -> pa.Table:
        def tell_place(position: int) -> str:
            return f"row {done + position + 1} of {self.source}"

        columns = zip(*rows, strict=True)
        made = [convert(one.name, values, one.type, tell_place) for one, values in zip(schema, columns, strict=True)]
        return pa.Table.from_arrays(made, schema=schema)

    def count_nulls(self, name: str) -> int:
        """In how many rows a column is NULL."""
        cursor = self.connection.cursor()
        cursor.execute(f"SELECT count(*) FROM {self._relation} WHERE {self._quote(name)} IS NULL")
        count = cursor.fetchone()[0]
        cursor.close()
        return count

    @property
    def _relation(self) -> str:
        return self.source if _TABLE.fullmatch(self.source) else f"({self.source.strip().rstrip(';')}) AS lk_source"

    @property
    def _module(self) -> str:
        return type(self.connection).__module__.partition(".")[0].lower()

    def _quote(self, name: str) -> str:
        mark = "`" if "mysql" in self._module or "mariadb" in self._module else '"'
        return f"{mark}{name.replace(mark, mark * 2)}{mark}"

    @property
    def _mark(self) -> str:
        module = sys.modules.get(type(self.connection).__module__.partition(".")[0])
        style = getattr(module, "paramstyle", "qmark")
        return {"format": "%s", "pyformat": "%s", "numeric": ":1", "named": ":1"}.get(style, "?")


def _gives_arrow(cursor: Any) -> bool:
    """Whether it is one of ADBC, or of DuckDB."""
    return hasattr(cursor, "fetch_record_batch") or hasattr(cursor, "to_arrow_reader")


def _read_batches(cursor: Any) -> pa.RecordBatchReader:
    if hasattr(cursor, "fetch_record_batch"):
        return cursor.fetch_record_batch()
    with warnings.catch_warnings():  # DuckDB warns of a copy of the rows, which every DB-API cursor makes
        warnings.simplefilter("ignore")
        return cursor.to_arrow_reader(FETCH_ROWS)


def _quote_text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _find_sqlite_type(declared: str) -> pa.DataType | None:
    decimal = re.fullmatch(r"(?:DECIMAL|NUMERIC) *\( *(\d+) *(?:, *(\d+) *)?\)", declared.upper())
    if decimal:
        return pa.decimal128(int(decimal[1]), int(decimal[2] or 0))
    return next((kind for word, kind in reversed(_SQLITE.items()) if declared.upper().startswith(word)), None)


def _find_postgres_type(described: Sequence[Any]) -> pa.DataType | None:
    if described[1] == _POSTGRES_NUMERIC:
        precision, scale = described[4], described[5]
        return pa.decimal128(precision, scale) if precision else None
    return _POSTGRES.get(described[1])
