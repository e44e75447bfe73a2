"""Footers get the names that a log has now for their columns, found by number, and nothing else in them changes."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakekit.errors import UnsupportedTable
from lakekit.manifest.fields import FieldNames, LoggedField
from lakekit.manifest.footers import read_metadata
from tests.manifest.places import cut_footer, make_parquet

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=300)


def set_ids(**columns):
    """A schema whose columns have the numbers 1, 2, …"""
    fields = [
        pa.field(name, kind, metadata={"PARQUET:field_id": str(number)})
        for number, (name, kind) in enumerate(columns.items(), start=1)
    ]
    return pa.schema(fields)


def make_footer(schema):
    return cut_footer(make_parquet(schema.empty_table() if isinstance(schema, pa.Schema) else schema))


def list_names(footer):
    return read_metadata(footer).schema.names


@given(st.lists(NAMES, min_size=3, max_size=3, unique_by=str.casefold))
def test_any_names_are_written_and_all_else_stays(names):
    table = pa.table(
        {"a": [1, 2], "b": ["x", None], "c": [0.5, 1.5]}, set_ids(a=pa.int64(), b=pa.string(), c=pa.float64())
    )
    footer = make_footer(table)
    fields = tuple(LoggedField(number, name) for number, name in enumerate(names, start=1))
    renamed = FieldNames("t", fields).rename(footer)
    found, before = read_metadata(renamed), read_metadata(footer)
    assert found.schema.names == names and int.from_bytes(renamed[-8:-4], "little") == len(renamed) - 8
    for column in range(3):
        one, other = found.row_group(0).column(column), before.row_group(0).column(column)
        assert one.statistics == other.statistics and one.data_page_offset == other.data_page_offset
    assert FieldNames("t", tuple(map(LoggedField, (1, 2, 3), "abc"))).rename(footer) is footer


def test_a_column_that_is_gone_makes_room_for_another_of_its_name():
    footer = make_footer(set_ids(a=pa.int64(), b=pa.int64(), c=pa.int64()))
    names = FieldNames("t", (LoggedField(2, "a"), LoggedField(9, "B"), LoggedField(3, "c")))
    assert list_names(names.rename(footer)) == ["a (dropped)", "a", "c"]
    assert names.find_absent(footer) == {9}
    both = FieldNames("t", (LoggedField(7, "a"), LoggedField(8, "a (dropped)")))
    assert list_names(both.rename(footer)) == ["a (dropped)~", "b", "c"]  # b and c are in nobody's way


def test_files_without_numbers_need_a_map():
    footer = make_footer(pa.schema([("x", pa.int64()), ("y", pa.int64())]))
    fields = (LoggedField(1, "new"), LoggedField(2, "x"))
    with pytest.raises(UnsupportedTable, match=r"Files of t have no field ids"):
        FieldNames("t", fields).rename(footer)
    mapped = FieldNames("t", fields, (("x", 1, ()), ("former", 1, ()), ("z", 2, ())))
    assert list_names(mapped.rename(footer)) == ["new", "y"] and mapped.find_absent(footer) == {2}


@pytest.mark.parametrize("compliant", [True, False])
def test_structs_in_lists_and_maps_are_followed(compliant):
    inner = pa.struct([pa.field("old", pa.int64(), metadata={"PARQUET:field_id": "5"})])
    number = {"PARQUET:field_id": "1"}
    of_list = pa.schema([pa.field("l", pa.list_(inner), metadata=number)])
    content = make_parquet(of_list.empty_table(), use_compliant_nested_type=compliant)
    part = LoggedField(9, "element", "struct", (LoggedField(5, "new"),))
    names = FieldNames("t", (LoggedField(1, "l", "list", (part,)),))
    found = pq.ParquetFile(pa.BufferReader(b"PAR1" + names.rename(cut_footer(content)))).schema_arrow
    assert [one.name for one in found.field("l").type.value_type] == ["new"]
    of_map = pa.schema([pa.field("m", pa.map_(pa.string(), inner), metadata=number)])
    parts = (LoggedField(8, "key"), LoggedField(9, "value", "struct", (LoggedField(5, "new"),)))
    names = FieldNames("t", (LoggedField(1, "m", "map", parts),))
    renamed = names.rename(make_footer(of_map))
    found = pq.ParquetFile(pa.BufferReader(b"PAR1" + renamed)).schema_arrow
    assert [one.name for one in found.field("m").type.item_type] == ["new"]
