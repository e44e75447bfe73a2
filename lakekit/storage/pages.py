"""The entries of a page of ListObjectsV2, read from its XML past boto3, whose parser takes ten times as long.

It must not send anything: boto3 signs, sends and tries again, and reads all of the answer but the entries.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NamedTuple
from xml.etree import ElementTree

if TYPE_CHECKING:
    import polars as pl

ENTRIES = "lakekit.entries"  # under which an answer of boto3's carries the entries that were taken out of it

_IS_TAKING: ContextVar[bool] = ContextVar("lakekit_takes_entries", default=False)


class Entry(NamedTuple):
    """One object of a page, its fields as texts of the answer.

    Attributes:
        key: the whole key, decoded.
        size: bytes, in digits.
        modified: such as "2024-01-05T12:00:00.000Z".
        etag: without quotes.
        storage_class: "STANDARD" where the answer tells none.
        restored: whether an archived object has a copy that can be read now.
    """

    key: str
    size: str
    modified: str
    etag: str
    storage_class: str
    restored: bool


@contextlib.contextmanager
def taking_entries(client: Any) -> Iterator[None]:
    """While this lasts, answers that a client gets in this thread carry their entries under ENTRIES, not Contents."""
    # first, or botocore parses all of each answer once more, to see whether it is an error
    client.meta.events.register_first("before-parse.s3.ListObjectsV2", _take_entries, unique_id="lakekit-entries")
    token = _IS_TAKING.set(True)
    try:
        yield
    finally:
        _IS_TAKING.reset(token)


def _take_entries(
    response_dict: dict[str, Any], customized_response_dict: dict[str, Any] | None = None, **_: Any
) -> None:
    """Before boto3 reads an answer: take the entries out of it. What is no such answer is left for boto3 to refuse."""
    if not _IS_TAKING.get() or response_dict.get("status_code") != 200 or customized_response_dict is None:
        return
    try:
        root = ElementTree.fromstring(response_dict["body"])
    except ElementTree.ParseError:
        return
    if _name(root.tag) != "ListBucketResult":
        return
    nodes = [node for node in root if _name(node.tag) == "Contents"]
    encoded = next((node.text for node in root if _name(node.tag) == "EncodingType"), None) == "url"
    customized_response_dict[ENTRIES] = _read_entries(nodes, encoded)
    root[:] = [node for node in root if _name(node.tag) != "Contents"]
    response_dict["body"] = ElementTree.tostring(root)


@functools.lru_cache(maxsize=256)
def _name(tag: str) -> str:
    """A tag without its namespace."""
    return tag.rpartition("}")[2]


def _read_entries(nodes: Sequence[ElementTree.Element], is_encoded: bool) -> list[Entry]:
    fields = [{_name(child.tag): child for child in node} for node in nodes]
    keys = [found["Key"].text or "" for found in fields]
    keys = _decode_keys(keys) if is_encoded else keys
    return [_read_entry(key, found) for key, found in zip(keys, fields, strict=True)]


def _decode_keys(keys: list[str]) -> list[str]:
    """Keys that S3 encoded for an URL, decoded all in one go."""
    from botocore.compat import unquote_str

    decoded = unquote_str("\n".join(keys)).split("\n") if keys else []
    return decoded if len(decoded) == len(keys) else [unquote_str(key) for key in keys]  # a key may hold a line's end


def _read_entry(key: str, fields: dict[str, ElementTree.Element]) -> Entry:
    restore = fields.get("RestoreStatus")
    return Entry(
        key,
        fields["Size"].text or "0",
        fields["LastModified"].text or "",
        (_text(fields, "ETag") or "").strip('"'),
        _text(fields, "StorageClass") or "STANDARD",
        restore is not None and _is_restored({_name(child.tag): child.text for child in restore}),
    )


def _text(fields: dict[str, ElementTree.Element], name: str) -> str | None:
    return fields[name].text if name in fields else None


def _is_restored(status: dict[str, str | None]) -> bool:
    return "RestoreExpiryDate" in status and (status.get("IsRestoreInProgress") or "").lower() != "true"


def tabulate_entries(entries: Sequence[Entry], skip: int) -> pl.DataFrame:
    """Entries as the columns of a listing, in their order; paths are the keys without their first ``skip`` letters."""
    import polars as pl

    columns = list(zip(*entries, strict=True)) if entries else [()] * len(Entry._fields)
    frame = pl.DataFrame(
        {name: pl.Series(list(column), dtype=pl.Boolean if name == "restored" else pl.String)
         for name, column in zip(Entry._fields, columns, strict=True)}
    )  # fmt: skip
    return frame.select(
        path=pl.col("key").str.slice(skip),
        size_bytes=pl.col("size").cast(pl.Int64),
        modified_at=_parse_times(frame["modified"]),
        etag="etag",
        storage_class="storage_class",
        restored="restored",
    )


def _parse_times(texts: pl.Series) -> pl.Series:
    """Times as S3 writes them; those that another service writes in another way one by one."""
    import polars as pl

    times = texts.str.to_datetime("%Y-%m-%dT%H:%M:%S%.fZ", time_unit="us", strict=False).dt.replace_time_zone("UTC")
    if times.null_count():
        from botocore.utils import parse_timestamp

        known = [parse_timestamp(text) if time is None else time for text, time in zip(texts, times, strict=True)]
        times = pl.Series(known, dtype=pl.Datetime("us", "UTC"))
    return times
