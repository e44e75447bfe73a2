"""Arrow types, names and texts as SQL that DuckDB reads back as the same."""

import duckdb
import pyarrow as pa
import pytest

from lakekit.views.sqltypes import duckdb_type, quote_name, quote_text

KINDS = [
    pa.bool_(), pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64(),
    pa.float32(), pa.float64(), pa.string(), pa.binary(), pa.date32(), pa.time64("us"), pa.time64("ns"),
    pa.timestamp("us"), pa.timestamp("ns"), pa.decimal128(10, 2), pa.decimal128(38, 0), pa.null(),
    pa.list_(pa.list_(pa.int8())), pa.struct([("a b", pa.int8()), ('x"y', pa.string()), ("order", pa.date32())]),
    pa.map_(pa.string(), pa.list_(pa.struct([("x", pa.decimal128(5, 1))]))),
]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_duckdb_has_each_type_and_gives_it_back(kind):
    found = duckdb.sql(f"SELECT CAST(NULL AS {duckdb_type(kind)}) AS c").to_arrow_table().schema.field("c").type
    assert duckdb_type(pa.int32() if pa.types.is_null(found) else found) in (duckdb_type(kind), "INTEGER")
    assert found.equals(kind) or pa.types.is_null(kind)


@pytest.mark.parametrize("unit", ["us", "ns"])
def test_instants_are_with_time_zone(unit):
    kind = pa.timestamp(unit, "UTC")
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")
    found = con.sql(f"SELECT CAST(NULL AS {duckdb_type(kind)}) AS c").to_arrow_table().schema.field("c").type
    assert found.unit == unit and found.tz is not None


@pytest.mark.parametrize("text", ["plain", "it's", 'say "x"', "\\", "ünï", "; DROP TABLE t; --", "$$", "\n"])
def test_names_and_texts_come_back_as_they_were(text):
    relation = duckdb.sql(f"SELECT {quote_text(text)} AS {quote_name(text)}")
    assert (relation.columns, relation.fetchall()) == ([text], [(text,)])
