"""A Glue database as a lake: partitions from the catalog, wherever they lie, and what is no Parquet told."""

import warnings

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import lakekit as lk
from lakekit import InvalidArgument, NoFilesFound
from tests.publish.places import make_bucket

PARQUET = {
    "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    "SerdeInfo": {"SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"},
}


@pytest.fixture
def place():
    """An empty bucket in the embedded AWS."""
    return make_bucket()


def create(place, database, name, location, keys=(), partitions=(), parameters=None, storage=PARQUET, **entry):
    """A table in the catalog as others write it."""
    glue = place.storage.boto3("glue")
    if database not in [one["Name"] for one in glue.get_databases()["DatabaseList"]]:
        glue.create_database(DatabaseInput={"Name": database})
    typed = [{"Name": key, "Type": kind} for key, kind in keys]
    entry = {
        "Name": name,
        "TableType": "EXTERNAL_TABLE",
        "PartitionKeys": typed,
        "Parameters": parameters or {},
    } | entry
    stored = {"Columns": [], "Location": location, **storage}
    glue.create_table(DatabaseName=database, TableInput={**entry, "StorageDescriptor": stored})
    for values, where in partitions:
        one = {"Values": values, "StorageDescriptor": {"Columns": [], "Location": where, **PARQUET}}
        glue.create_partition(DatabaseName=database, TableName=name, PartitionInput=one)


def test_values_come_from_the_catalog_and_files_from_anywhere(place):
    other = make_bucket()
    place.put("t/first/a.parquet", pa.table({"x": [1]}))
    other.put("far/away/b.parquet", pa.table({"x": [2]}))
    other.put("far/away/deep/er=1/c.parquet", pa.table({"x": [3]}))
    parts = [(["2024-01-05", "7"], f"{place.url}/t/first/"), (["2024-02-05", "-1"], f"{other.url}/far/away")]
    create(place, "anywhere", "t", f"{place.url}/t", [("dt", "date"), ("n", "int")], parts)
    lake = lk.open_glue("anywhere", storage=place.storage)
    assert lake.sql("SELECT x, CAST(dt AS VARCHAR), n FROM t ORDER BY x").fetchall() == [
        (1, "2024-01-05", 7),
        (2, "2024-02-05", -1),
        (3, "2024-02-05", -1),
    ]
    assert lake["t"].polars().collect().height == 3
    assert lake["t"].schema.field("n").type == pa.int32()


def test_what_no_partition_holds_is_left_out_and_told(place):
    place.put("t/dt=1/a.parquet", pa.table({"x": [1]}))
    place.put("t/dt=10/a.parquet", pa.table({"x": [10]}))
    create(place, "astray", "t", f"{place.url}/t/", [("dt", "int")], [(["1"], f"{place.url}/t/dt=1/")])
    with pytest.warns(UserWarning, match="1 file under .* lie in no partition of the catalog, such as dt=10/a.parquet"):
        lake = lk.open_glue("astray", storage=place.storage)
    assert lake.sql("SELECT x, dt FROM t").fetchall() == [(1, 1)]


def test_null_and_odd_values_keep_their_meaning(place):
    place.put("t/a/a.parquet", pa.table({"x": [1]}))
    place.put("t/b/a.parquet", pa.table({"x": [2]}))
    parts = [(["__HIVE_DEFAULT_PARTITION__"], f"{place.url}/t/a"), (["50% = a/b+c"], f"{place.url}/t/b")]
    create(place, "oddities", "t", f"{place.url}/t", [("k", "string")], parts)
    lake = lk.open_glue("oddities", storage=place.storage)
    assert lake.sql("SELECT x, k FROM t ORDER BY x").fetchall() == [(1, None), (2, "50% = a/b+c")]


