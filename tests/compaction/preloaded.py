"""What a child of the fork server has loaded before it begins, all that its work loads; nothing may start a thread."""

import deltalake  # noqa: F401
import duckdb  # noqa: F401
import platformdirs  # noqa: F401
import polars  # noqa: F401
import pyarrow as pa
import pyarrow.parquet  # noqa: F401

import tests.compaction.workers  # noqa: F401

pa.array([1])  # loads pandas where it is, and asks no more for it where it is not
