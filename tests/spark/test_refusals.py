"""What cannot work on Spark is told, soon and with a hint: no session, a server gone, tasks without lakekit."""

import re
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pytest

import lakekit as lk
from lakekit import InvalidArgument, MissingPackage, StorageFailed
from lakekit.spark import session as sessions
from lakekit.spark.scan import Scan
from lakekit.spark.source import make_source
from lakekit.spark.types import spark_schema
from tests.publish.places import make_bucket
from tests.views.lakes import make_place


@pytest.fixture
def table(folder):
    """One file with one number."""
    folder.put("t/a.parquet", pa.table({"x": [1]}))
    return folder.open_table()


def make_reader(table):
    """What Spark's tasks do, in this process."""
    scan = Scan(table.manifest, table.store, pa.schema([("x", pa.int64())]))
    return make_source("in_this_process", scan, spark_schema(scan.columns), pushes=False)({}).reader(None)


def test_a_session_that_is_none_is_refused(table):
    with pytest.raises(InvalidArgument, match=r"(?s)session is a str.*Hint: SparkSession.builder.remote"):
        table.spark("sc://127.0.0.1")


@pytest.mark.usefixtures("spark")  # which imports PySpark as a process without a main module must
def test_a_server_that_does_not_answer_is_told_soon(table, monkeypatch):
    from pyspark.sql import SparkSession

    monkeypatch.setattr(sessions, "ANSWER_SECONDS", 0.5)
    session = SparkSession.builder.remote("sc://127.0.0.1:9").create()  # discard: nobody listens
    session.release_session_on_close = False
    try:
        with pytest.raises(StorageFailed, match=r"(?s)Spark at 127.0.0.1 did not answer within 0.5 .*Hint: is its"):
            table.spark(session)
    finally:
        session.stop()


def test_a_stopped_session_is_refused(spark, table):
    from pyspark.sql import SparkSession

    session = SparkSession.builder.remote(spark.url).create()
    session.stop()
    with pytest.raises(InvalidArgument, match=r"(?s)was stopped.*Hint: .*lk.embedded_spark"):
        table.spark(session)


@pytest.mark.filterwarnings("ignore:.*RETRIES_EXCEEDED")  # PySpark's, from a thread of its own as well
def test_a_spark_that_has_ended_is_told_and_a_query_does_not_wait_for_minutes(table):
    spark = lk.embedded_spark()
    frame = table.spark(spark.session)
    spark._process.kill()
    spark._process.wait()
    start = time.monotonic()
    with pytest.raises(Exception, match="(?i)connect|unavailable"):
        frame.collect()
    assert time.monotonic() - start < 30  # 0.05 + 0.2 + 0.8 + 3.2 s of waiting, and up to 0.5 s of chance
    spark.stop()
    with pytest.raises(InvalidArgument, match=r"(?s)has ended.*Hint: lk.embedded_spark\(\) starts another"):
        _ = spark.session


def test_tasks_whose_python_lacks_lakekit_say_which_python_that_is(table, monkeypatch):
    reader = make_reader(table)
    assert [batch.to_pydict() for batch in reader.read(reader.partitions()[0])] == [{"x": [1]}]
    monkeypatch.setitem(sys.modules, "lakekit.spark.source", None)  # as Python has it where a module is not
    expected = rf"(?s)cannot import lakekit \({re.escape(sys.executable)}, Python 3.*Hint: pip install lakekit=="
    with pytest.raises(ImportError, match=expected):
        reader.partitions()


def test_tasks_with_another_lakekit_say_which_is_wanted(table, monkeypatch):
    reader = make_reader(table)
    monkeypatch.setattr(lk, "__version__", "9.9.9")
    with pytest.raises(MissingPackage, match=r"(?s)made by lakekit 0\..* have lakekit 9.9.9.*Hint: pip install"):
        reader.partitions()


def test_an_archived_file_is_told_and_the_others_are_read(session, tmp_path):
    place = make_place("s3", tmp_path)
    place.put("t/k=1/a.parquet", pa.table({"x": [1]}))
    place.put("t/k=2/a.parquet", pa.table({"x": [2]}), storage_class="GLACIER")
    table = place.open_table()
    frame = table.spark(session)
    assert [row.x for row in frame.where("k = 1").collect()] == [1]
    with pytest.raises(Exception, match=r"(?s)ArchivedFile: .*k=2/a.parquet.*GLACIER.*Hint: "):
        frame.collect()


def test_keys_of_the_storage_show_neither_in_plans_nor_in_errors_nor_in_spark_s_log(spark, session, capsys):
    place = make_bucket()
    place.put("t/a.parquet", b"PAR1 not a file PAR1")
    place.put("t/b.parquet", pa.table({"x": [1]}))
    secret = place.storage.secret_access_key.reveal()
    frame = place.open_table().spark(session)
    frame.explain(True)
    plan = capsys.readouterr().out
    assert "lakekit" in plan or "Python" in plan
    with pytest.raises(Exception, match="CorruptFile") as caught:
        frame.collect()
    log = Path(spark._folder.name, "spark.log").read_text()
    told = f"{plan} {caught.value} {caught.value!r} {frame} {frame.schema} {log}"
    assert secret not in told
    assert max(map(len, told.split())) < 250  # nor packed: bytes, base64 or hex of a scan are a thousand signs and more
    table = place.open_table()
    scan = Scan(table.manifest, table.store, pa.schema([("x", pa.int64())]))
    assert secret not in f"{scan} {make_reader(table).partitions()}"


def test_without_pyspark_the_extra_is_named(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        "import sys; sys.modules['pyspark'] = None\n"
        "import lakekit as lk\n"
        "for ask in (lambda: lk.open_table('data/sample/lake/airlines').spark(None), lk.embedded_spark):\n"
        "    try: ask()\n"
        "    except lk.MissingPackage as error: print(error.hint)\n"
    )
    run = subprocess.run([sys.executable, program], capture_output=True, text=True, timeout=60)
    assert run.stdout.split("\n")[:2] == ['pip install "lakekit[spark]"'] * 2, run.stderr
