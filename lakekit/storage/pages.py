"""The entries of a page of ListObjectsV2, read from its XML past boto3, which takes five times as long.

It must not send anything: boto3 signs, sends and tries again, and reads all of the answer but the entries.

Each entry is one text. As objects, the entries of 100,000 keys would cost more than to parse them: Python's garbage
collector looks at all of them time and again.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

if TYPE_CHECKING:
    import polars as pl

ENTRIES = "lakekit.entries"  # under which an answer of boto3's carries the entries that were taken out of it

_IS_TAKING: ContextVar[bool] = ContextVar("lakekit_takes_entries", default=False)


_FIELDS = ("Size", "LastModified", "ETag", "StorageClass")  # before the key, which may hold anything
_TEXTS = {name: re.compile(f"<{name}>([^<]*)</{name}>") for name in ("Key", *_FIELDS)}
_TEXTS["ETag"] = re.compile('<ETag>(?:&quot;|&#34;|")?([^<&"]*)(?:&quot;|&#34;|")?</ETag>')
_BETWEEN = re.compile(r"</Contents>\s*<Contents>")
_COLUMNS = ("size", "modified", "etag", "storage_class", "restored", "key")


class Entry(str):
    """One object of a page: size, time, etag without quotes, storage class, "true" if restored, and key; a line each.

    Example:
        >>> make_entry("12", "2024-01-05T12:00:00.000Z", "e", "STANDARD", False, "a/b").key
        'a/b'
    """

    __slots__ = ()

    @property
    def key(self) -> str:
        """The whole key, decoded."""
        return self.split("\n", 5)[5]


def make_entry(size: str, modified: str, etag: str, storage_class: str, restored: bool, key: str) -> Entry:
    """An entry of these fields."""
    return Entry(f"{size}\n{modified}\n{etag}\n{storage_class}\n{'true' if restored else 'false'}\n{key}")


@contextlib.contextmanager
def taking_entries(client: Any) -> Iterator[None]:
    """While this lasts, answers that a client gets in this thread carry their entries under ENTRIES, not Contents."""
    # "*" comes before "s3": else botocore parses all of each answer once more, to see whether it is an error
    client.meta.events.register("before-parse.*.ListObjectsV2", _take_entries, unique_id="lakekit-entries")
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
    found = _cut_entries(response_dict["body"]) or _take_nodes(response_dict["body"])
    if found is not None:
        response_dict["body"], customized_response_dict[ENTRIES] = found


def _cut_entries(body: bytes) -> tuple[bytes, list[Entry]] | None:
    """The rest of a page and its entries, where each is told by the same plain fields; None where that is not so."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return None
    count = text.count("<Contents>")
    columns = {name: pattern.findall(text) for name, pattern in _TEXTS.items()}
    keys, is_odd = columns.pop("Key"), "<RestoreStatus>" in text or "<ListBucketResult" not in text
    if is_odd or not count or any(len(column) != count for column in (keys, *columns.values())):
        return None
    if any("&" in key for key in keys) or len(_BETWEEN.findall(text)) != count - 1:
        return None
    keys = _decode_keys(keys) if "<EncodingType>url</EncodingType>" in text else keys
    rows = zip(*columns.values(), keys, strict=True)
    entries = [make_entry(size, at, etag, in_class, False, key) for size, at, etag, in_class, key in rows]
    rest = text[: text.index("<Contents>")] + text[text.rindex("</Contents>") + len("</Contents>") :]
    return rest.encode(), entries


def _take_nodes(body: bytes) -> tuple[bytes, list[Entry]] | None:
    """The same of any page, by its XML; None for what is no page."""
    try:
        root = ElementTree.fromstring(body)
    except ElementTree.ParseError:
        return None
    if _name(root) != "ListBucketResult":
        return None
    fields = [{_name(child): child for child in node} for node in root if _name(node) == "Contents"]
    keys = [_text(found, "Key") for found in fields]
    if next((node.text for node in root if _name(node) == "EncodingType"), None) == "url":
        keys = _decode_keys(keys)
    entries = [_read_entry(key, found) for key, found in zip(keys, fields, strict=True)]
    root[:] = [node for node in root if _name(node) != "Contents"]
    return ElementTree.tostring(root), entries


def _name(node: ElementTree.Element) -> str:
    """The tag of a node without its namespace."""
    return node.tag.rpartition("}")[2]


def _text(fields: dict[str, ElementTree.Element], name: str) -> str:
    return (fields[name].text or "") if name in fields else ""


def _decode_keys(keys: list[str]) -> list[str]:
    """Keys that S3 encoded for an URL, decoded all in one go."""
    from botocore.compat import unquote_str

    decoded = unquote_str("\n".join(keys)).split("\n") if keys else []
    return decoded if len(decoded) == len(keys) else [unquote_str(key) for key in keys]  # a key may hold a line's end


def _read_entry(key: str, fields: dict[str, ElementTree.Element]) -> Entry:
    restore = {_name(child): child.text or "" for child in fields.get("RestoreStatus", ())}
    restored = "RestoreExpiryDate" in restore and restore.get("IsRestoreInProgress", "").lower() != "true"
    size, modified, etag, storage_class = (_text(fields, name) for name in _FIELDS)
    return make_entry(size or "0", modified, etag.strip('"'), storage_class or "STANDARD", restored, key)


def tabulate_entries(entries: Sequence[Entry], skip: int) -> pl.DataFrame:
    """Entries as the columns of a listing, in their order; paths are the keys without their first ``skip`` letters."""
    import polars as pl

    texts = pl.Series([str(entry) for entry in entries], dtype=pl.String)
    frame = texts.str.splitn("\n", 6).struct.rename_fields(_COLUMNS).struct.unnest()
    return frame.select(
        path=pl.col("key").str.slice(skip),
        size_bytes=pl.col("size").cast(pl.Int64),
        modified_at=_parse_times(frame["modified"]),
        etag="etag",
        storage_class=pl.when(pl.col("storage_class") != "").then("storage_class").otherwise(pl.lit("STANDARD")),
        restored=pl.col("restored") == "true",
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
