"""Tables and lakes that an S3 Inventory report lists answer as those that are listed, and say as of when."""

import itertools
import os
from dataclasses import dataclass

import duckdb
import pyarrow as pa
import pytest

import lakekit as lk
from lakekit.storage import Storage, embedded_aws
from tests.storage.reports import FIELDS, Reports
from tests.views.lakes import Place

FIRST, SECOND = "2026-11-23T01-00Z", "2026-11-24T01-00Z"
_numbers = itertools.count(1)


@dataclass
class Lake:
    """A lake of two tables on S3, and the inventory of its bucket."""

    place: Place
    reports: Reports

    def open(self, **options) -> lk.Table:
        return self.place.open_table(inventory=self.reports.url, **options)


@pytest.fixture
def lake(tmp_path, monkeypatch) -> Lake:
    """Four days of t and two of u, listed by a first report."""
    monkeypatch.setenv("LAKEKIT_CACHE_DIR", str(tmp_path / "cache"))
    storage: Storage = embedded_aws()
    bucket = f"inventory-{os.getpid()}-{next(_numbers)}"
    storage.boto3("s3").create_bucket(Bucket=bucket)
    place = Place(f"s3://{bucket}/lake", storage)
    for day in range(1, 5):
        place.put(f"t/day={day}/x.parquet", pa.table({"n": [day]}))
    for day in range(1, 3):
        place.put(f"u/day={day}/x.parquet", pa.table({"n": [10 * day]}))
    made = Lake(place, Reports(storage.boto3("s3"), bucket, bucket))
    made.reports.write(FIRST, "Parquet")
    return made


def total(table):
    """The sum of n in each engine; they must agree."""
    con = duckdb.connect()
    table.duckdb(con, "t")
    sums = {con.execute("SELECT sum(n) FROM t").fetchall()[0][0], table.polars().collect()["n"].sum()}
    assert len(sums) == 1
    return sums.pop()


def test_a_table_is_the_same_as_if_it_were_listed(lake):
    listed, plain = lake.open(), lake.place.open_table()
    assert listed.files.equals(plain.files)
    assert total(listed) == total(plain) == 10  # 1 + 2 + 3 + 4
    assert listed.store.requests.snapshot()["LIST"] == 0


def test_a_table_says_as_of_when_it_is(lake):
    assert "listed: by the S3 Inventory report of 2026-11-23 01:00 UTC" in repr(lake.open())
    assert "by the S3 Inventory report of 2026-11-23 01:00 UTC" in lake.open()._repr_html_()
    assert "Inventory" not in repr(lake.place.open_table())


def test_a_refresh_reads_the_newest_report(lake):
    table = lake.open()
    lake.place.put("t/day=5/x.parquet", pa.table({"n": [5]}))
    lake.place.remove("t/day=1/x.parquet")
    assert not table.refresh()  # the report is the same
    lake.reports.write(SECOND, "CSV")
    changes = table.refresh()
    assert (changes.added, changes.removed) == (("day=5/x.parquet",), ("day=1/x.parquet",))
    assert "2026-11-24 01:00 UTC" in repr(table)
    assert total(table) == 14  # 2 + 3 + 4 + 5


@pytest.mark.parametrize("is_known", [True, False], ids=["footer kept", "footer not kept"])
def test_a_file_that_is_gone_is_an_error_and_not_a_smaller_answer(lake, is_known):
    if is_known:
        lake.open()
    lake.place.remove("t/day=1/x.parquet")
    table = lake.open()
    told = "day=1/x.parquet is gone.* It is listed in the S3 Inventory report of 2026-11-23 01:00 UTC"
    with pytest.raises(lk.StaleFile, match=told):
        table.polars().collect()
    con = duckdb.connect()
    table.duckdb(con, "t")
    with pytest.raises(duckdb.Error, match="day=1/x.parquet is gone"):
        con.execute("SELECT sum(n) FROM t").fetchall()
    assert con.execute("SELECT sum(n) FROM t WHERE day > 1").fetchall() == [(9,)]  # 2 + 3 + 4


def test_a_file_that_is_gone_may_be_left_out_and_is_listed(lake):
    lake.place.remove("t/day=1/x.parquet")
    table = lake.open(on_bad_file="skip")
    assert table.skipped["path"].to_list() == ["day=1/x.parquet"]
    assert "S3 Inventory report of 2026-11-23" in table.skipped["reason"][0]
    assert total(table) == 9


