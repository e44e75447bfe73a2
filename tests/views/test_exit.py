"""What a fresh Python does with views: it ends in silence, whatever is left open, and neither crashes nor hangs."""

import textwrap

import pytest

from tests.views.lakes import Place, put_days, run_script

START = "import sys, duckdb, lakekit as lk\nlake = lk.open_lake(sys.argv[1])\n"

SCRIPTS = {
    "plain connections and their relations": """
        con, other = duckdb.connect(), duckdb.connect()
        relation = lake["t"].duckdb(con)
        assert con.execute("SELECT sum(x) FROM t").fetchall() == relation.aggregate("sum(x)").fetchall()
        lk.open_table(sys.argv[1] + "/t").duckdb(other)
        other.execute("SELECT x FROM t")  # and its rows are not asked for
        print(con.execute("SELECT sum(x) FROM t").fetchall()[0][0])
    """,
    "the lake's connection and an error in a variable": """
        con = lake.duckdb
        try:
            lake.sql("SELECT CAST(s AS INTEGER) FROM t").fetchall()
        except duckdb.Error as exc:
            error = exc
        print(con.execute("SELECT sum(x) FROM t").fetchall()[0][0])
    """,
    "relations of the lake, and a refresh": """
        unread = lake.sql("SELECT sum(x) FROM t")
        narrowed = lake.sql("SELECT sum(x) FROM t WHERE n % 1 = 0 AND day(day) < 32")
        relation = lake.sql("SELECT * FROM t").filter("n > 0").aggregate("sum(x)")
        lake.refresh()
        assert narrowed.fetchall() == relation.fetchall()
        print(relation.fetchall()[0][0])
    """,
    "a stream that was not read to its end": """
        reader = lake.sql("SELECT x FROM t").to_arrow_reader(1)
        reader.read_next_batch()
        print(231)
    """,
    "frames, and a reader left in the middle": """
        frame = lake.polars("t")
        reader = lake["t"].arrow()
        reader.read_next_batch()
        print(frame.select("x").sum().collect().item())
    """,
    "several lakes": """
        lakes = [lk.open_lake(sys.argv[1]) for _ in range(3)]
        print(sum(lake.sql("SELECT sum(x) FROM t").fetchall()[0][0] for lake in lakes) // 3)
    """,
    "the default connection": """
        lake["t"].duckdb(name="mine")
        lake["t"].refresh()
        print(duckdb.sql("SELECT sum(x) FROM mine").fetchall()[0][0])
    """,
    "a view made through a cursor": """
        con = duckdb.connect()
        lake["t"].duckdb(con.cursor(), "t")
        assert con.execute("SELECT sum(x) FROM t").fetchall() == [(231,)]
        lake["t"].refresh()
        print(con.cursor().execute("SELECT sum(x) FROM t").fetchall()[0][0])
    """,
    "cursors that outlive their connections": """
        con = duckdb.connect()
        lake["t"].duckdb(con, "t")
        cursor, other = con.cursor(), lake.duckdb.cursor()
        del con, lake
        assert cursor.execute("SELECT sum(x) FROM t").fetchall() == other.execute("SELECT sum(x) FROM t").fetchall()
        print(other.execute("SELECT sum(x) FROM t").fetchall()[0][0])
    """,
    "relations of a lake that is gone": """
        relation = lk.open_lake(sys.argv[1]).sql("SELECT sum(x) FROM t WHERE n % 1 = 0")
        derived = lk.open_lake(sys.argv[1]).sql("SELECT * FROM t").filter("n > 0").aggregate("sum(x)")
        assert relation.fetchall() == derived.fetchall()
        print(relation.fetchall()[0][0])
        sys.exit()
    """,
}


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_ends_in_silence(tmp_path, script):
    put_days(Place(str(tmp_path)))
    assert run_script(START + textwrap.dedent(SCRIPTS[script]), str(tmp_path)) == "231"  # 11 * (1 + … + 6)


def test_a_script_on_s3_ends_in_silence(tmp_path):
    script = """
        import lakekit as lk
        lake = lk.sample_lake()
        relation = lake.sql("SELECT round(sum(precip), 2) FROM weather")
        frame = lake.polars("weather")
        print(relation.fetchall(), frame.collect().height)
    """
    assert run_script(script) == "[(7.66,)] 2227"


