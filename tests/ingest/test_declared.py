"""Types of columns are declared for files, or taken from the table, so that a zip code stays the text that it is."""

import datetime as dt
import decimal
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import lakekit as lk
from lakekit.ingest import Files


def read(home) -> pa.Table:
    return home.open().polars().collect().to_arrow()


def test_a_zip_code_that_could_be_a_number_stays_text_as_declared_and_then_by_the_table(folder, tmp_path):
    (tmp_path / "1.csv").write_text("zip,n\n12345,1\n98765,2\n")
    (tmp_path / "2.csv").write_text("zip,n\n01234,3\n")
    (tmp_path / "3.csv").write_text("zip,n\n55555,4\n")
    folder.write(Files(tmp_path / "1.csv", types={"zip": "string"}))
    for name in ("2.csv", "3.csv"):
        assert folder.write(tmp_path / name).quarantined == 0
    assert read(folder).sort_by("n").to_pydict() == {"zip": ["12345", "98765", "01234", "55555"], "n": [1, 2, 3, 4]}


def test_without_it_all_numbers_are_numbers_and_a_leading_zero_goes_to_the_quarantine(folder, tmp_path):
    (tmp_path / "1.csv").write_text("zip\n12345\n")
    (tmp_path / "2.csv").write_text("zip\n01234\n")
    folder.write(tmp_path / "1.csv")
    done = folder.write(tmp_path / "2.csv")
    assert (done.rows, done.quarantined, read(folder)["zip"].to_pylist()) == (0, 1, [12345])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("string", "007"),
        ("decimal(6,2)", decimal.Decimal("7.50")),
        ("double", 7.5),
        ("date", dt.date(2026, 1, 5)),
        ("timestamptz", dt.datetime(2026, 1, 5, 10, tzinfo=dt.UTC)),
        (pa.int8(), 7),
        ("bool", True),
    ],
)
@pytest.mark.parametrize("kind", ["csv", "ndjson"])
def test_declared_types_are_taken_and_values_that_are_none_go_to_the_quarantine(folder, tmp_path, name, expected, kind):
    text = {bool: "true"}.get(type(expected), str(expected).replace("+00:00", "Z"))
    lines = {"csv": f"a\n{text}\n?\n", "ndjson": f"{json.dumps({'a': text})}\n" + '{"a": "?"}\n'}[kind]
    (tmp_path / f"in.{kind}").write_text(lines)
    done = folder.write(Files(tmp_path / f"in.{kind}", types={"a": name}))
    is_text = name == "string"
    assert read(folder)["a"].to_pylist() == [expected, *(["?"] if is_text else [])]
    assert (done.rows, done.quarantined) == ((2, 0) if is_text else (1, 1))


def test_files_with_types_of_their_own_are_converted(folder, tmp_path):
    pq.write_table(pa.table({"a": [1, 300], "b": [1, 2]}), tmp_path / "in.parquet")
    done = folder.write(Files(tmp_path / "in.parquet", types={"a": "int8", "b": "string"}))
    assert (done.rows, done.quarantined) == (1, 1)  # 300 is more than 127
    assert read(folder).to_pylist() == [{"a": 1, "b": "1"}]


def test_numbers_of_json_become_text_where_text_was_declared(folder, tmp_path):
    (tmp_path / "in.ndjson").write_text('{"zip": 12345}\n{"zip": "01234"}\n')
    folder.write(Files(tmp_path / "in.ndjson", types={"zip": "string"}))
    assert sorted(read(folder)["zip"].to_pylist()) == ["01234", "12345"]


def test_a_type_for_a_column_that_is_nowhere_is_an_error_with_the_nearest_name(folder, tmp_path):
    (tmp_path / "in.csv").write_text("zip\n1\n")
    with pytest.raises(lk.InvalidArgument, match=r"declares the column 'zpi'; the files have zip\.\nHint: .*'zip'"):
        folder.write(Files(tmp_path / "in.csv", types={"zpi": "string"}))
    assert folder.list() == []
    folder.write(pa.table({"zip": ["1"], "city": ["Bern"]}), batch_id="x")
    assert folder.write(Files(tmp_path / "in.csv", types={"city": "string"})).rows == 1  # the table has it


def test_a_type_that_does_not_go_with_the_tables_is_an_error_and_a_wider_one_widens(folder, tmp_path):
    folder.write(pa.table({"n": [1]}), batch_id="x")
    (tmp_path / "in.csv").write_text("n\n2\n")
    with pytest.raises(lk.InvalidArgument, match=r"'n' as string; in the table it is int64\.\nHint: leave it out"):
        folder.write(Files(tmp_path / "in.csv", types={"n": "string"}))
    assert folder.write(Files(tmp_path / "in.csv", types={"n": "double"})).widened == ("n: int64 became double",)


def test_a_partition_key_that_was_declared_is_written_as_it_stands(folder, tmp_path):
    (tmp_path / "in.csv").write_text("zip,n\n01234,1\n12345,2\n")
    done = folder.write(Files(tmp_path / "in.csv", types={"zip": "string"}), partition_by="zip")
    assert [path.partition("/")[0] for path in done.files] == ["zip=01234", "zip=12345"]
