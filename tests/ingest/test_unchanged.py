"""Numbers arrive as they were written, or go to the quarantine: none is rounded to fit a decimal or a double."""

from decimal import Decimal

import pyarrow as pa
import pytest

import lakekit as lk
from lakekit.digits import is_held

CENTS = pa.decimal128(10, 2)


def read_x(home) -> list:
    return home.open().polars().collect()["x"].sort().to_list()


def start_table(home, value, kind: pa.DataType) -> None:
    home.write(pa.table({"x": pa.array([value], kind)}), batch_id="first")


def test_doubles_become_decimals_only_where_no_digit_is_lost(folder):
    start_table(folder, Decimal("1.00"), CENTS)
    done = folder.write(pa.table({"x": [0.1, 0.125, 1.999, float("nan"), None]}), batch_id="x")
    assert (done.rows, done.quarantined) == (2, 3)  # 0.1 is 0.10; 0.125 and 1.999 have three digits behind the point
    assert read_x(folder) == [None, Decimal("0.10"), Decimal("1.00")]


def test_decimals_become_doubles_only_where_no_digit_is_lost(folder):
    start_table(folder, 0.5, pa.float64())
    values = [Decimal("0.10"), Decimal("12345678901234567.89"), None]  # 19 digits; a double holds 15 of any number
    done = folder.write(pa.table({"x": pa.array(values, pa.decimal128(19, 2))}), batch_id="x")
    assert (done.rows, done.quarantined, read_x(folder)) == (2, 1, [None, 0.1, 0.5])


@pytest.mark.parametrize("ending", ["csv", "ndjson"])
def test_numbers_in_files_go_into_decimals_as_they_are_written(folder, tmp_path, ending):
    start_table(folder, Decimal("1.00"), pa.decimal128(19, 2))
    numbers = ["12345678901234567.89", "0.125", "0.25"]
    lines = ["x", *numbers] if ending == "csv" else [f'{{"x": {number}}}' for number in numbers]
    (tmp_path / f"in.{ending}").write_text("\n".join(lines) + "\n")
    done = folder.write(lk.ingest.Files(tmp_path / f"in.{ending}", types={"x": "decimal(19,2)"}))
    assert (done.rows, done.quarantined) == (2, 1)
    assert read_x(folder) == [Decimal("0.25"), Decimal("1.00"), Decimal("12345678901234567.89")]


@pytest.mark.parametrize("ending", ["csv", "ndjson"])
def test_numbers_of_more_digits_than_a_double_holds_are_set_apart(folder, tmp_path, ending):
    start_table(folder, 0.5, pa.float64())
    # 2**53 + 1 is the first whole number that no double is; 0.30000000000000004 is what Python writes for 0.1 + 0.2
    numbers = ["123456789012345.678901", "0.12345678901234567890", "9007199254740993e0", "1e-400"]
    numbers += ["0.30000000000000004", "0.1000000000000000000000", "1.25"]
    lines = ["x", *numbers] if ending == "csv" else [f'{{"x": {number}}}' for number in numbers]
    (tmp_path / f"in.{ending}").write_text("\n".join(lines) + "\n")
    done = folder.write(tmp_path / f"in.{ending}")
    assert (done.rows, done.quarantined, read_x(folder)) == (3, 4, [0.1, 0.1 + 0.2, 0.5, 1.25])


def test_a_new_column_of_csv_with_such_a_number_is_text(folder, tmp_path):
    (tmp_path / "in.csv").write_bytes(b"x\n0.12345678901234567890\n1.5\n")
    folder.write(tmp_path / "in.csv")
    assert read_x(folder) == ["0.12345678901234567890", "1.5"]


def test_a_stream_quarantines_a_number_that_its_column_would_round(tmp_path):
    records = [b'{"x": 0.5}', b'{"x": 0.12345678901234567890}', b'{"x": 0.25}']
    done = lk.ingest.stream(lk.ingest.MemorySource("numbers", {"0": records}), tmp_path / "table")
    assert (done.rows, done.quarantined) == (2, 1)
    assert sorted(lk.open_table(tmp_path / "table").polars().collect()["x"]) == [0.25, 0.5]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("123456789.123456", True),  # 15 digits
        ("0.10000000000000001", True),  # C's %.17g of the double 0.1
        ("1.000000000000000056e-01", True),  # numpy's %.18e of it
        ("0.90000000000000001", False),  # the double 0.9 has the 17 digits 0.90000000000000002
        ("4.9e-324", True),  # the smallest double, with two digits
        ("1.7976931348623157e308", True),
        ("0.000", True),
        ("0.0e-999999999999999999999", True),
        ("1e-999999999999999999999", False),
    ],
)
def test_a_double_holds_a_number_that_comes_back_as_it_was_written(text, expected):
    assert is_held(text) is expected


def test_text_of_more_digits_than_a_float_of_32_bits_holds_makes_its_column_wider(folder, tmp_path):
    (tmp_path / "in.csv").write_text("x\n16777217\n0.123456789\n")  # 2^24 + 1 needs 25 bits, a float32 has 24
    folder.write(pa.table({"x": pa.array([0.5], pa.float32())}), batch_id="x")
    done = folder.write(tmp_path / "in.csv")
    assert (done.rows, done.quarantined, len(done.widened)) == (2, 0, 1)
    assert sorted(folder.open().polars().collect()["x"]) == [0.123456789, 0.5, 16777217.0]
