"""Iceberg tables of a Glue database are read by the metadata that the catalog names, and by no other."""

import pyarrow as pa
import pytest
from pyiceberg.catalog.glue import GlueCatalog

import lakekit as lk
from tests.iceberg.places import read_all
from tests.manifest.places import make_place

ROWS = pa.schema([("id", pa.int64()), ("k", pa.string())])


@pytest.fixture
def catalog(tmp_path):
    """pyiceberg's Glue catalog in the embedded AWS, with a database of its own; and how lakekit reaches it."""
    place = make_place("s3", tmp_path)
    storage = place.storage
    keys = {"access-key-id": storage.access_key_id, "secret-access-key": storage.secret_access_key}
    told = {f"{service}.{name}": value for service in ("glue", "s3") for name, value in keys.items()}
    ends = {f"{service}.endpoint": storage.endpoint_url for service in ("glue", "s3")}
    found = GlueCatalog("g", **told, **ends, **{"glue.region": "us-east-1", "s3.region": "us-east-1"})
    database = place.store.address.bucket
    found.create_namespace(database)
    return found, database, place


def test_a_table_is_read_by_its_metadata_location_and_a_refresh_asks_for_it_again(catalog):
    iceberg, database, place = catalog
    table = iceberg.create_table(f"{database}.t", ROWS, location=place.url)
    table.append(pa.table({"id": [1, 2], "k": ["a", "b"]}))
    table.delete("id = 2")
    lake = lk.open_glue(database, storage=place.storage)
    assert lake.failed == {} and lake.sql("SELECT id, k FROM t").fetchall() == [(1, "a")]
    assert lake["t"].version == table.current_snapshot().snapshot_id
    table.append(pa.table({"id": [3], "k": ["c"]}))
    lake.refresh()
    assert sorted(read_all(lake["t"]).rows()) == [(1, "a"), (3, "c")]


def test_metadata_that_the_catalog_does_not_name_does_not_count(catalog):
    iceberg, database, place = catalog
    table = iceberg.create_table(f"{database}.t", ROWS, location=place.url)
    table.append(pa.table({"id": [1], "k": ["a"]}))
    kept = place.store.read_range(table.metadata_location.removeprefix(f"{place.url}/"), 0, 10**6)
    place.put("metadata/00009-of-a-commit-that-failed.metadata.json", b"{}")
    place.put("metadata/00001-twin.metadata.json", bytes(kept))
    lake = lk.open_glue(database, storage=place.storage)
    assert lake.sql("SELECT id FROM t").fetchall() == [(1,)]
    options = {"t": {"as_of": table.current_snapshot().snapshot_id}}
    assert lk.open_glue(database, tables=options, storage=place.storage)["t"].files.height == 1
