"""Views on Spark: the rows, types and errors of the table, whatever its files are like, and nothing written."""

import datetime as dt
from decimal import Decimal

import pyarrow as pa
import pytest

import lakekit as lk
from lakekit import InvalidArgument
from tests.publish.places import make_bucket
from tests.test_glue import create

NOON = dt.datetime(2024, 1, 1, 12, tzinfo=dt.UTC)


def open_table(place, name="t", **options):
    return lk.open_table(f"{place.url}/{name}", storage=place.storage, **options)


def rows_of(frame, *order):
    return frame.orderBy(*order).toArrow().to_pylist()


def put_drift(place):
    """Whole numbers, then fractions and a column more; an escaped value, a NULL, a declared type."""
    place.put("t/city=a%2Fb/zip=01/a.parquet", pa.table({"x": [1, 2], "at": pa.array([NOON, None])}))
    later = pa.table({"x": [2.5], "at": pa.array([NOON]), "more": ["new"]})
    place.put("t/city=__HIVE_DEFAULT_PARTITION__/zip=02/b.parquet", later)
    return open_table(place, partitions={"zip": "int32"})


def test_drift_null_escaped_and_declared_keys_are_as_everywhere_else(session, place):
    table = put_drift(place)
    frame = table.spark(session)
    assert frame.columns == ["x", "at", "more", "city", "zip"]
    noon = dt.datetime(2024, 1, 1, 12, tzinfo=dt.UTC)
    assert rows_of(frame, "x") == [
        {"x": 1.0, "at": noon, "more": None, "city": "a/b", "zip": 1},
        {"x": 2.0, "at": None, "more": None, "city": "a/b", "zip": 1},
        {"x": 2.5, "at": noon, "more": "new", "city": None, "zip": 2},
    ]
    assert session.sql("SELECT sum(x) AS s FROM t WHERE city IS NULL").collect()[0].s == 2.5


def test_types_that_spark_lacks_become_the_next_that_holds_them(session, folder):
    columns = {
        "u8": pa.array([255], pa.uint8()),
        "u64": pa.array([2**64 - 1], pa.uint64()),
        "ns": pa.array([1_000], pa.timestamp("ns")),
        "day": pa.array([dt.date(2024, 2, 29)]),
        "money": pa.array([Decimal("1.50")], pa.decimal128(10, 2)),
        "list": pa.array([[{"n": 1, "s": None}]], pa.list_(pa.struct([("n", pa.uint16()), ("s", pa.string())]))),
        "map": pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64())),
        "bytes": pa.array([b"\x00\xff"]),
        "none": pa.nulls(1),
        "a.b `c`": pa.array([True]),
    }
    folder.put("t/a.parquet", pa.table(columns))
    table = open_table(folder)
    found = table.spark(session).toArrow()
    assert found.to_pylist() == table.arrow().read_all().to_pylist()
    kinds = dict(session.table("t").dtypes)
    assert (kinds["u8"], kinds["u64"], kinds["ns"]) == ("smallint", "decimal(20,0)", "timestamp_ntz")


def test_what_spark_cannot_hold_is_refused_with_the_column(session, folder):
    folder.put("t/a.parquet", pa.table({"clock": pa.array([1], pa.time64("us")), "x": [7]}))
    table = open_table(folder)
    with pytest.raises(InvalidArgument, match="(?s)'clock' is time64.*Hint: leave it out: columns="):
        table.spark(session)
    assert table.spark(session, columns=["x"]).collect()[0].x == 7
    folder.put("n/a.parquet", pa.table({"ns": pa.array([1_001], pa.timestamp("ns"))}))  # 1 ns more than a microsecond
    with pytest.raises(Exception, match="(?s)TypeConflict.*'ns' of n has a value that Spark's timestamp"):
        open_table(folder, "n").spark(session).collect()
    with pytest.raises(InvalidArgument, match="(?s)no column 'y'.*it has clock, x"):
        table.spark(session, columns=["y"])
    with pytest.raises(InvalidArgument, match="columns=\\[\\] names no column"):
        table.spark(session, columns=[])


