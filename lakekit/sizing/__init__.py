"""How the files of a table lie: their sizes and costs, and which partitions and order its queries would profit from.

It must not write, nor ask the store for anything: the manifest is enough.
"""

from lakekit.layout.sizing import (
    ScanModel,
    SizeReport,
    Sizes,
    compare_file_sizes,
    example_files,
    report,
    scan_seconds,
)
from lakekit.sizing.advice import Advice, partition_advice

__all__ = [
    "Advice",
    "ScanModel",
    "SizeReport",
    "Sizes",
    "compare_file_sizes",
    "example_files",
    "partition_advice",
    "report",
    "scan_seconds",
]
