"""What tests of pruning share: comparisons, files with some columns, and which of them stay.

It must not hold tests.
"""

from typing import Any

import numpy as np
import pyarrow as pa

from lakekit.manifest.manifest import Manifest
from lakekit.manifest.predicates import Comparison, Predicate
from lakekit.manifest.pruning import choose_files, covers_all


def compare(column: str, operator: str, value: Any, kind: pa.DataType | None = None) -> Comparison:
    return Comparison(column, operator, pa.scalar(value, kind))


def kept(manifest: Manifest, predicate: Predicate) -> list[int]:
    """The numbers of the files that stay, in the order of their paths."""
    return np.flatnonzero(choose_files(manifest, predicate)).tolist()


def covered(manifest: Manifest, predicate: Predicate) -> list[int]:
    return np.flatnonzero(covers_all(manifest, predicate)).tolist()


def write_each(place, *files, **options):
    """Files 0, 1, 2, … with these columns; their manifest."""
    for number, columns in enumerate(files):
        place.write(f"{number}.parquet", columns, **options)
    return place.read()