def test_a_file_that_was_replaced_is_an_error_until_the_next_report(lake):
    table = lake.open()
    lake.place.put("t/day=1/x.parquet", pa.table({"n": [100]}))
    with pytest.raises(lk.StaleFile, match="day=1/x.parquet has changed.* It is listed in the S3 Inventory report"):
        table.polars().collect()
    lake.reports.write(SECOND)
    table.refresh()
    assert total(table) == 109  # 100 + 2 + 3 + 4


def test_a_lake_is_listed_by_one_reading_of_the_report(lake):
    found = lk.open_lake(lake.place.url, storage=lake.place.storage, inventory=lake.reports.url)
    assert list(found) == ["t", "u"]
    assert found.sql("SELECT sum(t.n) + sum(u.n) FROM t JOIN u USING (day)").fetchall() == [(33,)]  # 1 + 2 + 10 + 20
    reports = found["t"].store.inventory
    assert reports is found["u"].store.inventory
    assert reports.store.requests.snapshot()["GET"] == 7  # 3 x (manifest, checksum), one data file


def test_options_of_a_table_go_with_the_inventory_of_its_lake(lake):
    options = {"t": {"partitions": {"day": "string"}}}
    found = lk.open_lake(lake.place.url, storage=lake.place.storage, inventory=lake.reports.url, tables=options)
    assert str(found["t"].schema.field("day").type) == "string"
    assert str(found["u"].schema.field("day").type) == "int64"
    assert found["t"].manifest.listed_at is not None


def test_a_lake_refreshes_by_the_newest_report(lake):
    found = lk.open_lake(lake.place.url, storage=lake.place.storage, inventory=lake.reports.url)
    lake.place.put("v/x.parquet", pa.table({"n": [7]}))
    lake.reports.write(SECOND)
    changes = found.refresh()
    assert "table v is new" in changes.columns
    assert found.sql("SELECT n FROM v").fetchall() == [(7,)]


def test_a_prefix_that_the_report_does_not_list_has_no_files_and_says_by_what(lake):
    with pytest.raises(
        lk.NoFilesFound, match=r"\(0 objects there, by the S3 Inventory report of 2026-11-23 01:00 UTC\)"
    ):
        lake.place.open_table("w", inventory=lake.reports.url)


def test_archived_files_are_refused_by_class_and_by_tier(lake):
    lake.reports.fields = (*FIELDS, "IntelligentTieringAccessTier")
    lake.reports.changes = {
        "lake/t/day=2/x.parquet": {"StorageClass": "INTELLIGENT_TIERING", "IntelligentTieringAccessTier": "ARCHIVE"},
        "lake/t/day=3/x.parquet": {
            "StorageClass": "INTELLIGENT_TIERING", "IntelligentTieringAccessTier": "ARCHIVE_INSTANT_ACCESS",
        },
    }  # fmt: skip
    lake.reports.write(SECOND)
    table = lake.open()
    assert list(table.manifest.problems) == ["day=2/x.parquet"]
    with pytest.raises(lk.ArchivedFile, match=r"day=2/x.parquet is archived in INTELLIGENT_TIERING \(ARCHIVE\)"):
        table.polars().collect()
    assert table.files["storage_class"].to_list()[:3] == ["STANDARD", "INTELLIGENT_TIERING", "INTELLIGENT_TIERING"]
    assert total(lake.open(on_archived="skip")) == 8  # 1 + 3 + 4


def test_an_archived_file_that_was_restored_is_asked_for(lake):
    for day in (5, 6):
        lake.place.put(f"t/day={day}/x.parquet", pa.table({"n": [day]}), storage_class="GLACIER")
    lake.reports.client.restore_object(
        Bucket=lake.reports.source, Key="lake/t/day=5/x.parquet", RestoreRequest={"Days": 1}
    )
    lake.reports.write(SECOND)
    assert list(lake.open().manifest.problems) == ["day=6/x.parquet"]


@pytest.mark.parametrize("name", ["Size", "ETag"])
def test_a_report_without_a_needed_field_is_an_error_that_names_it(lake, name):
    lake.reports.fields = tuple(other for other in FIELDS if other != name)
    lake.reports.write(SECOND)
    with pytest.raises(lk.InvalidArgument, match=f"lacks {name};"):
        lake.open()


def test_a_folder_has_no_inventory(lake, tmp_path):
    with pytest.raises(lk.InvalidArgument, match="an inventory lists a bucket of S3"):
        lk.open_table(tmp_path, inventory=lake.reports.url, storage=lake.place.storage)
