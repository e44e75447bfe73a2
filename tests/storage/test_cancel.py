"""Work that is interrupted, as by Cancel or Ctrl-C, stops asking, keeps what it has, and leaves all usable."""

import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import lakekit as lk
from lakekit.errors import MissingPackage

FILES = 600  # 256 at a time, each answered after a second: three rounds


@pytest.mark.skipif(os.name == "nt", reason="signals are of Unix")
def test_requests_stop_soon_and_the_next_try_goes_on_from_there():
    try:
        sandbox = lk.embedded_s3(latency_ms=3)
    except MissingPackage as error:
        pytest.skip(str(error))
    body = (lk.sample_folder() / "lake/airlines/part-0.parquet").read_bytes()
    sandbox.storage.boto3().create_bucket(Bucket="cancel")
    store = sandbox.storage.obstore("cancel")
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: store.put(f"t/{number}.parquet", body), range(FILES)))
    lk.open_table(lk.sample_folder() / "lake/airlines")  # everything is imported: an import is not to be interrupted
    sandbox.latency_ms = 1000
    sandbox.reset()
    began = time.monotonic()
    threading.Timer(2.5, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        lk.open_table("s3://cancel/t", storage=sandbox.storage)
    assert time.monotonic() - began < 2.5 + 1.5
    time.sleep(1.5)  # what was under way is answered or gone
    asked = sandbox.counts()["GET"]
    time.sleep(1.5)
    assert sandbox.counts()["GET"] == asked < FILES
    sandbox.latency_ms = 3
    sandbox.reset()
    assert lk.open_table("s3://cancel/t", storage=sandbox.storage).files.height == FILES
    assert sandbox.counts()["GET"] <= FILES
