"""Footers of many files, each asked for once: from the cache, else all at once from the store.

It must not decide what a bad file means: it hands back the error in the footer's place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from lakekit.errors import ArchivedFile, CorruptFile, LakekitError, StaleFile
from lakekit.manifest.cache import FooterCache
from lakekit.manifest.footers import (
    ENCRYPTED_MAGIC,
    FOOTER_TAIL_BYTES,
    MAGIC,
    Footer,
    Unreadable,
    footer_size,
    parse_footer,
    verify_file,
)
from lakekit.manifest.listing import is_named_parquet
from lakekit.storage import RangeRequest

if TYPE_CHECKING:
    from lakekit.storage import Store, StoredObject

FLUSH_FOOTERS = 2_000  # footers after which the cache is written, so that an interrupted first look is not lost
KEPT_ERRORS = (CorruptFile, StaleFile, ArchivedFile)  # errors of one file; all others end the reading


def fetch_footers(
    store: Store, files: Sequence[StoredObject], cache: FooterCache, *, on_progress: Callable[[int], None]
) -> dict[str, Footer | Unreadable | None]:
    """For each path its footer, why the file cannot be read, or None where it is no Parquet file by content.

    Files of up to 128 KiB come whole with that one request and are decoded once as a check.

    Raises:
        AccessDenied, CredentialsExpired, WrongRegion, StorageFailed: what concerns more than one file.
    """
    found: dict[str, Footer | Unreadable | None] = {}
    missing = []
    for item in files:
        kept = cache.get(item.path, item.etag)
        if kept is None:
            missing.append(item)
        else:
            found[item.path] = parse_footer(kept, item.path, item.size_bytes)
    on_progress(len(found))
    fresh: dict[tuple[str, str], bytes] = {}
    try:
        for item, outcome, footer in _read_tails(store, missing):
            found[item.path] = outcome
            if isinstance(outcome, Footer):
                fresh[item.path, item.etag] = footer
            on_progress(len(found))
            if len(fresh) >= FLUSH_FOOTERS:
                cache.put(fresh)
                fresh = {}
    finally:
        cache.put(fresh)
    return found


def _read_tails(
    store: Store, files: Iterable[StoredObject]
) -> Iterator[tuple[StoredObject, Footer | Unreadable | None, bytes]]:
    """Each file with what its footer says and the footer; those longer than the first read take a second one."""
    items = {item.path: item for item in files}
    longer: dict[str, int] = {}
    tails = (_tail_request(item, FOOTER_TAIL_BYTES) for item in items.values())
    for request, outcome in store.read_many(tails):
        item = items[request.path]
        tail = _bytes_or_error(outcome)
        if isinstance(tail, Unreadable):
            yield item, tail, b""
            continue
        try:
            size = footer_size(tail, item.path, item.size_bytes)
        except LakekitError as error:
            foreign = tail[-4:] not in (MAGIC, ENCRYPTED_MAGIC) and not is_named_parquet(item.path)
            yield item, None if foreign else Unreadable(error), b""
            continue
        if size <= len(tail):
            yield item, _parse_whole(tail, size, item), tail[-size:]
        else:
            longer[item.path] = size
    for request, outcome in store.read_many(_tail_request(items[path], size) for path, size in longer.items()):
        item, footer = items[request.path], _bytes_or_error(outcome)
        if isinstance(footer, Unreadable):
            yield item, footer, b""
        else:
            yield item, parse_footer(footer, item.path, item.size_bytes), footer


def _tail_request(item: StoredObject, length: int) -> RangeRequest:
    length = min(length, item.size_bytes)
    return RangeRequest(item.path, item.size_bytes - length, length, item.etag)


def _parse_whole(tail: bytes, size: int, item: StoredObject) -> Footer | Unreadable:
    footer = parse_footer(tail[-size:], item.path, item.size_bytes)
    if isinstance(footer, Unreadable) or len(tail) < item.size_bytes:
        return footer
    damage = verify_file(tail, item.path)
    return Unreadable(damage, replace(footer, stats={})) if damage else footer


def _bytes_or_error(outcome: memoryview | LakekitError) -> bytes | Unreadable:
    if not isinstance(outcome, LakekitError):
        return bytes(outcome)
    if isinstance(outcome, KEPT_ERRORS):
        return Unreadable(outcome)
    raise outcome
