"""Small files into a DuckLake, and merged there, in an environment of its own: started by ``compaction.py``.

    python ducklake.py LAKE TO

It must not import lakekit. It prints one line of JSON: seconds, the files that the catalog names afterwards, and for
each step what it gave or why it was refused.
"""

from __future__ import annotations

import importlib.util
import json
import sys
import time
from pathlib import Path

import duckdb

STEPS = {
    "add files": "CALL ducklake_add_data_files('lake', 'events', '{lake}/**/*.parquet', hive_partitioning => true)",
    "merge": "CALL ducklake_merge_adjacent_files('lake')",
    "clean up": "CALL ducklake_cleanup_old_files('lake', cleanup_all => true)",
}


def find_extension(name: str) -> Path:
    """DuckDB's own signed file, as the wheel on PyPI carries it."""
    package = importlib.util.find_spec(f"duckdb_extension_{name}")
    return next(Path(package.submodule_search_locations[0]).rglob(f"{name}.duckdb_extension"))


def open_catalog(lake: Path, to: Path) -> duckdb.DuckDBPyConnection:
    """A DuckLake, its catalog a DuckDB file, with an empty table that is partitioned as the folders are."""
    con = duckdb.connect(config={"autoinstall_known_extensions": False, "autoload_known_extensions": False})
    con.execute(f"LOAD '{find_extension('ducklake')}'")
    to.mkdir()
    con.execute(f"ATTACH 'ducklake:{to}/catalog.ducklake' AS lake (DATA_PATH '{to}/data/')")
    columns = f"SELECT * FROM read_parquet('{lake}/**/*.parquet', hive_partitioning = true) LIMIT 0"
    con.execute(f"CREATE TABLE lake.events AS {columns}")
    con.execute("ALTER TABLE lake.events SET PARTITIONED BY (day)")
    return con


def main(lake: Path, to: Path) -> None:
    con, told = open_catalog(lake, to), {}
    started = time.perf_counter()
    for step, call in STEPS.items():
        try:
            told[step] = len(con.execute(call.format(lake=lake)).fetchall())
        except duckdb.Error as error:
            told[step] = str(error).partition("\n")[0][:200]
    seconds = time.perf_counter() - started
    files = [row[0] for row in con.execute("SELECT data_file FROM ducklake_list_files('lake', 'events')").fetchall()]
    rows = con.execute("SELECT count(*), sum(id)::BIGINT, round(sum(price), 2), count(day) FROM lake.events").fetchone()
    print(json.dumps({"seconds": seconds, "files": files, "steps": told, "rows": [str(one) for one in rows]}))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:3]))
