"""The statements that make a table known to Athena, Redshift Spectrum, Spark or DuckDB, with what differs there.

It must not run them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from lakekit.errors import InvalidArgument
from lakekit.hive.differences import find_differences, make_fits, tell_column
from lakekit.hive.layout import Partition, list_partitions, refuse_metadata
from lakekit.hive.projection import find_projection
from lakekit.hive.types import DIALECTS, name_type
from lakekit.publish.duckdb_sql import write_duckdb
from lakekit.table import Table, require_table
from lakekit.views.sqltypes import quote_name, quote_text

ENGINES = (*DIALECTS, "duckdb")
PARTITIONS_A_STATEMENT = 100  # most that Redshift takes in one ALTER TABLE with Glue; its manual, 2026-11


@dataclass(frozen=True, repr=False)
class DDL:
    """Statements for one engine.

    Attributes:
        engine: "athena", "redshift", "spark" or "duckdb".
        statements: to be run one after another, without a semicolon at their ends.
        warnings: sentences, where the engine's answers differ from lakekit's.
    """

    engine: str
    statements: tuple[str, ...]
    warnings: tuple[str, ...]

    def __str__(self) -> str:
        return "\n\n".join([*(f"-- {line}" for line in self.warnings), *(f"{one};" for one in self.statements)])

    __repr__ = __str__


def ddl(table: Table, engine: str, *, name: str | None = None, database: str | None = None) -> DDL:
    """The statements that make a table known to an engine.

    Athena's use partition projection where rules give exactly the table's partitions, else list each partition.
    DuckDB's is a view over ``s3://`` paths for its httpfs extension.

    Args:
        table: what is published.
        engine: "athena", "redshift", "spark" or "duckdb".
        name: what it is called there; its own name if not given.
        database: the database (Redshift: the external schema) it is put in; the session's if not given.

    Raises:
        InvalidArgument: an engine that is not known, a type that it cannot hold, one partition in two folders, or an
            Iceberg table, whose files are not all of it.

    Example:
        >>> import lakekit as lk
        >>> print(lk.publish.ddl(lk.open_table("data/sample/lake/airlines"), "spark").statements[0])
        ... # doctest: +ELLIPSIS
        CREATE TABLE `airlines` (
          `carrier` string,
          `name` string
        )
        USING parquet
        LOCATION '...airlines/'
    """
    if engine not in ENGINES:
        raise InvalidArgument(f"engine={engine!r} is not known.", hint=f"it is one of {', '.join(ENGINES)}.")
    require_table(table)
    refuse_metadata(table, lists_files=engine == "duckdb")
    partitions = list_partitions(table)
    warnings = find_differences(table, partitions, engine)
    name = name or table.name
    if engine == "duckdb":
        statements, more = write_duckdb(table, partitions, name, database)
        return DDL(engine, statements, (*warnings, *more))
    if engine == "athena":
        statements, more = _write_athena(table, partitions, _name_athena(name, database))
        return DDL(engine, statements, (*warnings, *more))
    write = _write_redshift if engine == "redshift" else _write_spark
    return DDL(engine, tuple(write(table, partitions, name, database)), tuple(warnings))


def _name_athena(name: str, database: str | None) -> str:
    return ".".join(_tick(part.lower()) for part in ([database] if database else []) + [name])


def _tick(name: str) -> str:
    return f"`{name.replace('`', '``')}`"


def _text(value: str) -> str:
    """A text as a literal of Hive and Spark, where a backslash escapes."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _redshift_text(value: str) -> str:
    """A text as a literal of Redshift, where a backslash escapes, too: it is of PostgreSQL 8.0."""
    return quote_text(value.replace("\\", "\\\\"))


def _list_columns(table: Table, dialect: str, quote: Any, *, keys: bool) -> str:
    names = table.manifest.schema.keys if keys else [field.name for field in table.manifest.schema.file_columns]
    fits, lines = make_fits(table), []
    for name in names:
        kind = name_type(name, table.schema.field(name).type, dialect, is_key=keys, fits=fits)
        comment = tell_column(table, name) if dialect != "redshift" else ""
        lines.append(f"  {quote(name)} {kind}" + (f" COMMENT {_text(comment)}" if comment else ""))
    return ",\n".join(lines)


