"""How a receipt prints, and that its numbers are those of the query."""

import pyarrow as pa
import pytest

import lakekit as lk
from tests.receipts.conftest import to_parquet
from tests.views.lakes import Place, make_place, put_days


def test_a_receipt_prints_what_a_person_can_check(lake):
    lake.sql("SELECT sum(x)\nFROM t WHERE n < 3").fetchall()
    lines = repr(lake.receipt).splitlines()
    assert lines[0] == "Receipt of SELECT sum(x) FROM t WHERE n < 3"
    assert lines[1].split() == ["this", "query", "glob", "view"]
    rows = {line[2:18].strip(): line[18:].split() for line in lines[2:]}
    assert rows["files scanned"] == ["3", "of", "6"]
    assert rows["LIST"] == ["0", "1"]  # 6 objects are one page
    assert rows["HEAD"] == ["0", "6"]  # each file
    assert rows["GET"] == ["3", "9"]  # 6 footers and 3 files
    assert rows["USD"] == ["0.0000012", "0.000011"]  # 3 x 0.0000004; 15 x 0.0000004 + 0.000005


def test_html_is_a_table_in_the_colours_of_the_notebook_and_escapes_the_query(lake):
    lake.sql("SELECT sum(x) FROM t WHERE n < 3").fetchall()
    html = lake.receipt._repr_html_()
    assert '<table class="dataframe">' in html and "n &lt; 3" in html


def test_a_long_query_is_cut_in_the_title_alone(lake):
    query = f"SELECT sum(x) AS {'a' * 200} FROM t WHERE n = 1"
    lake.sql(query).fetchall()
    assert len(repr(lake.receipt).splitlines()[0]) == len("Receipt of ") + 70
    assert lake.receipt.query == query


def test_printing_asks_for_nothing(lake, sandbox):
    lake.sql("SELECT sum(x) FROM t").fetchall()
    sandbox.reset()
    repr(lake.receipt), lake.receipt._repr_html_(), lake.receipts
    assert sum(sandbox.counts().values()) == 0


def test_a_query_without_secrets_is_left_and_one_with_a_secret_is_scrubbed(lake, sandbox):
    secret = sandbox.storage.secret_access_key.reveal()
    lake.sql(f"SELECT sum(x), '{secret}' AS a FROM t WHERE s <> 'b'").fetchall()
    assert lake.receipt.query == "SELECT sum(x), '***' AS a FROM t WHERE s <> 'b'"


def test_a_folder_costs_nothing(tmp_path):
    place = Place(str(tmp_path))
    put_days(place)
    lake = place.open_lake()
    lake.sql("SELECT sum(x) FROM t WHERE n < 3").fetchall()
    assert (lake.receipt.files_scanned, lake.receipt.usd, lake.receipt.glob_usd) == (2, 0, 0)


def test_files_of_rare_use_cost_what_their_class_does(tmp_path):
    place = make_place("s3", tmp_path)
    put_days(place)
    place.put("t/day=2024-01-01/n=1/city=oslo/part-0.parquet", _read(place), storage_class="GLACIER_IR")
    lake: lk.Lake = place.open_lake()
    lake.cache.clear()
    lake.sql("SELECT sum(x) FROM t WHERE n < 3").fetchall()
    receipt = lake.receipt
    size_bytes = lake["t"].files["size_bytes"][0]
    # one GET of GLACIER_IR at 0.01 and one of STANDARD at 0.0004 for 1,000; 0.03 USD a GB of the first
    assert receipt.usd == pytest.approx((0.01 + 0.0004) / 1000 + 0.03 * size_bytes / lk.GIB)
    # glob: one LIST; HEAD, footer and data of the GLACIER_IR file; HEAD and footer of five others, data of one
    assert receipt.glob_usd == pytest.approx((0.005 + 3 * 0.01 + 11 * 0.0004) / 1000)


def test_a_glob_view_asks_for_every_footer_to_read_one_day(tmp_path):
    data = to_parquet(pa.table({"x": [1]}))
    for day in range(365):
        folder = tmp_path / "t" / f"day={day}"
        folder.mkdir(parents=True)
        for part in range(8):
            (folder / f"part-{part}.parquet").write_bytes(data)
    lake = lk.open_lake(tmp_path)
    assert lake.sql("SELECT sum(x) FROM t WHERE day = 100").fetchall() == [(8,)]
    assert (lake.receipt.files_scanned, lake.receipt.files) == (8, 2920)
    # 2,920 keys are 3 pages of 1,000; a HEAD and a footer of each; 8 files of data
    assert dict(lake.receipt.glob_requests) == {"LIST": 3, "GET": 2928, "HEAD": 2920, "PUT": 0}


def _read(place: Place) -> bytes:
    bucket, _, prefix = place.url.removeprefix("s3://").partition("/")
    key = f"{prefix}/t/day=2024-01-01/n=1/city=oslo/part-0.parquet"
    return place.storage.boto3("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
