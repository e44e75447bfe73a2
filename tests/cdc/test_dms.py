"""What AWS DMS writes, as Parquet and as CSV, in folders and on S3: full loads, changes, headers, dates, types."""

from datetime import date, datetime

import pyarrow as pa
import pytest
from conftest_cdc import at, collect_changes, read_both
