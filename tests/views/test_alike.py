"""Files that DuckDB would not read as lakekit does, shown to it as copies."""

import pyarrow as pa
import pytest

from tests.views.lakes import read_alike

INNER = pa.struct([("b", pa.int64())])


@pytest.mark.parametrize("nested", [False, True], ids=["in a struct", "in a struct of a struct"])
@pytest.mark.parametrize("first", [pa.struct([("z", pa.int32())]), pa.struct([("z", pa.int32()), ("a", pa.null())])])
def test_a_struct_that_lacks_a_struct_is_filled_up_beside_rows_of_null(place, first, nested):
    def put(path: str, rows: list, kind: pa.DataType) -> None:
        array = pa.array(rows, kind)
        place.put(path, pa.table({"v": pa.StructArray.from_arrays([array], names=["q"]) if nested else array}))

    put("t/a.parquet", [{"z": 5}, None], first)
    put("t/b.parquet", [{"a": {"b": 1}}], pa.struct([("a", INNER)]))
    expected = [{"z": 5, "a": None}, None, {"z": None, "a": {"b": 1}}]
    assert read_alike(place)["v"].to_pylist() == [{"q": row} if nested else row for row in expected]
