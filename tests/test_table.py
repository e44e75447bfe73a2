"""Tables: what open_table takes, what it refuses, and how a table shows itself."""

import traceback

import duckdb
import polars as pl
import pyarrow as pa
import pytest

import lakekit as lk
from lakekit import InvalidArgument, NoFilesFound, PartitionTypeConflict, UnknownPartitionKey
from tests.views.lakes import count_gets, make_place, put_days


def test_a_table_is_named_after_its_address_or_as_told(place):
    put_days(place, "flights")
    assert place.open_table("flights").name == "flights"
    assert place.open_table("flights", name="mine").name == "mine"
    con = duckdb.connect()
    place.open_table("flights/", name="mine").duckdb(con)
    assert con.execute("SELECT count(*) FROM mine").fetchall() == [(12,)]


def test_a_slash_at_the_end_and_a_path_object_make_no_difference(folder, tmp_path):
    put_days(folder)
    for address in (f"{folder.url}/t", f"{folder.url}/t/", tmp_path / "lake" / "t"):
        assert lk.open_table(address).files.height == 6


def test_the_files_of_a_table_have_these_columns_and_types(place):
    put_days(place)
    files = place.open_table().files
    expected = {
        "path": pl.String,
        "size_bytes": pl.Int64,
        "modified_at": pl.Datetime("us", "UTC"),
        "etag": pl.String,
        "storage_class": pl.String,
        "rows": pl.Int64,
        "row_groups": pl.Int32,
        "schema_id": pl.String,
    }
    assert {name: files.schema[name] for name in expected} == expected
    assert files["partition"].struct.field("n").to_list() == [1, 2, 3, 4, 5, 6]
    assert files["stats"].struct.field("x").struct.field("max").to_list() == [10, 20, 30, 40, 50, 60]
    assert files["rows"].sum() == 12


def test_opening_reads_each_footer_once_and_no_data_afterwards(place):
    put_days(place)
    first = place.open_table().store.requests.snapshot()
    assert first["GET"] == 6
    again = place.open_table()
    assert again.store.requests.snapshot()["GET"] == 0  # footers are kept on this computer
    assert again.store.requests.snapshot()["LIST"] >= 1


def test_the_schema_is_arrows_with_keys_last(folder):
    put_days(folder)
    schema = folder.open_table().schema
    assert isinstance(schema, pa.Schema)
    assert schema.names == ["x", "s", "day", "n", "city"]


def test_a_place_without_parquet_is_an_error_that_says_what_is_there(place):
    place.put("t/a.json", b"{}")
    place.put("tt/x.parquet", pa.table({"x": [1]}))
    with pytest.raises(NoFilesFound, match=r"(?s)No Parquet file under .*t/ \(.*1 \.json.*Hint: .*tt/"):
        place.open_table()
    with pytest.raises(NoFilesFound, match="Hint"):
        place.open_table("nowhere")


def test_a_file_is_no_table(place):
    place.put("t/a.parquet", pa.table({"x": [1]}))
    with pytest.raises(NoFilesFound, match="(?s)is a file.*Hint: open "):
        place.open_table("t/a.parquet")


def test_declared_keys_that_do_not_fit_are_errors(folder):
    put_days(folder)
    with pytest.raises(UnknownPartitionKey, match="(?s)'month'.*'day', 'n', 'city'.*Hint"):
        folder.open_table(partitions={"month": "int32"})
    with pytest.raises(PartitionTypeConflict, match="(?s)city=oslo.*Hint"):
        folder.open_table(partitions={"city": "int32"})
    with pytest.raises(ValueError, match="(?s)'n'.*'integer'.*Hint"):
        folder.open_table(partitions={"n": "integer"})


@pytest.mark.parametrize("option", ["on_bad_file", "on_type_conflict", "on_archived"])
def test_a_choice_that_is_none_is_an_error_that_lists_them(folder, option):
    put_days(folder)
    with pytest.raises(ValueError, match=f"(?s){option}='ignore'.*'raise', "):
        folder.open_table(**{option: "ignore"})


def test_an_unknown_option_is_an_error(folder):
    put_days(folder)
    with pytest.raises(TypeError, match="on_bad_files"):
        folder.open_table(on_bad_files="skip")