def _list_properties(properties: dict[str, str]) -> str:
    return ",\n".join(f"  {_text(name)} = {_text(value)}" for name, value in properties.items())


def _write_athena(table: Table, partitions: list[Partition], name: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    def quote(column: str) -> str:
        return _tick(column.lower())

    projection = find_projection(table, partitions)
    properties = {"classification": "parquet", **(projection.properties if projection else {})}
    parts = [f"CREATE EXTERNAL TABLE {name} (\n{_list_columns(table, 'athena', quote, keys=False)}\n)"]
    if partitions:
        parts.append(f"PARTITIONED BY (\n{_list_columns(table, 'athena', quote, keys=True)}\n)")
    parts += ["STORED AS PARQUET", f"LOCATION {_text(table.url + '/')}"]
    parts.append(f"TBLPROPERTIES (\n{_list_properties(properties)}\n)")
    statements = ["\n".join(parts)]
    if not projection:
        keys = [quote(key) for key in table.manifest.schema.keys]
        statements += _add_partitions(f"ALTER TABLE {name} ADD IF NOT EXISTS", keys, table, partitions, _text)
    return tuple(statements), projection.limits if projection else ()


def _add_partitions(
    begin: str, keys: Sequence[str], table: Table, partitions: list[Partition], text: Any
) -> Iterator[str]:
    for start in range(0, len(partitions), PARTITIONS_A_STATEMENT):
        lines = [begin]
        for one in partitions[start : start + PARTITIONS_A_STATEMENT]:
            values = ", ".join(f"{key} = {text(value)}" for key, value in zip(keys, one.texts, strict=True))
            lines.append(f"PARTITION ({values}) LOCATION {text(locate(table, one))}")
        yield "\n".join(lines)


def locate(table: Table, partition: Partition) -> str:
    """The address of a partition's folder, ending with "/"."""
    return f"{table.url}/{partition.folder}/" if partition.folder else f"{table.url}/"


def _write_redshift(table: Table, partitions: list[Partition], name: str, database: str | None) -> Iterator[str]:
    def quote(column: str) -> str:
        return quote_name(column.lower())

    named = ".".join(quote(part) for part in [*([database] if database else []), name])
    parts = [f"CREATE EXTERNAL TABLE {named} (\n{_list_columns(table, 'redshift', quote, keys=False)}\n)"]
    if partitions:
        parts.append(f"PARTITIONED BY (\n{_list_columns(table, 'redshift', quote, keys=True)}\n)")
    parts += ["STORED AS PARQUET", f"LOCATION {_redshift_text(table.url + '/')}"]
    parts.append(f"TABLE PROPERTIES ('numRows' = '{table.manifest.entries['rows'].sum()}')")
    yield "\n".join(parts)
    keys = [quote(key) for key in table.manifest.schema.keys]
    yield from _add_partitions(f"ALTER TABLE {named} ADD IF NOT EXISTS", keys, table, partitions, _redshift_text)


def _write_spark(table: Table, partitions: list[Partition], name: str, database: str | None) -> Iterator[str]:
    named = ".".join(_tick(part) for part in [*([database] if database else []), name])
    columns = [_list_columns(table, "spark", _tick, keys=keys) for keys in ((False, True) if partitions else (False,))]
    listed = ",\n".join(columns)
    parts = [f"CREATE TABLE {named} (\n{listed}\n)", "USING parquet"]
    if partitions:
        parts.append(f"PARTITIONED BY ({', '.join(map(_tick, table.manifest.schema.keys))})")
    yield "\n".join([*parts, f"LOCATION {_text(table.url + '/')}"])
    keys = [_tick(key) for key in table.manifest.schema.keys]
    yield from _add_partitions(f"ALTER TABLE {named} ADD IF NOT EXISTS", keys, table, partitions, _text)