def test_tables_that_are_no_parquet_are_listed_with_the_reason(place):
    place.put("good/a.parquet", pa.table({"x": [1]}))
    create(place, "mixed", "good", f"{place.url}/good")
    create(place, "mixed", "_also", f"{place.url}/good")
    csv = {
        "InputFormat": "org.apache.hadoop.mapred.TextInputFormat",
        "SerdeInfo": {"SerializationLibrary": "OpenCSVSerde"},
    }
    create(place, "mixed", "csv", f"{place.url}/csv", storage=csv, parameters={"classification": "csv"})
    create(place, "mixed", "ice", f"{place.url}/ice", parameters={"table_type": "ICEBERG"})
    create(place, "mixed", "eye", "", storage={}, TableType="VIRTUAL_VIEW")
    create(place, "mixed", "empty", f"{place.url}/empty")
    create(place, "mixed", "bare", f"{place.url}/bare", [("k", "string")])
    create(place, "mixed", "money", f"{place.url}/money", [("k", "decimal(10,2)")])
    lake = lk.open_glue("mixed", storage=place.storage)
    assert list(lake) == ["_also", "good"]
    told = {name: error.what for name, error in lake.failed.items()}
    assert told.keys() == {"csv", "ice", "eye", "empty", "bare", "money"}
    assert "the catalog says csv (OpenCSVSerde)" in told["csv"]
    assert "its metadata_location is ''" in told["ice"] and "is a view" in told["eye"]
    assert "No Parquet file" in told["empty"] and "no partitions in the catalog" in told["bare"]
    assert "'k' is decimal(10,2)" in told["money"]
    with pytest.raises(InvalidArgument, match="Iceberg"):
        lake["ice"]


def test_projected_tables_are_read_by_their_template(place):
    for month in (1, 12):
        place.put(f"p/2024/{month:02}/a.parquet", pa.table({"x": [month]}))
    parameters = {
        "projection.enabled": "true",
        "storage.location.template": f"{place.url}/p/${{year}}/${{month}}/",
    }
    create(place, "projected", "p", f"{place.url}/p/", [("year", "int"), ("month", "int")], parameters=parameters)
    lake = lk.open_glue("projected", storage=place.storage)
    assert lake.sql("SELECT x, year, month FROM p ORDER BY x").fetchall() == [(1, 2024, 1), (12, 2024, 12)]


def test_a_refresh_asks_the_catalog_again(place):
    place.put("t/a/a.parquet", pa.table({"x": [1]}))
    create(place, "fresh", "t", f"{place.url}/t", [("k", "string")], [(["a"], f"{place.url}/t/a")])
    lake = lk.open_glue("fresh", storage=place.storage)
    assert lake.sql("SELECT count(*) FROM t").fetchall() == [(1,)]
    place.put("t/b/a.parquet", pa.table({"x": [2]}))
    one = {"Values": ["b"], "StorageDescriptor": {"Columns": [], "Location": f"{place.url}/t/b", **PARQUET}}
    place.storage.boto3("glue").create_partition(DatabaseName="fresh", TableName="t", PartitionInput=one)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        changes = lake.refresh()
    assert len(changes.added) == 1
    assert lake.sql("SELECT sum(x) FROM t").fetchall() == [(3,)]


def test_a_database_that_is_not_there_is_an_error(place):
    with pytest.raises(NoFilesFound, match="(?s)no database 'nowhere'.*Hint"):
        lk.open_glue("nowhere", storage=place.storage)
    place.storage.boto3("glue").create_database(DatabaseInput={"Name": "hollow"})
    with pytest.raises(NoFilesFound, match="has no tables"):
        lk.open_glue("hollow", storage=place.storage)


def test_locations_that_are_not_on_s3_are_not_read(place, tmp_path):
    """Who may write an entry would else choose files of this computer, or a server, that readers ask."""
    private = tmp_path / "private"
    private.mkdir()
    pq.write_table(pa.table({"salary": [1]}), private / "a.parquet")
    place.put("t/a.parquet", pa.table({"x": [1]}))
    create(place, "astray2", "path", str(private))
    create(place, "astray2", "file", f"file://{private}")
    create(place, "astray2", "web", "http://127.0.0.1:9/latest/meta-data")
    create(place, "astray2", "part", f"{place.url}/t", [("k", "string")], [(["1"], f"file://{private}")])
    ice = {"table_type": "ICEBERG", "metadata_location": "http://127.0.0.1:9/t/metadata/1-a.metadata.json"}
    create(place, "astray2", "ice", "", parameters=ice, storage={})
    create(place, "astray2", "good", f"{place.url.replace('s3:', 'S3A:')}/t/")
    lake = lk.open_glue("astray2", storage=place.storage)
    assert lake["good"].url == f"{place.url}/t" and sorted(lake.failed) == ["file", "ice", "part", "path", "web"]
    for error in lake.failed.values():
        assert isinstance(error, InvalidArgument) and "which is not on S3.\nHint: open it by its" in str(error)
