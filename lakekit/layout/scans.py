"""What it takes to read files of given sizes: requests, and seconds by a model.

It must not measure anything: the model is simple, and its parameters are arguments.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import polars as pl

from lakekit.errors import InvalidArgument
from lakekit.units import MIB

WHOLE_FILE_BYTES = 1 * MIB  # up to here lakekit fetches a file in one GET; as in lakekit/views/filesystem.py
PART_BYTES = 8 * MIB  # of a larger file are asked for at a time; as in lakekit/views/pins.py


@dataclass(frozen=True)
class ScanModel:
    """What seconds are computed from; readers as measured, latency and bandwidth assumed: measure your own.

    Measured, 240 files of 22 KiB at 30 ms on 2 cores, 2026-11. DuckDB 1.5.5 with httpfs as installed: 480 GETs and 240
    HEADs, 2 at once, 12.3 s; the model says 10.8 s. lakekit: 240 GETs at once, 0.25 s; the model says 0.03 s, for
    latency and bandwidth alone are a floor: with so many requests at once, what one of them makes the processor do
    decides. That is about 1 ms: with ``compute_ms=1`` the model says 0.24 s, and for 2,920 such files 2.97 s in place
    of 0.40 s. On a machine whose cores twenty others want it takes as many times longer: no model of S3 tells that.

    Attributes:
        latency_ms: until the first byte of an answer.
        concurrency: readers of lakekit at once; each reads one file at a time.
        bytes_per_second: of one reader.
        link_bytes_per_second: of all readers together; 10 Gbit/s if not given.
        engine_concurrency: readers of an engine as installed: DuckDB reads with as many as it has threads.
        compute_ms: of one processor for each request of lakekit, one after another, while others are waited for; 0
            leaves it out, and the seconds are a floor. Of an engine as installed it is not counted.
    """

    latency_ms: float = 30.0
    concurrency: int = 256
    bytes_per_second: float = 64.0 * MIB
    link_bytes_per_second: float = 1.25e9
    engine_concurrency: int = 2
    compute_ms: float = 0.0

    def __post_init__(self) -> None:
        readers = min(self.concurrency, self.engine_concurrency)
        bandwidth = min(self.bytes_per_second, self.link_bytes_per_second)
        if not (self.latency_ms >= 0 and self.compute_ms >= 0 and readers >= 1 and bandwidth > 0):
            raise InvalidArgument(
                f"{self} cannot be: no time is below 0, and without readers or bandwidth nothing is read.",
                hint="lk.sizing.ScanModel(latency_ms=30) keeps the others.",
            )


def model_engine(model: ScanModel) -> ScanModel:
    """The same latency and bandwidth, with the readers of an engine as installed."""
    return replace(model, concurrency=model.engine_concurrency, compute_ms=0.0)


def scan_seconds(size_bytes: int, *, requests: int, files: int, model: ScanModel | None = None) -> float:
    """How long a scan lasts, by a model: requests / readers × latency + bytes / (readers × bandwidth).

    Readers are ``concurrency``, but no more than files; together they have no more than the link. Where ``compute_ms``
    is given, requests × compute_ms takes the place of the waiting if it is longer. Throttling and skew are left out, so
    that it is a floor; nothing that is read lasts less than one latency.

    Example:
        >>> scan_seconds(0, requests=72, files=72, model=ScanModel(latency_ms=30, concurrency=16))  # 4.5 x 0.030
        0.135
    """
    model = model or ScanModel()
    if not files:
        return 0.0
    readers = min(model.concurrency, files)
    bandwidth = min(readers * model.bytes_per_second, model.link_bytes_per_second)
    waiting_ms = max(1.0, requests / readers) * model.latency_ms
    return max(waiting_ms, requests * model.compute_ms) / 1000 + size_bytes / bandwidth


def count_requests(size_bytes: pl.Series, row_groups: pl.Series | None = None) -> pl.DataFrame:
    """For each file the GETs of lakekit (``requests``), and those with the HEAD and the footer (``engine_requests``).

    A file of 1 MiB at most is one GET for lakekit; of a larger one, whose footer is cached, each row group is one for
    each 8 MiB. An unknown number of row groups counts as one; they are taken to be of one size.

    Example:
        >>> count_requests(pl.Series([2**20, 2**24, 2**24]), pl.Series([9, None, 4]))["requests"].to_list()
        [1, 2, 4]
    """
    size, groups = pl.col("size_bytes"), pl.col("row_groups").fill_null(1).clip(1)
    each = (size + groups - 1) // groups
    parts = groups * ((each + PART_BYTES - 1) // PART_BYTES).clip(1)
    data = pl.when(size <= WHOLE_FILE_BYTES).then(1).otherwise(parts)
    known = pl.Series([None], dtype=pl.Int64).new_from_index(0, len(size_bytes)) if row_groups is None else row_groups
    frame = pl.DataFrame({"size_bytes": size_bytes.cast(pl.Int64), "row_groups": known.cast(pl.Int64)})
    return frame.select(requests=data, engine_requests=data + 2)


def compare_file_sizes(size_bytes: int, *, model: ScanModel | None = None) -> pl.DataFrame:
    """The same bytes in files of 64 KiB to 16 GiB: file_bytes, files, requests, seconds. Too small and too big lose.

    Small files cost a latency each; files fewer than readers leave readers idle.
    """
    rows = []
    for power in range(16, 35):
        files = max(1, -(-size_bytes // 2**power))
        each = min(size_bytes, 2**power)
        requests = files * max(1, -(-each // PART_BYTES))
        rows.append((2**power, files, requests, scan_seconds(size_bytes, requests=requests, files=files, model=model)))
    schema = {"file_bytes": pl.Int64, "files": pl.Int64, "requests": pl.Int64, "seconds": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row")
