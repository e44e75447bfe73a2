"""The rows of one data file of an S3 Inventory report, as columns.

It must not fetch anything, nor take a row that is not of a current object.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

from lakekit.storage.unpacking import unpack_gzip

if TYPE_CHECKING:
    import polars as pl

# By the names of CSV reports, those of Parquet and ORC reports
NEEDED = {"Size": "size", "LastModifiedDate": "last_modified_date", "ETag": "e_tag", "StorageClass": "storage_class"}
_OPTIONAL = {
    "IsLatest": "is_latest",
    "IsDeleteMarker": "is_delete_marker",
    "IntelligentTieringAccessTier": "intelligent_tiering_access_tier",
}
_NAMES = {"Key": "key", **NEEDED, **_OPTIONAL}
FORMATS = ("CSV", "Parquet", "ORC")

_ASCII_ESCAPES = {"+": " "} | {
    f"%{form(f'{code:02x}')}": chr(code) for code in range(128) for form in (str.upper, str.lower)
}
_OTHER_ESCAPE = "%[89A-Fa-f][0-9A-Fa-f]"


def find_missing(file_format: str, fields: str) -> list[str]:
    """The needed fields that a report does not have, by the names that its configuration has for them.

    Args:
        file_format: "CSV", "Parquet" or "ORC".
        fields: the ``fileSchema`` of its manifest.

    Example:
        >>> find_missing("CSV", "Bucket, Key, Size, ETag")
        ['LastModifiedDate', 'StorageClass']
    """
    words = set(re.findall(r"\w+", fields))
    return [name for name, column in NEEDED.items() if (name if file_format == "CSV" else column) not in words]


def read_rows(content: memoryview, file_format: str, fields: str, prefix: str) -> pl.DataFrame:
    """The rows of current objects whose keys begin with a prefix.

    Columns: key, size_bytes, modified_at, etag, storage_class, restored (False: reports do not tell), tier.

    Args:
        content: the whole data file; empty for no rows.
        file_format, fields: of the report, as its manifest has them.
        prefix: of the keys wanted.
    """
    import polars as pl

    if not len(content):
        rows = pl.DataFrame(schema=dict.fromkeys(_NAMES.values(), pl.String))
    else:
        rows = _read_csv(content, fields) if file_format == "CSV" else _read_columns(content, file_format)
    for name in _OPTIONAL.values():
        if name not in rows.columns:
            rows = rows.with_columns(pl.lit(None, pl.String).alias(name))
    is_true = {name: pl.col(name).cast(pl.String).str.to_lowercase() == "true" for name in _OPTIONAL.values()}
    is_current = is_true["is_latest"].fill_null(True) & ~is_true["is_delete_marker"].fill_null(False)
    rows = rows.filter(is_current & pl.col("key").str.starts_with(prefix))
    moment = pl.col("last_modified_date")
    if rows.schema["last_modified_date"] == pl.String:
        moment = moment.str.to_datetime("%Y-%m-%dT%H:%M:%S%.fZ", time_unit="us")
    tier = pl.col("intelligent_tiering_access_tier").cast(pl.String)
    return rows.select(
        "key",
        pl.col("size").cast(pl.Int64).alias("size_bytes"),
        moment.cast(pl.Datetime("us")).dt.replace_time_zone("UTC").alias("modified_at"),
        pl.col("e_tag").str.strip_chars('"').alias("etag"),
        "storage_class",
        pl.lit(False).alias("restored"),
        pl.when(tier != "").then(tier).alias("tier"),
    )


def _read_csv(content: memoryview, fields: str) -> pl.DataFrame:
    """A gzip'd CSV without a header; each value in quotes, keys URL-encoded."""
    import io

    import polars as pl

    names = [name.strip() for name in fields.split(",")]
    text = unpack_gzip(content) if bytes(content[:2]) == b"\x1f\x8b" else bytes(content)
    wanted = [name for name in names if name in _NAMES]
    if not text:
        return pl.DataFrame(schema=dict.fromkeys((_NAMES[name] for name in wanted), pl.String))
    positions = [names.index(name) for name in wanted]
    rows = pl.read_csv(io.BytesIO(text), has_header=False, columns=positions, infer_schema=False)
    rows.columns = [_NAMES[name] for name in wanted]
    return rows.with_columns(decode_keys(rows["key"]))


def decode_keys(keys: pl.Series) -> pl.Series:
    """Keys as CSV reports have them, decoded: "+" is a space, "%2B" a plus.

    Reports write them as HTML forms do (github.com/cloud-custodian/cloud-custodian, issue 1997, read 2026-11).

    Example:
        >>> import polars as pl
        >>> decode_keys(pl.Series("key", ["a%3D1/b+c%2Bd", "%C3%BC%253D"])).to_list()
        ['a=1/b c+d', 'ü%3D']
    """
    import polars as pl

    decoded = keys.str.replace_many(list(_ASCII_ESCAPES), list(_ASCII_ESCAPES.values()))
    is_other = keys.str.contains(_OTHER_ESCAPE)
    if is_other.any():
        others = {position: unquote_plus(keys[position]) for position in is_other.arg_true()}
        return decoded.scatter(list(others), pl.Series(list(others.values()), dtype=pl.String))
    return decoded


def _read_columns(content: memoryview, file_format: str) -> pl.DataFrame:
    import polars as pl
    import pyarrow as pa
    import pyarrow.parquet as pq

    source = pa.BufferReader(content)
    if file_format == "ORC":
        from pyarrow import orc

        file = orc.ORCFile(source)
        table = file.read([name for name in _NAMES.values() if name in file.schema.names])
    else:
        file = pq.ParquetFile(source)
        table = file.read([name for name in _NAMES.values() if name in file.schema_arrow.names])
    frame = pl.DataFrame(pl.from_arrow(table))
    moment = pl.col("last_modified_date")
    zone = getattr(frame.schema.get("last_modified_date"), "time_zone", None)
    return frame.with_columns(moment.dt.convert_time_zone("UTC").dt.replace_time_zone(None)) if zone else frame
