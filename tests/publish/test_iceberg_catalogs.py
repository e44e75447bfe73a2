"""Iceberg tables stand in catalogs of several kinds, others commit to them too, and no file comes in twice."""

import sys
import threading
from pathlib import Path

import pyarrow as pa
import pytest
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.exceptions import CommitFailedException, CommitStateUnknownException

import lakekit as lk
from tests.manifest.places import make_parquet
from tests.publish.iceberg_readers import load, open_catalog
from tests.views.lakes import run_script

NAME = "lake.t"


@pytest.fixture
def sqlite(tmp_path):
    """A catalog that is not there yet."""
    return tmp_path / "ice.sqlite"


@pytest.fixture
def table(folder):
    """Two files of one row."""
    for number in (1, 2):
        folder.put(f"k=a/{number}.parquet", make_parquet({"id": [number]}))
    return lk.open_table(folder.url)


def read_ids(sqlite, folder):
    return sorted(load(sqlite, folder).scan().to_arrow()["id"].to_pylist())


class LosingCatalog(SqlCatalog):
    """A catalog whose first answers to commits get lost, after they were carried out or before."""

    lost, arrives = 1, True

    def commit_table(self, table, requirements, updates):
        if self.lost and not self.arrives:
            self.lost -= 1
            raise CommitStateUnknownException("503")
        answer = super().commit_table(table, requirements, updates)
        if self.lost:
            self.lost -= 1
            raise CommitStateUnknownException("504")
        return answer


@pytest.mark.parametrize("arrives", [True, False])
def test_a_lost_answer_doubles_nothing(table, folder, sqlite, arrives):
    with_losses = open_catalog(sqlite, folder, LosingCatalog)
    with_losses.arrives = arrives
    done = lk.publish.iceberg(table, NAME, catalog=with_losses).run()
    assert done.files_added == 2 and read_ids(sqlite, folder) == [1, 2]
    folder.put("k=b/3.parquet", make_parquet({"id": [3]}))
    with_losses.lost = 1
    done = lk.publish.iceberg(table, NAME, catalog=with_losses).run()
    assert (done.files_added, read_ids(sqlite, folder)) == (1, [1, 2, 3])
    assert done.snapshot_id == load(sqlite, folder).current_snapshot().snapshot_id
    assert len(load(sqlite, folder).snapshots()) == 2
    with_losses.close()


def test_the_last_try_whose_answer_is_lost_counts(table, folder, sqlite):
    class Slow(LosingCatalog):
        arrives = property(lambda self: self.lost == 1)

    with_losses = open_catalog(sqlite, folder, Slow)
    with_losses.lost = 5
    assert lk.publish.iceberg(table, NAME, catalog=with_losses).run().files_added == 2
    assert with_losses.lost == 0 and read_ids(sqlite, folder) == [1, 2]
    with_losses.close()


def test_commits_that_never_arrive_end_with_an_error(table, folder, sqlite):
    with_losses = open_catalog(sqlite, folder, LosingCatalog)
    with_losses.lost, with_losses.arrives = 99, False
    with pytest.raises(lk.StaleFile, match="each of 5 tries.*CommitStateUnknownException"):
        lk.publish.iceberg(table, NAME, catalog=with_losses).run()
    assert with_losses.lost == 94
    with_losses.close()


def test_of_two_publishers_the_second_looks_anew(table, folder, sqlite):
    one, other = (lk.publish.iceberg(table, NAME, catalog=sqlite) for _ in range(2))  # both would create it
    first, second = one.run(), other.run()
    assert (first.files_added, second.files_added) == (2, 0) and first.snapshot_id == second.snapshot_id
    folder.put("k=b/3.parquet", make_parquet({"id": [3]}))
    older = lk.publish.iceberg(table, NAME, catalog=sqlite)
    folder.put("k=b/4.parquet", make_parquet({"id": [4]}))
    folder.remove("k=a/1.parquet")
    newer = lk.publish.iceberg(table, NAME, catalog=sqlite)
    assert newer.run().files_added == 2
    assert older.run().files_added == 0  # neither does it bring back 1, nor drop 4, of which it did not know
    assert read_ids(sqlite, folder) == [2, 3, 4]
    assert newer.run().files_added == 0 and one.run().files_added == 0


