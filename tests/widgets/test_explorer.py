"""LakeExplorer walks from tables to partitions, files, columns and rows, and says as code what it shows."""

from datetime import date

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import lakekit as lk
from lakekit.errors import InvalidArgument
from lakekit.widgets import LakeExplorer
from lakekit.widgets.explorer_facts import MEASURES, colour_classes, colour_numbers, list_partitions


@pytest.fixture(scope="module")
def lake():
    return lk.open_lake(lk.sample_folder() / "lake")


@pytest.fixture
def explorer(lake):
    return LakeExplorer(lake, table="weather")


def put(path, **columns):
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path)


def test_it_begins_with_all_partitions_of_a_table(explorer):
    # 31 days of three stations by the hour, less 5 hours that were not measured: 31 x 72 - 5 = 2,227
    expected = "weather, all 31 partitions: 31 files, 158 KiB, 2,227 rows; drift in wind_gust, precip, visib."
    assert explorer.text == expected
    assert repr(explorer) == f"LakeExplorer: {expected}"
    assert explorer.picture.value[:4] == b"\x89PNG"
    assert "image/png" in explorer._repr_mimebundle_()


def test_a_partition_shows_its_files_and_what_differs(explorer):
    explorer.set(partition=10)
    # the clocks went forward that day: 23 hours x 3 stations
    assert "partition 10 of 31, date=2013-03-10: 1 file, 4.7 KiB, 69 rows" in explorer.text
    assert explorer.text.endswith("differs in wind_gust, precip, visib.")
    assert explorer.files["path"].to_list() == ["date=2013-03-10/part-0.parquet"]
    assert "date=2013-03-10/part-0.parquet" in explorer.details.value


def test_storage_classes_are_shown_where_there_are_any(lake):
    shown = [LakeExplorer(there, table="airlines").details.value for there in (lake, lk.sample_lake())]
    assert ["storage class" in html for html in shown] == [False, True]


def test_another_table_begins_at_its_beginning(explorer):
    explorer.set(partition=31)
    explorer.controls["file"].value = "date=2013-03-31/part-0.parquet"
    explorer.set(table="turbines_hourly")
    assert explorer.values["partition"] == 0 and explorer.values["file"] == "all files"
    assert explorer.text.startswith("turbines_hourly, all 72 partitions: 72 files")
    explorer.set(table="weather", partition=3)  # together, as well
    assert "date=2013-03-03" in explorer.text


def test_hours_are_in_the_order_of_numbers(explorer):
    explorer.set(table="turbines_hourly", partition=11)
    assert "date=2014-10-23/hour=10" in explorer.text  # the first is hour 0; as text, hour 10 would be third


def test_a_table_without_partitions_has_no_slider(explorer):
    explorer.set(table="airlines")
    assert explorer.controls["partition"].disabled
    assert explorer.text == "airlines, not partitioned: 1 file, 1.0 KiB, 16 rows; no drift."


def test_a_file_shows_how_it_holds_each_column(explorer):
    assert "int64 in 24 files, double in 7 files" in explorer.details.value
    explorer.set(partition=1)
    explorer.set(file="date=2013-03-01/part-0.parquet")
    assert "⚠ visib</td>" in explorer.details.value and "here int64" in explorer.details.value
    assert "⚠ temp</td>" not in explorer.details.value


def test_rows_are_read_only_when_asked_for(explorer):
    assert "First rows" not in explorer.details.value
    explorer.set(partition=2, rows=True)
    assert "First rows of date=2013-03-02" in explorer.details.value
    rows = explorer.read_rows()
    assert rows.height == 8 and rows["date"].unique().to_list() == [date(2013, 3, 2)]


@pytest.mark.parametrize(
    "moves",
    [{"partition": 10, "rows": True}, {"rows": True}, {"table": "turbines_hourly", "partition": 30, "rows": True}],
    ids=str,
)
def test_the_code_says_the_same(explorer, moves):
    explorer.set(**moves)
    names = {}
    exec(explorer.code, names)  # noqa: S102 - the panel's own code
    assert names["files"].drop("stats").equals(explorer.files)
    assert names["rows"].equals(explorer.read_rows())


