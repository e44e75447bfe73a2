"""The two lakes that the benchmark reads: a drifted year of small files, and a few large ones.

It must not be read by anything but the benchmark.
"""

from __future__ import annotations

import datetime as dt
import io
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

DAYS, FILES_A_DAY, ROWS_A_FILE = 365, 8, 400  # 2,920 files of about 22 KiB
BIG_FILES, BIG_ROWS = 8, 2_000_000  # about 128 MB each
FIRST_DAY = dt.date(2023, 1, 1)
MONTH = (dt.date(2023, 3, 1), dt.date(2023, 3, 30))  # 30 days, 240 files


def small_file(day: int, number: int) -> bytes:
    """One file of the year: ``qty`` is whole until July and fractional then, ``extra`` comes in September."""
    rng = np.random.default_rng(day * FILES_A_DAY + number)
    n = ROWS_A_FILE
    columns: dict[str, Any] = {
        "id": np.arange(n) + (day * FILES_A_DAY + number) * n,
        "user": rng.integers(0, 10**9, n),
        "amount": rng.random(n) * 100,
        "score": rng.random(n),
        "lat": rng.random(n),
        "lon": rng.random(n),
        "qty": rng.integers(0, 100, n) if day < 180 else rng.random(n) * 100,
        "kind": rng.choice(["view", "click", "buy"], n),
    }
    if day >= 250:
        columns["extra"] = rng.random(n)
    return _write(pa.table(columns))


def big_file(number: int) -> bytes:
    """One large file: eight columns of random numbers."""
    rng = np.random.default_rng(number)
    return _write(pa.table({f"c{index}": rng.random(BIG_ROWS) for index in range(8)}), row_group_size=250_000)


def _write(table: pa.Table, **options: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd", **options)
    return sink.getvalue()


def upload_small(store: Any) -> None:
    """Put the year under ``year/events/date=…/``."""

    def put(place: tuple[int, int]) -> None:
        day, number = place
        store.put(f"year/events/date={FIRST_DAY + dt.timedelta(day)}/part-{number}.parquet", small_file(day, number))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(put, [(day, number) for day in range(DAYS) for number in range(FILES_A_DAY)]))


def upload_big(store: Any) -> None:
    """Put the large files under ``big/numbers/``."""
    for number in range(BIG_FILES):
        store.put(f"big/numbers/part-{number}.parquet", big_file(number))


def month_keys() -> list[str]:
    """The keys of the month's files."""
    days = (MONTH[1] - MONTH[0]).days + 1
    dates = [MONTH[0] + dt.timedelta(day) for day in range(days)]
    return [f"year/events/date={date}/part-{number}.parquet" for date in dates for number in range(FILES_A_DAY)]


def big_keys() -> list[str]:
    """The keys of the large files."""
    return [f"big/numbers/part-{number}.parquet" for number in range(BIG_FILES)]