def test_the_functions_are_the_methods(folder):
    put_days(folder)
    table, con = folder.open_table(), duckdb.connect()
    assert lk.scan_polars(table).collect().equals(table.polars().collect())
    assert lk.create_duckdb_view(con, "days", table).count("*").fetchall() == [(12,)]
    assert con.execute("SELECT count(*) FROM days").fetchall() == [(12,)]


def test_a_table_shows_what_it_is(folder):
    put_days(folder)
    folder.put("t/day=2024-01-07/n=7/city=x/a.parquet", pa.table({"x": [1.5], "new <b>": [True]}))
    table = folder.open_table()
    for words in (
        "Table t",
        folder.url,
        "files: 7",
        "rows: 13",
        "7 by day, n, city",
        "drift: ",
        "x: double",
        "city: string",
    ):
        assert words in repr(table), words
    html = table._repr_html_()
    assert "new &lt;b&gt;" in html and "<b>" not in html.replace("<b>Table t</b>", "")


def test_showing_a_table_asks_the_store_for_nothing(place):
    put_days(place)
    table = place.open_table()
    assert (
        count_gets(table, lambda: (repr(table), table._repr_html_(), repr(table.drift), table.skipped.height))[1] == 0
    )


def test_a_refresh_lists_and_reads_only_what_is_new(place):
    put_days(place)
    table = place.open_table()
    place.put("t/day=2024-01-07/n=7/city=x/a.parquet", pa.table({"x": [7], "s": ["a"]}))
    before = table.store.requests.snapshot()
    changes = table.refresh()
    asked = table.store.requests.since(before)
    assert (changes.added, asked["GET"], asked["LIST"] >= 1) == (("day=2024-01-07/n=7/city=x/a.parquet",), 1, True)
    assert repr(changes) == "t: 1 file added"


def test_moves_between_storage_classes_are_changes(tmp_path):
    place = make_place("s3", tmp_path)
    content = pa.table({"x": [1]})
    for key in (1, 2):
        place.put(f"t/k={key}/a.parquet", content)
    table = place.open_table()
    place.put("t/k=2/a.parquet", content, storage_class="GLACIER")
    changes = table.refresh()
    assert changes.moved == ("k=2/a.parquet",)
    assert table.polars().filter(pl.col("k") == 1).collect().height == 1
    with pytest.raises(lk.ArchivedFile, match="k=2/a.parquet"):
        table.polars().collect()


def test_odd_objects_beside_the_data_are_no_matter(place):
    put_days(place)
    for path in ("_SUCCESS", "day=2024-01-01/_metadata", ".part-0.crc", "_temporary/0/a.parquet", "day=2024-01-01/"):
        if not path.endswith("/") or place.storage is not None:
            place.put(f"t/{path}", b"")
    place.put("t/readme.md", b"hello")
    table = place.open_table()
    assert table.files.height == 6
    assert table.skipped["path"].to_list() == ["readme.md"]
    assert "partial" not in repr(table)


def test_data_files_are_known_by_their_content(place):
    for name in ("a.parquet", "b.parq", "c.pq", "d.PARQUET", "e", "part-00000.snappy"):
        place.put(f"t/{name}", pa.table({"x": [1]}))
    place.put("t/other", b"some text that is long enough")
    table = place.open_table()
    assert (table.files.height, table.skipped["path"].to_list()) == (6, ["other"])


def test_a_table_that_could_not_be_opened_shows_itself_in_a_traceback(tmp_path):
    (tmp_path / "t").mkdir()
    with pytest.raises(NoFilesFound) as caught:
        lk.open_table(tmp_path / "t")
    told = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    assert "Table t, not opened" in told and "AttributeError" not in told


@pytest.mark.parametrize(
    "ask",
    [
        lambda: lk.compaction.plan("data/lake/t"),
        lambda: lk.compaction.retire("data/lake/t"),
        lambda: lk.publish.delta("data/lake/t"),
        lambda: lk.publish.glue("data/lake/t", "db"),
        lambda: lk.publish.iceberg("data/lake/t", "db.t"),
        lambda: lk.publish.ddl("data/lake/t", "athena"),
    ],
)
def test_what_wants_a_table_and_is_given_its_address_says_so(ask):
    with pytest.raises(
        InvalidArgument, match="(?s)table='data/lake/t' is not a table.*Hint: open it first: lk.open_table"
    ):
        ask()
