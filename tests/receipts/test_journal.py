"""The journal: what it holds, who may read it, and that it survives other processes and full disks."""

import gc
import os
import stat
import threading
import time
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

import lakekit as lk
from lakekit.errors import InvalidArgument
from lakekit.receipts import journal
from lakekit.receipts.journal import journal_folder, read_all
from tests.views.lakes import run_script


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """A journal of the test's own, without the queries of tests before it."""
    lk.receipts.read_journal()  # what they left is written where it belongs
    monkeypatch.setenv("LAKEKIT_CACHE_DIR", str(tmp_path / "cache"))


def test_a_row_for_each_file_that_a_query_sent_a_request_for(lake):
    lake.sql("SELECT sum(x) FROM t WHERE n < 2").fetchall()
    reads = lk.receipts.read_journal()
    sizes = lake["t"].files["size_bytes"].to_list()
    assert reads.select("url", "table", "path", "requests", "bytes").rows() == [
        (lake["t"].url, "t", "n=0/part-0.parquet", 1, sizes[0]),
        (lake["t"].url, "t", "n=1/part-0.parquet", 1, sizes[1]),
    ]
    lake.sql("SELECT sum(x) FROM t WHERE n < 2").fetchall()  # from the cache: nothing was sent
    assert lk.receipts.read_journal().height == 2
    assert lk.receipts.read_journal(kind="queries").height == 2


def test_the_tiering_lens_reads_it(lake):
    lake.sql("SELECT sum(x) FROM t WHERE n < 2").fetchall()
    lk.receipts.read_journal()
    reads = lk.tiering.read_receipts(journal_folder("reads"), table="t")
    assert (reads.frame.height, reads.frame["requests"].sum()) == (2, 2)
    assert abs(reads.frame["read_at"][0] - datetime.now(UTC)) < timedelta(minutes=5)


def test_addresses_choose_tables_below_them_and_not_those_that_begin_alike(lake, url):
    lake.sql("SELECT sum(x) FROM t WHERE n = 1").fetchall()
    for kind in ("reads", "queries"):
        heights = [
            lk.receipts.read_journal(at, kind=kind).height for at in (url, f"{url}/t/", f"{url}/", f"{url[:-1]}")
        ]
        assert heights == [1, 1, 1, 0]


def test_an_unknown_kind_is_refused():
    with pytest.raises(InvalidArgument, match='Hint: "reads" or "queries"'):
        lk.receipts.read_journal(kind="costs")


def test_only_the_user_may_read_it(lake):
    lake.sql("SELECT sum(x) FROM t WHERE n = 1").fetchall()
    lk.receipts.read_journal()
    for kind in ("reads", "queries"):
        folder = journal_folder(kind)
        assert stat.S_IMODE(folder.stat().st_mode) == stat.S_IMODE(folder.parent.stat().st_mode) == 0o700
        assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}


def test_it_holds_no_secret_and_no_value_of_a_parameter(lake, sandbox):
    secret = sandbox.storage.secret_access_key.reveal()
    lake.sql(f"SELECT sum(x), '{secret}' FROM t WHERE s = ?", ["a very private name"]).fetchall()
    lake.sql("SELECT sum(x), 'host=h user=ann password=hunter2' FROM t").fetchall()
    queries = lk.receipts.read_journal(kind="queries")
    assert "user=ann password=***" in queries["query"][1]
    assert "***" in queries["query"][0] and "?" in queries["query"][0]
    content = b"".join(file.read_bytes() for kind in ("reads", "queries") for file in journal_folder(kind).iterdir())
    for private in (secret.encode(), b"a very private name", b"hunter2"):
        assert private not in content


def test_what_cannot_be_written_is_passed_over(lake, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("LAKEKIT_CACHE_DIR", str(tmp_path / "file"))
    lake.sql("SELECT sum(x) FROM t WHERE n = 1").fetchall()
    assert lk.receipts.read_journal().height == 0
    assert lake.receipts.height == 1


def test_it_can_be_turned_off(lake, monkeypatch):
    monkeypatch.setenv("LAKEKIT_JOURNAL", "off")
    lake.sql("SELECT sum(x) FROM t WHERE n = 1").fetchall()
    assert lk.receipts.read_journal(kind="queries").height == 0


def make_rows(first: int, count: int) -> pl.DataFrame:
    """Rows of the reads, a minute apart."""
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    rows = [
        (f"{n:06d}", begin + timedelta(minutes=n), "s3://b/t", "t", f"{n}.parquet", 1, 10)
        for n in range(first, first + count)
    ]
    return pl.DataFrame(rows, schema=journal.READ_SCHEMA, orient="row")


def test_many_small_files_become_one_with_the_same_rows():
    for n in range(journal.MOST_FILES + 1):
        journal._add("reads", make_rows(n, 1))
    assert len(list(journal_folder("reads").iterdir())) == 1
    assert read_all("reads").equals(make_rows(0, journal.MOST_FILES + 1))


def test_the_oldest_rows_go_when_it_is_too_large(monkeypatch):
    monkeypatch.setattr(journal, "MOST_BYTES", 1)
    for n in range(journal.MOST_FILES + 1):  # 17 files of two rows
        journal._add("reads", make_rows(2 * n, 2))
    assert read_all("reads").equals(make_rows(17, 17))


def test_threads_that_write_and_merge_at_once_lose_no_row():
    def write(thread: int) -> None:
        for n in range(15):
            journal._add("reads", make_rows(15 * thread + n, 1))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert read_all("reads").equals(make_rows(0, 60))


def test_rows_that_a_killed_merge_left_twice_are_read_once():
    for _ in range(2):
        journal._write(journal_folder("reads"), make_rows(0, 3))
    assert read_all("reads").height == 3


def test_a_lock_of_a_killed_process_is_broken_and_one_that_is_held_respected():
    folder = journal_folder("reads")
    (folder / "merging").touch()
    for n in range(journal.MOST_FILES + 2):
        journal._add("reads", make_rows(n, 1))
    assert len(list(folder.glob("*.parquet"))) == journal.MOST_FILES + 2
    old = (folder / "merging").stat().st_mtime - 3600
    os.utime(folder / "merging", (old, old))
    journal._add("reads", make_rows(journal.MOST_FILES + 2, 1))
    assert len(list(folder.glob("*.parquet"))) == 1


def test_a_damaged_file_hides_no_other():
    journal._add("reads", make_rows(0, 2))
    (journal_folder("reads") / "damaged.parquet").write_bytes(b"PAR1 no")
    assert read_all("reads").height == 2


def test_a_lake_that_nobody_holds_any_more_leaves_its_queries(url, sandbox):
    lake = lk.open_lake(url, storage=sandbox.storage)
    lake.polars("t").filter(pl.col("n") == 1).collect()
    del lake
    deadline = time.monotonic() + 10
    while read_all("queries").height == 0 and time.monotonic() < deadline:
        gc.collect()
        time.sleep(0.02)
    assert read_all("queries").height == 1


def test_the_end_of_the_process_writes_what_is_left(tmp_path):
    code = """
        import lakekit as lk
        lake = lk.open_lake("data/sample/lake")
        lake.sql("SELECT max(precip) FROM weather WHERE date = '2013-03-20'").fetchall()
        lake.duckdb.execute("SELECT max(precip) FROM weather WHERE date = '2013-03-21'").fetchall()
    """
    run_script(code)
    assert read_all("queries").height == 2
    assert read_all("reads")["path"].str.extract("date=([^/]+)").sort().to_list() == ["2013-03-20", "2013-03-21"]