THREADS = """
    import sys, threading, time
    import duckdb
    import lakekit as lk

    lake = lk.open_lake(sys.argv[1])
    queries = {"SELECT count(*) FROM t WHERE n % 2 = 1 AND x >= 0": 6, "SELECT count(*) FROM t WHERE x >= 0": 12}
    stop_at, wrong, right = time.monotonic() + 1, [], []
    sys.setswitchinterval(1e-5)

    def ask(query, expected):
        while time.monotonic() < stop_at:
            try:
                found = MAKE.execute_query(query)
            except duckdb.ResourceInUseException:  # DuckDB's answer to two calls at once on one connection
                continue
            (right if found == expected else wrong).append(found)

    threads = [threading.Thread(target=ask, args=item) for item in list(queries.items()) * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(wrong[:5], len(right) > 3)
"""
WAYS = {
    "one lake": "lake.sql(query).fetchall()[0][0]",
    "cursors of one lake": "lake.duckdb.cursor().execute(query).fetchall()[0][0]",
    "frames of one lake": "lake.polars('t').sql(query.replace('FROM t', 'FROM self')).collect().item()",
    "a lake for each query": "lk.open_lake(sys.argv[1]).sql(query).fetchall()[0][0]",
}


@pytest.mark.parametrize("way", WAYS)
def test_threads_get_the_right_answers_and_none_waits_for_ever(tmp_path, way):
    put_days(Place(str(tmp_path)))
    script = THREADS.replace("MAKE.execute_query(query)", WAYS[way])
    assert run_script(script, str(tmp_path), timeout_seconds=60) == "[] True"


def test_a_refresh_among_queries_of_other_threads_does_no_harm(tmp_path):
    put_days(Place(str(tmp_path)))
    script = """
        import sys, threading, time
        import duckdb
        import lakekit as lk

        lake = lk.open_lake(sys.argv[1])
        stop_at, wrong = time.monotonic() + 1, []
        lake.duckdb

        def ask():
            while time.monotonic() < stop_at:
                rows = lake.polars("t").select("x").sum().collect().rows()
                try:
                    rows += lake.duckdb.cursor().execute("SELECT sum(x) FROM t").fetchall()
                except duckdb.Error as exc:
                    if "StaleFile" not in str(exc):  # which a view may say that was made anew meanwhile
                        raise
                if set(rows) != {(231,)}:
                    wrong.append(rows)

        threads = [threading.Thread(target=ask) for _ in range(3)]
        for thread in threads:
            thread.start()
        while time.monotonic() < stop_at:
            lake.refresh()
        for thread in threads:
            thread.join()
        print(wrong)
    """
    assert run_script(script, str(tmp_path), timeout_seconds=60) == "[]"


def test_memory_stays_small_while_a_long_table_is_read(tmp_path):
    script = """
        import resource, sys
        import numpy as np
        import pyarrow as pa
        import pyarrow.parquet as pq
        import lakekit as lk

        def peak_mib():
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

        rows = pa.table({"x": np.random.default_rng(0).integers(0, 2**62, 3_000_000)})  # 23 MiB, which nothing packs
        for number in range(16):  # 366 MiB
            pq.write_table(rows, f"{sys.argv[1]}/t-{number}.parquet", use_dictionary=False, compression="none",
                           row_group_size=1_000_000)
        del rows
        table = lk.open_table(sys.argv[1])
        if sys.argv[2] == "duckdb":
            import duckdb
            con = duckdb.connect(config={"threads": 2})
            before = peak_mib()
            count = table.duckdb(con, "t").aggregate("count(x), max(x)").fetchall()[0][0]
        elif sys.argv[2] == "polars":
            import polars as pl
            frame = table.polars().select(pl.col("x").count(), pl.col("x").max().alias("most"))
            before = peak_mib()
            count = frame.collect(engine="streaming").item(0, 0)
        else:
            before = peak_mib()
            count = sum(batch.num_rows for batch in table.arrow())
        print(count, int(peak_mib() - before))
    """
    for engine in ("duckdb", "polars", "arrow"):
        folder = tmp_path / engine
        folder.mkdir()
        count, grown_mib = run_script(script, str(folder), engine).split()
        assert (engine, int(count)) == (engine, 48_000_000)
        assert int(grown_mib) < 345, engine  # READ_AHEAD_BYTES is 128 MiB, and the whole is 366
