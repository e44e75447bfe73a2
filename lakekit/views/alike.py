"""Whether DuckDB reads a file as lakekit does, by its footer: what it would not read alike is shown as a copy.

It must not read data.
"""

from __future__ import annotations

from collections.abc import Mapping

import duckdb
import pyarrow as pa

from lakekit.views.sqltypes import duckdb_type, quote_text

_CAST_BY_DUCKDB = {"UUID", "JSON"}  # types that DuckDB has, shown as text, which it writes as lakekit does

_CODECS = {"UNCOMPRESSED", "SNAPPY", "GZIP", "BROTLI", "ZSTD", "LZ4_RAW"}  # what DuckDB 2.0 decompresses
_STRANGE_CODECS = "SELECT 1 FROM parquet_metadata($1) WHERE compression NOT IN (SELECT unnest($2)) LIMIT 1"


def is_read_alike(con: duckdb.DuckDBPyConnection, shown: str, schema: pa.Schema, supplies: Mapping[str, str]) -> bool:
    """Whether DuckDB reads files with this footer as lakekit does: the same types, and codecs that it has."""
    try:
        relation = con.sql(f"SELECT * FROM read_parquet({quote_text(shown)}, hive_partitioning=false)")
        strange = con.execute(_STRANGE_CODECS, [shown, sorted(_CODECS)]).fetchall()
    except duckdb.Error:
        return False
    if strange:
        return False
    seen = dict(zip(relation.columns, map(str, relation.types), strict=True))
    for name, how in supplies.items():
        if how in ("missing", "conflict"):
            continue
        expected = str(con.sqltype(duckdb_type(schema.field(name).type)))
        if seen.get(name) != expected and not (seen.get(name) in _CAST_BY_DUCKDB and expected == "VARCHAR"):
            return False
    return True


def lacks_struct(found: pa.DataType, wanted: pa.DataType) -> bool:
    """Whether a struct of a file lacks a struct that the table's has in its place; DuckDB 2.0.1 breaks on its NULLs.

    Example:
        >>> import pyarrow as pa
        >>> outer = pa.struct([("x", pa.int8()), ("inner", pa.struct([("y", pa.int8())]))])
        >>> lacks_struct(pa.struct([("x", pa.int8())]), outer), lacks_struct(outer, outer)
        (True, False)
    """
    is_struct = pa.types.is_struct
    if not is_struct(found) or not is_struct(wanted):
        return False
    for field in wanted:
        index = found.get_field_index(field.name)
        there = found.field(index).type if index >= 0 else pa.null()
        if (is_struct(field.type) and not is_struct(there)) or lacks_struct(there, field.type):
            return True
    return False
