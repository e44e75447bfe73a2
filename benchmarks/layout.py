"""Where the files of the table that the benchmark of scale makes up would lie.

It must not write anything.
"""

from __future__ import annotations

import datetime as dt

FIRST_DAY = dt.date(2024, 1, 1)
FILES_A_DAY = 250


def list_paths(files: int) -> list[str]:
    """Paths by day, sorted: 250 files a day."""
    days = -(-files // FILES_A_DAY)
    dates = [FIRST_DAY + dt.timedelta(day) for day in range(days)]
    return [f"date={date}/part-{number:05}-c000.snappy.parquet" for date in dates for number in range(FILES_A_DAY)][
        :files
    ]