@pytest.mark.parametrize("table", ["airlines", "flights", "turbines_hourly"])
def test_every_colour_has_a_picture(explorer, table):
    pictures = set()
    for colour in ("files", "bytes", "rows", "class", "drift"):
        explorer.set(table=table, colour=colour)
        assert not explorer.failed
        pictures.add(explorer.picture.value)
    assert len(pictures) == 5


def test_the_chosen_partition_is_marked_in_the_picture(explorer):
    before = explorer.picture.value
    explorer.set(partition=4)
    assert explorer.picture.value != before


def test_a_partition_adds_up_its_files_and_null_is_a_value(tmp_path):
    put(tmp_path / "t" / "rows=1" / "a.parquet", x=[1, 2])
    put(tmp_path / "t" / "rows=1" / "b.parquet", x=["three"], y=[1])
    put(tmp_path / "t" / "rows=__HIVE_DEFAULT_PARTITION__" / "c.parquet", x=[4])
    lake = lk.open_lake(tmp_path)
    partitions = list_partitions(lake["t"]).sort("files")
    assert partitions.select("name", "files", "rows").rows() == [("rows=NULL", 1, 1), ("rows=1", 2, 3)]
    explorer = LakeExplorer(lake)
    number = list(explorer.partitions["name"]).index("rows=NULL") + 1
    explorer.set(partition=number)
    assert explorer.files["path"].to_list() == ["rows=__HIVE_DEFAULT_PARTITION__/c.parquet"]


def test_rows_that_cannot_be_read_show_the_error_and_the_rest_stays(tmp_path):
    put(tmp_path / "t" / "n=1" / "a.parquet", x=[1])
    (tmp_path / "t" / "n=1" / "b.parquet").write_bytes(b"broken <b>")
    explorer = LakeExplorer(lk.open_lake(tmp_path), rows=True)
    assert not explorer.failed
    assert "b.parquet" in explorer.details.value and "Hint:" in explorer.details.value
    assert "Columns" in explorer.details.value


def test_folders_that_make_no_table_are_named(tmp_path):
    put(tmp_path / "t" / "a.parquet", x=[1])
    put(tmp_path / "odd" / "n=1" / "a.parquet", x=[1])
    put(tmp_path / "odd" / "m=1" / "a.parquet", x=[1])
    assert LakeExplorer(lk.open_lake(tmp_path)).text.endswith("Not a table: odd.")


def test_unknown_controls_are_refused(lake):
    with pytest.raises(InvalidArgument, match="no control 'day'; it has table, colour"):
        LakeExplorer(lake, day=3)


def test_many_numbers_fall_into_five_equal_spans():
    colours, legend = colour_numbers([0, 10, 20, 50, 99, 100], MEASURES["rows"])
    # spans of 20: 0 and 10 in the first, 20 begins the second, 50 is in the third, 99 and 100 in the last
    ramp = list(legend.values())
    assert colours == [ramp[0], ramp[0], ramp[1], ramp[2], ramp[4], ramp[4]]
    assert list(legend) == ["0 to 20", "20 to 40", "40 to 60", "60 to 80", "80 to 100"]


def test_numbers_that_are_nearly_the_same_are_told_apart():
    _, legend = colour_numbers([3700, 3701, 3702, 3703, 3704, 3705], MEASURES["bytes"])
    assert list(legend) == ["3,700 to 3,701", "3,701 to 3,702", "3,702 to 3,703", "3,703 to 3,704", "3,704 to 3,705"]


def test_one_number_everywhere_has_one_colour():
    colours, legend = colour_numbers([1, 1], MEASURES["files"])
    assert len(set(colours)) == 1 and list(legend) == ["1"]


def test_classes_without_a_colour_of_their_own_are_grey():
    assert colour_classes([["SNOW"]], {})[1] == {"SNOW": "#767676"}


def test_a_table_of_many_partitions_shows_those_around_the_chosen_one(explorer, monkeypatch):
    monkeypatch.setattr("lakekit.widgets.explorer.MAX_SQUARES", 10)
    explorer.set(partition=20)
    assert not explorer.failed and "partition 20 of 31" in explorer.text
