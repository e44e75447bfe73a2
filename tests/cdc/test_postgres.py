"""A table of PostgreSQL moved into the lake, for real, where the server's programs and psycopg are installed."""

import os
import shutil
import subprocess
import tempfile
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

import lakekit as lk
from lakekit.errors import InvalidArgument

psycopg = pytest.importorskip("psycopg", reason="psycopg, PostgreSQL's driver, is not installed")
PROGRAMS = [
    Path(path).parent for path in ("/usr/bin/initdb", *map(str, Path("/usr/lib/postgresql").glob("*/bin/initdb")))
]


@pytest.fixture(scope="module")
def con():
    """A connection to a server of this test's own, that listens on a socket alone."""
    programs = next((folder for folder in PROGRAMS if (folder / "initdb").exists()), None)
    if programs is None:
        pytest.skip("PostgreSQL's server (initdb, pg_ctl) is not installed")
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    other = {"user": "postgres"} if hasattr(os, "geteuid") and os.geteuid() == 0 else {}  # it refuses to run as root
    if other:
        shutil.chown(folder, "postgres")
    data, quiet = str(folder / "data"), {"check": True, "stdout": subprocess.DEVNULL, "cwd": folder, **other}
    subprocess.run([programs / "initdb", "-D", data, "-A", "trust", "-U", "test"], **quiet)
    start = [programs / "pg_ctl", "-D", data, "-w", "-l", str(folder / "log"), "-o", f"-k {folder} -h ''", "start"]
    subprocess.run(start, **quiet)
    try:
        with psycopg.connect(host=str(folder), user="test", dbname="postgres") as con:
            yield con
    finally:
        subprocess.run([programs / "pg_ctl", "-D", data, "-m", "immediate", "stop"], **quiet)
        shutil.rmtree(folder, ignore_errors=True)


def test_a_table_of_postgresql_goes_into_the_lake_with_its_types(con, tmp_path):
    con.execute(
        "CREATE TABLE users (id int PRIMARY KEY, name varchar(20), price numeric(9,2), big numeric, "
        '"Seen" timestamptz, doc jsonb, born date, ok bool)'
    )
    con.execute(
        "INSERT INTO users SELECT i, 'n' || i, i + 0.5, 100000000000000000000, timestamptz '2026-01-05 12:00:00+01' "
        "+ i * interval '1 second', '{\"a\": 1}', '2026-01-31', true FROM generate_series(1, 25000) i"
    )
    con.commit()
    options = {"key": "id", "watermark": "Seen", "columns": {"big": "decimal(38,0)"}}
    with pytest.raises(InvalidArgument, match="does not tell the types of big"):
        lk.cdc.extract(con, "users", tmp_path / "lake", key="id", watermark="Seen")
    con.rollback()
    run = lk.cdc.extract(con, "users", tmp_path / "lake", **options)
    con.commit()
    # 11:00:00 UTC and 25,000 seconds, which are 6 hours, 56 minutes and 40 seconds
    assert run.inserted == 25_000 and run.checkpoint == datetime(2026, 1, 5, 17, 56, 40, tzinfo=UTC)
    con.execute("UPDATE users SET name = '100%', \"Seen\" = '2026-01-06 00:00:00+00' WHERE id % 1000 = 0")
    con.commit()
    run = lk.cdc.extract(con, "SELECT * FROM users WHERE name LIKE '%'", tmp_path / "lake", **options)
    con.commit()
    assert run.updated == 25
    con.execute("DELETE FROM users WHERE id > 24990")
    con.commit()
    run = lk.cdc.extract(
        con, "users", tmp_path / "lake", snapshot=True, as_of=datetime(2026, 1, 7, tzinfo=UTC), **options
    )
    con.commit()
    assert (run.inserted, run.updated, run.deleted) == (0, 0, 10)
    rows = run.open_state().polars().collect()
    assert rows.height == 24_990
    seen = datetime(2026, 1, 6, tzinfo=UTC)
    row = (1000, "100%", Decimal("1000.50"), Decimal(10**20), seen, '{"a": 1}', datetime(2026, 1, 31).date(), True)  # noqa: DTZ001
    assert rows.filter(rows["id"] == 1000).rows() == [row]
