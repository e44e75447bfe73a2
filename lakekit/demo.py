"""The main job in one run, on the sample: ``python -m lakekit.demo``.

It must not need anything but lakekit: no account, no network.
"""

from __future__ import annotations

import time

import polars as pl

import lakekit as lk

QUERY = """
SELECT origin, count(*) AS flights, round(avg(dep_delay), 1) AS mean_delay_minutes
FROM flights
WHERE date BETWEEN DATE '2013-03-04' AND DATE '2013-03-10'
GROUP BY origin
ORDER BY origin
"""


def ask_polars(lake: lk.Lake) -> pl.DataFrame:
    """The query of this demo, in Polars."""
    return (
        lake.polars("flights")
        .filter(pl.col("date").is_between(pl.date(2013, 3, 4), pl.date(2013, 3, 10)))
        .group_by("origin")
        .agg(flights=pl.len().cast(pl.Int64), mean_delay_minutes=pl.col("dep_delay").mean().round(1))
        .sort("origin")
        .collect()
    )


def main() -> None:
    """Print the overview, the drift, one query through both engines, and what each asked of S3."""
    started = time.perf_counter()
    print("Starting an S3 in this process and loading the sample ...")
    lake = lk.sample_lake()
    print(f"Opened in {time.perf_counter() - started:.1f} s.\n")
    print(lake, end="\n\n")
    print("What differs between the files of weather:\n")
    print(lake["weather"].drift, end="\n\n")
    total = lake.sql("SELECT round(sum(precip), 2) FROM weather").fetchall()[0][0]
    print(
        f"Rain in March, in inches: {total}. (DuckDB on its own says 0: the first file's precip is a whole number.)\n"
    )
    print(f"One week of flights, of a month in 31 files:{QUERY}")
    requests = lake["flights"].store.requests
    answers = {}
    for engine, ask in (("DuckDB", lambda: lake.sql(QUERY).pl()), ("Polars", lambda: ask_polars(lake))):
        before = requests.snapshot()
        begun = time.perf_counter()
        answers[engine] = ask()
        seconds = time.perf_counter() - begun
        asked = requests.since(before)
        counts = ", ".join(f"{asked[kind]} {kind}" for kind in ("GET", "HEAD", "LIST"))
        print(f"{engine} asked S3 for {counts} ({lk.units.format_bytes(asked['bytes'])}) in {seconds:.2f} s.")
    print("What is fetched once stays on this computer: the second to ask found it there, as would you.")
    if not answers["DuckDB"].equals(answers["Polars"]):
        raise SystemExit(f"The engines disagree:\n{answers}")
    print("\nBoth answer:")
    with pl.Config(tbl_hide_dataframe_shape=True):
        print(answers["DuckDB"])


if __name__ == "__main__":
    main()
