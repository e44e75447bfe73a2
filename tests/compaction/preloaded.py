"""What a child of the fork server has loaded before it begins; nothing here may start a thread."""

import deltalake  # noqa: F401
import duckdb  # noqa: F401
import polars  # noqa: F401
import pyarrow.parquet  # noqa: F401

import lakekit.compaction
import lakekit.lake
import lakekit.views.duckdb
import lakekit.views.polars  # noqa: F401