def test_publishers_at_the_same_time_name_each_file_once(table, folder, sqlite):
    for number in range(3, 9):
        folder.put(f"k=b/{number}.parquet", make_parquet({"id": [number]}))
    lk.publish.iceberg(table, NAME, catalog=sqlite).run()
    for number in range(9, 12):
        folder.put(f"k=c/{number}.parquet", make_parquet({"id": [number]}))
    plans = [lk.publish.iceberg(lk.open_table(folder.url), NAME, catalog=sqlite) for _ in range(4)]
    done = []
    threads = [threading.Thread(target=lambda plan=plan: done.append(plan.run())) for plan in plans]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(one.files_added for one in done) == [0, 0, 0, 3]
    assert read_ids(sqlite, folder) == list(range(1, 12))


def test_what_others_append_stays_and_what_they_delete_does_not_come_back(table, folder, sqlite):
    lk.publish.iceberg(table, NAME, catalog=sqlite).run()
    load(sqlite, folder).append(pa.table({"id": [100], "k": ["z"]}))
    folder.put("k=b/3.parquet", make_parquet({"id": [3]}))
    plan = lk.publish.iceberg(table, NAME, catalog=sqlite)
    assert plan.warnings == ("Of other engines, and not known to lakekit: 1 file; they stay.",)
    plan.run()
    assert read_ids(sqlite, folder) == [1, 2, 3, 100]
    table.refresh()
    assert table.files.height == 3
    load(sqlite, folder).delete("id = 2")
    with pytest.raises(lk.InvalidArgument, match="Another engine changed lake.t by delete"):
        lk.publish.iceberg(table, NAME, catalog=sqlite)


def test_a_table_that_was_rolled_back_or_renamed_in_is_refused(table, folder, sqlite):
    first = lk.publish.iceberg(table, NAME, catalog=sqlite).run()
    folder.put("k=b/3.parquet", make_parquet({"id": [3]}))
    lk.publish.iceberg(table, NAME, catalog=sqlite).run()
    load(sqlite, folder).manage_snapshots().rollback_to_snapshot(first.snapshot_id).commit()
    with pytest.raises(lk.InvalidArgument, match="lake.t was rolled back"):
        lk.publish.iceberg(table, NAME, catalog=sqlite)
    lk.publish.iceberg(table, "lake.u", catalog=sqlite).run()
    with load(sqlite, folder, "lake.u").update_schema() as update:
        update.rename_column("id", "number")
    with pytest.raises(lk.InvalidArgument, match="Columns of lake.u were renamed"):
        lk.publish.iceberg(table, "lake.u", catalog=sqlite)


def test_a_name_that_is_anothers_is_refused(table, folder, sqlite, tmp_path):
    catalog = open_catalog(sqlite, folder)
    catalog.create_namespace("lake")
    catalog.create_table(NAME, pa.schema([("id", pa.int64())]), location=str(tmp_path / "other"))
    catalog.close()
    with pytest.raises(lk.InvalidArgument, match="lake.t is in the catalog and was made by another engine"):
        lk.publish.iceberg(table, NAME, catalog=sqlite)
    lk.publish.iceberg(table, "lake.u", catalog=sqlite).run()
    folder.put("sub/k=a/1.parquet", make_parquet({"id": [1]}))
    with pytest.raises(lk.InvalidArgument, match=f"was published from {folder.url}, not from {folder.url}/sub"):
        lk.publish.iceberg(lk.open_table(f"{folder.url}/sub"), "lake.u", catalog=sqlite)


def test_other_keys_are_refused(folder, sqlite):
    folder.put("a/a.parquet", make_parquet({"id": [1]}))
    lk.publish.iceberg(lk.open_table(folder.url), NAME, catalog=sqlite).run()
    keyed = lk.open_table(folder.url, template="{word:string}")
    with pytest.raises(lk.InvalidArgument, match=r"partitioned by nothing in format 2, the files by \['word'\]"):
        lk.publish.iceberg(keyed, NAME, catalog=sqlite)