def test_naive_times_stay_as_written_whatever_the_session_s_zone(session, folder):
    naive = dt.datetime(2024, 3, 31, 2, 30)  # noqa: DTZ001  a time that Paris did not have
    folder.put("t/a.parquet", pa.table({"at": pa.array([naive]), "zoned": pa.array([NOON])}))
    try:
        session.conf.set("spark.sql.session.timeZone", "Europe/Paris")
        frame = open_table(folder).spark(session)
        row = session.sql("SELECT CAST(at AS STRING) AS a, CAST(zoned AS STRING) AS z FROM t").collect()[0]
        assert (row.a, row.z) == ("2024-03-31 02:30:00", "2024-01-01 13:00:00")  # noon in UTC is 13:00 in Paris
        assert frame.where("zoned = TIMESTAMP '2024-01-01 13:00:00'").count() == 1
    finally:
        session.conf.set("spark.sql.session.timeZone", "UTC")


def test_files_are_ruled_out_before_spark_sees_them(session, folder):
    for day in range(1, 5):
        folder.put(f"t/dt=2024-01-0{day}/a.parquet", pa.table({"x": [day * 10, day * 10 + 1]}))
    folder.put("t/dt=2024-01-05/a.parquet", b"PAR1 not a file PAR1")
    table = open_table(folder)
    assert rows_of(table.spark(session, where="t.x > 30 AND dt < '2024-01-05'"), "x") == [
        {"x": 31, "dt": dt.date(2024, 1, 3)},
        {"x": 40, "dt": dt.date(2024, 1, 4)},
        {"x": 41, "dt": dt.date(2024, 1, 4)},
    ]
    assert table.spark(session, "part", columns=["x"], where="dt = '2024-01-02'").columns == ["x"]
    assert session.sql("SELECT sum(x) AS s FROM part").collect()[0].s == 41  # 20 + 21
    with pytest.raises(InvalidArgument, match="where='y > 1' is no condition on t"):
        table.spark(session, where="y > 1")
    assert table.spark(session, where="x > 1000 AND dt < '2024-01-05'").count() == 0


def test_a_condition_of_the_query_on_keys_rules_files_out_too(session, folder):
    folder.put("t/n=1/d=2024-01-01/a.parquet", pa.table({"x": [1]}))
    folder.put("t/n=2/d=2024-01-02/a.parquet", b"PAR1 not a file PAR1")
    folder.put("t/n=__HIVE_DEFAULT_PARTITION__/d=2024-01-03/a.parquet", pa.table({"x": [3]}))
    open_table(folder).spark(session)
    conditions = {"n = 1": [1], "N < 2": [1], "n IS NULL": [3], "n IN (0, 1, 7, 8, 9)": [1], "n = 1 AND x = 3": []}
    conditions |= {"d <= DATE '2024-01-01'": [1], "d > '2024-01-02'": [3], "d = DATE '2024-01-01' AND n > 1": []}
    for condition, rows in conditions.items():
        assert [row.x for row in session.sql(f"SELECT x FROM t WHERE {condition}").collect()] == rows
    with pytest.raises(Exception, match=r"CorruptFile: .*n=2/d=2024-01-02/a.parquet"):
        session.sql("SELECT * FROM t").collect()


def test_a_column_in_conflict_is_an_error_until_it_is_left_out(session, folder):
    folder.put("t/k=1/a.parquet", pa.table({"v": [1], "x": [1]}))
    folder.put("t/k=2/b.parquet", pa.table({"v": ["text"], "x": [2]}))
    table = open_table(folder)
    frame = table.spark(session)
    with pytest.raises(Exception, match=r"(?s)TypeConflict: The column 'v' of t .*k=2/b.parquet.*columns="):
        frame.collect()
    assert frame.where("k = 1").count() == 1
    assert table.spark(session, columns=["x"]).count() == 2


def test_a_file_that_changed_is_an_error_and_the_view_made_again_shows_it(session, folder):
    folder.put("t/a.parquet", pa.table({"x": [1]}))
    table = open_table(folder)
    frame = table.spark(session)
    folder.put("t/a.parquet", pa.table({"x": [1, 2]}))
    with pytest.raises(Exception, match=r"StaleFile: .*a.parquet has changed"):
        frame.collect()
    table.refresh()
    assert table.spark(session).count() == 2


