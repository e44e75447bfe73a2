"""The file system that DuckDB reads through: files as stored, with padding before their footer, and nothing else."""

import io
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakekit import StaleFile
from lakekit.units import MIB
from lakekit.views.filesystem import FILE_SYSTEM, PADDING_BYTES, Gate, MemoryFile, StoredFile
from tests.views.lakes import Place, to_parquet

MOMENT = datetime.fromisoformat("2024-01-01")


@pytest.fixture
def stored(place) -> tuple[StoredFile, bytes]:
    """A file of three row groups as it is shown, and as it was written."""
    content = to_parquet(pa.table({"x": list(range(3_000))}), row_group_size=1_000, compression="none")
    place.put("t/a.parquet", content)
    table = place.open_table()
    (etag,) = table.files["etag"]
    footer = content[-int.from_bytes(content[-8:-4], "little") - 8 :]
    data_bytes = len(content) - len(footer)
    return StoredFile(table.store, "a.parquet", etag, len(content), data_bytes, footer, MOMENT), content


def test_a_stored_file_is_parquet_with_padding_before_its_footer(stored):
    file, content = stored
    shown = bytes(file.read(0, file.size_bytes))
    assert file.size_bytes == len(content) + PADDING_BYTES == len(shown)
    assert shown.replace(b"\0" * PADDING_BYTES, b"", 1) == content or pq.read_table(io.BytesIO(shown)).num_rows == 3_000
    assert pq.read_table(io.BytesIO(shown))["x"].to_pylist() == list(range(3_000))


def test_any_range_is_the_same_bytes(stored):
    file, _ = stored
    whole = bytes(file.read(0, file.size_bytes))
    data_end = file.stored_bytes - len(file.footer)
    edges = [0, 4, data_end - 1, data_end, data_end + 1, data_end + PADDING_BYTES, file.size_bytes - 8, file.size_bytes]
    for start in edges:
        for end in edges:
            if start < end:
                assert bytes(file.read(start, end - start)) == whole[start:end], (start, end)


def test_the_end_of_a_file_costs_no_request(stored):
    file, _ = stored
    before = file.store.requests.snapshot()
    file.read(file.size_bytes - 8, 8)
    file.read(file.size_bytes - len(file.footer) - PADDING_BYTES, PADDING_BYTES + len(file.footer))
    assert file.store.requests.since(before)["GET"] == 0


def test_a_file_in_memory_is_read_in_ranges():
    file = MemoryFile(b"0123456789", MOMENT)
    assert (file.size_bytes, file.read(2, 3), file.read(8, 5)) == (10, b"234", b"89")


def test_an_unknown_view_is_not_found():
    with pytest.raises(FileNotFoundError, match="No open lakekit table 'nobody'"):
        FILE_SYSTEM.open("lakekit://nobody/x.parquet")


def test_nothing_is_written(tmp_path):
    place = Place(str(tmp_path))
    place.put("t/a.parquet", pa.table({"x": [1]}))
    view = place.open_table().view
    with pytest.raises(PermissionError, match="not written"):
        FILE_SYSTEM.open(f"lakekit://{view.token}/a.parquet", "wb")


def test_a_name_that_the_table_no_longer_has_is_stale(tmp_path):
    place = Place(str(tmp_path))
    place.put("t/a.parquet", pa.table({"x": [1]}))
    view = place.open_table().view
    assert view.plan.sql()
    with pytest.raises(StaleFile, match="no longer a file of t"):
        FILE_SYSTEM.open(f"lakekit://{view.token}/other.parquet")


def test_a_read_waits_while_64_mib_are_under_way_and_one_larger_than_that_is_alone():
    gate, entered = Gate(), threading.Event()

    def enter(size_bytes):
        with gate.enter(size_bytes):
            entered.set()

    with gate.enter(30 * MIB):
        with gate.enter(34 * MIB):  # 64 in all
            thread = threading.Thread(target=enter, args=(1,))
            thread.start()
            assert not entered.wait(0.1)
        assert entered.wait(10)
        thread.join()
        entered.clear()
        thread = threading.Thread(target=enter, args=(200 * MIB,))
        thread.start()
        assert not entered.wait(0.1)
    assert entered.wait(10)
    thread.join()


@pytest.fixture
def restless_threads():
    """Python gives each thread a microsecond before another may have its turn, and not 5 ms."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


def test_threads_that_read_one_file_at_once_get_what_each_asks_for(s3, restless_threads):
    numbers = {name: list(range(start, start + 200_000)) for name, start in zip("abcd", range(4), strict=True)}
    s3.put("t/a.parquet", to_parquet(pa.table(numbers), row_group_size=20_000, compression="none"))
    lake = s3.open_lake()
    asked = "SELECT sum(a), sum(b), sum(c), sum(d) FROM t WHERE a + b + c + d >= 0"
    for _ in range(20):
        assert lake.duckdb.execute(asked).fetchall() == [tuple(sum(column) for column in numbers.values())]


def test_a_thread_reads_where_it_has_sought(place):
    content = to_parquet(pa.table({"x": list(range(1_000))}), compression="none")
    place.put("t/a.parquet", content)
    view = place.open_table().view
    assert view.plan.sql()
    handle = FILE_SYSTEM.open(f"lakekit://{view.token}/a.parquet")
    assert handle.seek(8) == 8

    def read_elsewhere() -> None:
        with pytest.raises(io.UnsupportedOperation, match="did not seek"):
            handle.read(1)
        handle.seek(100)
        assert handle.read(50) == content[100:150]
        assert handle.tell() == 150

    with ThreadPoolExecutor(1) as other:
        other.submit(read_elsewhere).result()
    assert handle.read(10) == content[8:18]
    assert handle.read(10) == content[18:28]
    assert (handle.seek(-4, io.SEEK_END), handle.seek(-4, io.SEEK_CUR)) == (handle.size - 4, handle.size - 8)
