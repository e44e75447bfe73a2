"""A batch streams: what is in memory stays under a bound that does not grow with the source."""

import subprocess
import sys

import pytest

WRITE = """
import functools, resource, sys
import pyarrow as pa
import pyarrow.compute as pc
from lakekit.ingest import spill, write_batch, writing
from lakekit.units import MIB

url = sys.argv[1]
text_of_all = "fifty letters or so are the text of each row"

writing.Fillings = functools.partial(spill.Fillings, most_held_bytes=16 * MIB)  # 64 MiB as a rule
writing.MOST_SORTED_BYTES = 16 * MIB  # 128 MiB as a rule

def make(parts):
    base = pa.array(range(65_536), pa.int64())
    for number in range(parts):
        shifted = pc.add(base, number * 65_536)
        text = pc.binary_join_element_wise(shifted.cast(pa.string()), text_of_all, "-")
        yield pa.record_batch({"k": pc.bit_wise_and(shifted, 7), "n": shifted, "text": text})

def read(parts):
    return pa.RecordBatchReader.from_batches(next(make(1)).schema, make(parts))

write_batch(read(1), url + "-warm", batch_id="warm", partition_by="k")  # what is loaded once
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # KiB on Linux
before = peak()
done = write_batch(read(96), url, batch_id="x", partition_by="k", target_file_bytes=16 * MIB, sort_by="n")
print((peak() - before) // MIB, done.rows)
"""
MOST_MIB = 144  # with the limits an eighth of the usual: 16 that wait, 16 sorted with a copy, and what is encoded


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss has another unit elsewhere")
def test_a_stream_three_times_the_bound_is_written_sorted_within_it(tmp_path):
    command = [sys.executable, "-c", WRITE, str(tmp_path / "table")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    grown_mib, rows = map(int, done.stdout.split())
    print(f"peak grew by {grown_mib} MiB")
    # 96 x 65,536 rows of 8 + 8 + 4 and some 52 letters are 432 MiB in memory
    assert rows == 96 * 65_536
    assert grown_mib < MOST_MIB