def test_nothing_is_written_to_the_bucket(session):
    place = make_bucket()
    put_drift(place)
    bucket = place.url.split("/")[2]
    before = place.storage.boto3("s3").list_objects_v2(Bucket=bucket)["Contents"]
    assert open_table(place).spark(session).count() == 3
    assert place.storage.boto3("s3").list_objects_v2(Bucket=bucket)["Contents"] == before


def test_large_files_are_read_by_row_groups_and_many_in_tasks(session, place):
    for number in range(12):
        table = pa.table({"x": pa.array(range(number * 1000, number * 1000 + 1000)), "pad": ["y" * 500] * 1000})
        place.put(f"t/{number}.parquet", table, row_group_size=100, compression="none", use_dictionary=False)
    table = open_table(place)
    assert table.files["size_bytes"].min() > 500_000
    found = table.spark(session).selectExpr("count(DISTINCT x) AS n", "sum(x) AS s").collect()[0]
    assert (found.n, found.s) == (12_000, 71_994_000)  # 12,000 x 11,999 / 2


def test_a_table_that_a_catalog_places_anywhere_is_read_from_there(session):
    here, there = make_bucket(), make_bucket()
    here.put("t/a.parquet", pa.table({"x": [1]}))
    there.put("far/b.parquet", pa.table({"x": [2]}))
    parts = [(["one"], f"{here.url}/t"), (["two"], f"{there.url}/far")]
    create(here, "for_spark", "placed", f"{here.url}/t", [("k", "string")], parts)
    lake = lk.open_glue("for_spark", storage=here.storage)
    assert rows_of(lake["placed"].spark(session), "x") == [{"x": 1, "k": "one"}, {"x": 2, "k": "two"}]


def test_a_lake_s_tables_are_views_and_a_failed_one_says_why(session, folder):
    folder.put("good/a.parquet", pa.table({"x": [1]}))
    folder.put("bad/k=1/a.parquet", pa.table({"x": [1]}))
    folder.put("bad/l=1/a.parquet", pa.table({"x": [1]}))
    folder.put("late/a.parquet", pa.table({"clock": pa.array([1], pa.time64("us"))}))
    lake = folder.open_lake()
    assert lake.spark(session).sql("SELECT x FROM good").collect()[0].x == 1
    with pytest.raises(Exception, match="PartitionMismatch"):
        session.sql("SELECT * FROM bad").collect()
    with pytest.raises(Exception, match="'clock' is time64"):
        session.sql("SELECT * FROM late").collect()


def test_a_result_of_spark_is_a_table_that_lakekit_opens(session, folder, tmp_path):
    put_drift(folder).spark(session)
    url = str(tmp_path / "results" / "by_zip")
    frame = session.sql("SELECT zip, count(*) AS n, sum(x) AS s FROM t GROUP BY zip")
    frame.write.partitionBy("zip").parquet(f"file://{url}")
    rows = lk.open_table(url).polars().sort("zip").collect().to_dicts()
    assert rows == [{"n": 2, "s": 3.0, "zip": 1}, {"n": 1, "s": 2.5, "zip": 2}]


def test_the_ddl_of_spark_runs_on_sail(session, folder):
    folder.put("plain/n=1/a.parquet", pa.table({"x": [1, 2], "s": ["it's", None]}))
    folder.put("plain/n=2/a.parquet", pa.table({"x": [3, 4], "s": ["b", "c"]}))
    create, add = lk.publish.ddl(open_table(folder, "plain"), "spark", name="made_by_ddl").statements
    session.sql(create)
    try:
        rows = session.sql("SELECT n, sum(x) AS s, min(s) AS m FROM made_by_ddl GROUP BY n ORDER BY n").collect()
        assert [tuple(row) for row in rows] == [(1, 3, "it's"), (2, 7, "b")]
        assert add.count("PARTITION (`n` = ") == 2  # for a metastore; Sail finds the folders itself
    finally:
        session.sql("DROP TABLE made_by_ddl")