def test_metadata_elsewhere_leaves_the_place_as_it_is(table, folder, sqlite, tmp_path):
    before = sorted(Path(folder.url).rglob("*"))
    plan = lk.publish.iceberg(table, NAME, catalog=sqlite, location=tmp_path / "meta")
    assert plan.location == str(tmp_path / "meta")
    done = plan.run()
    assert done.metadata_location.startswith(f"{tmp_path}/meta/metadata/")
    assert sorted(Path(folder.url).rglob("*")) == before and read_ids(sqlite, folder) == [1, 2]
    assert not lk.publish.iceberg(table, NAME, catalog=sqlite)  # where it lies is known from then on
    with pytest.raises(lk.InvalidArgument, match="metadata lies at .*meta, not at"):
        lk.publish.iceberg(table, NAME, catalog=sqlite, location=tmp_path / "other")


def test_metadata_among_the_data_is_refused(table, folder, sqlite):
    for location in (folder.url, f"{folder.url}/meta", f"{folder.url}/k=a"):
        with pytest.raises(lk.InvalidArgument, match="is among the data of"):
            lk.publish.iceberg(table, NAME, catalog=sqlite, location=location)
    assert lk.publish.iceberg(table, NAME, catalog=sqlite, location=f"{folder.url}/_meta")


def test_metadata_of_a_table_on_s3_can_lie_in_a_folder(s3, sqlite, tmp_path):
    s3.put("k=a/1.parquet", make_parquet({"id": [1]}))
    table = lk.open_table(s3.url, storage=s3.storage)
    lk.publish.iceberg(table, NAME, catalog=sqlite, location=str(tmp_path / "meta")).run()
    assert [one.path for one in table.store.list_objects()] == ["k=a/1.parquet"]
    assert read_ids(sqlite, s3) == [1]


def test_a_place_that_cannot_be_written_to_leaves_the_catalog_as_it_is(s3, sqlite):
    s3.put("k=a/1.parquet", make_parquet({"id": [1]}))
    table = lk.open_table(s3.url, storage=s3.storage)
    plan = lk.publish.iceberg(table, NAME, catalog=sqlite, location="s3://no-such-bucket-anywhere/meta")
    with pytest.raises(lk.StorageFailed, match="Could not use the SQLite file .*OSError"):
        plan.run()
    assert lk.publish.iceberg(table, NAME, catalog=sqlite).changes[0][0] == "create table"


def test_no_key_is_written_or_shown(s3, sqlite):
    s3.put("k=a/1.parquet", make_parquet({"id": [1]}))
    secret = str.__str__(s3.storage.secret_access_key)
    plan = lk.publish.iceberg(lk.open_table(s3.url, storage=s3.storage), NAME, catalog=sqlite)
    done = plan.run()
    there = load(sqlite, s3)
    assert secret not in repr(plan) + repr(done) + plan._repr_html_() + there.metadata.model_dump_json()
    assert secret.encode() not in sqlite.read_bytes()


def test_the_glue_catalog_of_an_account(s3):
    s3.put("k=a/1.parquet", make_parquet({"id": [1]}))
    table = lk.open_table(s3.url, storage=s3.storage)
    name = f"{table.store.address.bucket.replace('-', '_')}.t"
    plan = lk.publish.iceberg(table, name, catalog={"type": "glue"})
    assert "the catalog lakekit" in repr(plan)
    done = plan.run()
    s3.put("k=b/2.parquet", make_parquet({"id": [2]}))
    again = lk.publish.iceberg(table, name, catalog={"type": "glue"}).run()
    assert (done.files_added, again.files_added) == (1, 1)
    database, entry = name.split(".")
    entry = s3.storage.boto3("glue").get_table(DatabaseName=database, Name=entry)["Table"]
    assert entry["Parameters"]["table_type"] == "ICEBERG"
    assert entry["Parameters"]["metadata_location"] == again.metadata_location
    assert not lk.publish.iceberg(table, name, catalog={"type": "glue"})


