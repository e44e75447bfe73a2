"""lakekit: a prefix of Parquet files as DuckDB and Polars views that agree, cost few requests, and say what they cost.

Names are loaded when they are first used: importing lakekit loads no engine and no S3 client.
"""

from __future__ import annotations

import importlib
from typing import Any

from lakekit import errors, units
from lakekit.errors import (
    AccessDenied,
    ArchivedFile,
    ColumnNameConflict,
    CorruptFile,
    CredentialsExpired,
    EncryptedFile,
    EngineFailed,
    IncompleteTable,
    InvalidArgument,
    LakekitError,
    MissingPackage,
    NoFilesFound,
    PartitionMismatch,
    PartitionTypeConflict,
    RecordsLost,
    RowsDiffer,
    StaleFile,
    StorageFailed,
    TypeConflict,
    UnknownPartitionKey,
    UnknownTable,
    UnsupportedTable,
    WrongRegion,
)
from lakekit.units import GIB, KIB, MIB, TIB

__version__ = "0.1.0"

_HOMES = {
    "Storage": "storage",
    "embedded_aws": "storage",
    "embedded_s3": "storage",
    "embedded_spark": "spark",
    "Table": "table",
    "open_table": "table",
    "scan_polars": "table",
    "create_duckdb_view": "table",
    "Lake": "lake",
    "open_lake": "lake",
    "open_glue": "glue",
    "Receipt": "receipts",
    "show_receipts": "receipts",
    "sample_folder": "sample",
    "sample_lake": "sample",
    "load_ipython_extension": "magic",
    "choose": "planning",
    "iam": "planning",
    "streams": "planning",
    "transfer": "planning",
}

_MODULES = (
    "cdc",
    "compaction",
    "dynamodb",
    "ingest",
    "prices",
    "publish",
    "receipts",
    "sizing",
    "spark",
    "tiering",
    "widgets",
)

__all__ = [
    "GIB",
    "KIB",
    "MIB",
    "TIB",
    "AccessDenied",
    "ArchivedFile",
    "ColumnNameConflict",
    "CorruptFile",
    "CredentialsExpired",
    "EncryptedFile",
    "EngineFailed",
    "IncompleteTable",
    "InvalidArgument",
    "Lake",
    "LakekitError",
    "MissingPackage",
    "NoFilesFound",
    "PartitionMismatch",
    "PartitionTypeConflict",
    "Receipt",
    "RecordsLost",
    "RowsDiffer",
    "StaleFile",
    "Storage",
    "StorageFailed",
    "Table",
    "TypeConflict",
    "UnknownPartitionKey",
    "UnknownTable",
    "UnsupportedTable",
    "WrongRegion",
    "cdc",
    "choose",
    "compaction",
    "create_duckdb_view",
    "dynamodb",
    "embedded_aws",
    "embedded_s3",
    "embedded_spark",
    "errors",
    "iam",
    "ingest",
    "open_glue",
    "open_lake",
    "open_table",
    "prices",
    "publish",
    "receipts",
    "sample_folder",
    "sample_lake",
    "scan_polars",
    "show_receipts",
    "spark",
    "sizing",
    "streams",
    "tiering",
    "transfer",
    "units",
    "widgets",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"lakekit.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'lakekit' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"lakekit.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
