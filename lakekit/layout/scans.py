"""What it takes to read files of given sizes: requests, and seconds by a model.

It must not measure anything: the model is simple, and its parameters are arguments.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from lakekit.errors import InvalidArgument
from lakekit.units import MIB

WHOLE_FILE_BYTES = 1 * MIB  # up to here lakekit fetches a file in one GET; as in lakekit/views/filesystem.py
PART_BYTES = 8 * MIB  # of a larger file are asked for at a time; as in lakekit/views/pins.py


@dataclass(frozen=True)
class ScanModel:
    """What seconds are computed from; the defaults are assumptions, measure your own.

    Attributes:
        latency_ms: until the first byte of an answer.
        concurrency: readers at once; each reads one file at a time.
        bytes_per_second: of one reader.
    """

    latency_ms: float = 30.0
    concurrency: int = 16
    bytes_per_second: float = 64.0 * MIB

    def __post_init__(self) -> None:
        if not (self.latency_ms >= 0 and self.concurrency >= 1 and self.bytes_per_second > 0):
            raise InvalidArgument(
                f"{self} cannot be: no latency is below 0, and without readers or bandwidth nothing is read.",
                hint="lk.sizing.ScanModel(latency_ms=30) keeps the other two.",
            )


def scan_seconds(size_bytes: int, *, requests: int, files: int, model: ScanModel | None = None) -> float:
    """How long a scan lasts, by a model: requests / readers × latency + bytes / (readers × bandwidth).

    Readers are ``concurrency``, but no more than files. Decoding, throttling and skew are left out, so that it is a
    floor; nothing that is read lasts less than one latency.

    Example:
        >>> scan_seconds(0, requests=72, files=72, model=ScanModel(latency_ms=30, concurrency=16))  # 4.5 x 0.030
        0.135
    """
    model = model or ScanModel()
    if not files:
        return 0.0
    readers = min(model.concurrency, files)
    return max(1.0, requests / readers) * model.latency_ms / 1000 + size_bytes / (readers * model.bytes_per_second)


def count_requests(size_bytes: pl.Series) -> pl.DataFrame:
    """For each file the GETs of lakekit (``requests``), and those with the HEAD and the footer (``engine_requests``).

    A file of 1 MiB at most is one GET for lakekit; of a larger one whose footer is cached, one GET for each 8 MiB.
    """
    size = pl.col("size_bytes")
    data = ((size + PART_BYTES - 1) // PART_BYTES).clip(1)
    frame = pl.DataFrame({"size_bytes": size_bytes.cast(pl.Int64)})
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