def test_the_default_catalog_is_a_file_that_a_variable_names(table, sqlite, monkeypatch):
    monkeypatch.setenv("LAKEKIT_ICEBERG_CATALOG", str(sqlite))
    lk.publish.iceberg(table, NAME).run()
    assert sqlite.exists() and not lk.publish.iceberg(table, NAME, catalog=str(sqlite))


@pytest.mark.parametrize("identifier", ["t", "", "lake.", ("t",)])
def test_a_name_without_a_namespace_is_refused(table, sqlite, identifier):
    with pytest.raises(lk.InvalidArgument, match="names no table of a catalog"):
        lk.publish.iceberg(table, identifier, catalog=sqlite)


def test_pyiceberg_is_loaded_late_and_its_absence_and_age_are_told(table, sqlite, monkeypatch):
    assert run_script("import sys, lakekit as lk; lk.publish.iceberg; print('pyiceberg' in sys.modules)") == "False"
    monkeypatch.setattr("pyiceberg.__version__", "0.11.1")
    with pytest.raises(lk.MissingPackage, match="0.11.1 is installed; 0.12 is the first"):
        lk.publish.iceberg(table, NAME, catalog=sqlite)
    monkeypatch.setitem(sys.modules, "pyiceberg", None)
    with pytest.raises(lk.MissingPackage, match=r"need pyiceberg.*\n.*lakekit\[iceberg\]"):
        lk.publish.iceberg(table, NAME, catalog=sqlite)


def test_what_is_no_catalog_is_refused(table, tmp_path):
    with pytest.raises(lk.InvalidArgument, match="catalog is a int"):
        lk.publish.iceberg(table, NAME, catalog=7)
    with pytest.raises(lk.InvalidArgument, match="no catalog of 'nowhere'.*NOWHERE__URI"):
        lk.publish.iceberg(table, NAME, catalog="nowhere")
    with pytest.raises(lk.InvalidArgument, match="Could not initialize") as told:
        lk.publish.iceberg(table, NAME, catalog={"type": 7, "client.secret-access-key": "hush-hush"})
    assert "hush" not in str(told.value) and told.value.__cause__ is None
    broken = tmp_path / "broken.sqlite"
    broken.write_text("no database " * 100)
    with pytest.raises(lk.StorageFailed, match="Could not use the SQLite file .*broken.sqlite: DatabaseError"):
        lk.publish.iceberg(table, NAME, catalog=broken)


def test_names_that_end_early_for_readers_are_refused_on_s3(s3, sqlite):
    s3.put("a#b.parquet", make_parquet({"id": [1]}))
    with pytest.raises(lk.InvalidArgument, match="The name of a#b.parquet holds #"):
        lk.publish.iceberg(lk.open_table(s3.url, storage=s3.storage), NAME, catalog=sqlite)


def test_an_earlier_version_cannot_be_published(table, folder, sqlite):
    lk.publish.delta(table).run()
    with pytest.raises(lk.InvalidArgument, match="as of an earlier version"):
        lk.publish.iceberg(lk.open_table(folder.url, as_of=0), NAME, catalog=sqlite)


def test_pyiceberg_itself_would_append_a_file_twice(table, folder, sqlite):
    """Why a commit is not repeated by pyiceberg: its retry of an append looks at no file."""
    lk.publish.iceberg(table, NAME, catalog=sqlite).run()
    stale, first = load(sqlite, folder), load(sqlite, folder)
    row = pa.table({"id": [5], "k": ["a"]})
    first.append(row)
    stale.append(row)
    assert read_ids(sqlite, folder) == [1, 2, 5, 5]
    with pytest.raises(CommitFailedException):  # as it is with the setting that a plan has in memory
        other, third = load(sqlite, folder), load(sqlite, folder)
        properties = {**other.metadata.properties, "commit.retry.num-retries": "0"}
        other.metadata = other.metadata.model_copy(update={"properties": properties})
        third.append(row)
        other.append(row)
