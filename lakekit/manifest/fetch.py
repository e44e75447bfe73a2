"""Footers of many files, each asked for once: from the cache, else all at once from the store.

It must not decide what a bad file means: it hands back the error in the footer's place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import polars as pl

from lakekit.errors import ArchivedFile, CorruptFile, LakekitError, StaleFile
from lakekit.manifest.cache import FooterCache, KeptFooter
from lakekit.manifest.footers import (
    ENCRYPTED_MAGIC,
    FOOTER_TAIL_BYTES,
    MAGIC,
    Footer,
    FooterParser,
    Unreadable,
    footer_size,
)
from lakekit.manifest.joined import make_joiner
from lakekit.manifest.listing import is_named_parquet
from lakekit.manifest.pages import verify_file
from lakekit.manifest.paths import find_path
from lakekit.storage import RangeRequest, StoredObject

if TYPE_CHECKING:
    from lakekit.manifest.fields import FieldNames
    from lakekit.storage import Store

FLUSH_FOOTERS = 2_000  # footers after which the cache is written, so that an interrupted first look is not lost
KEPT_ERRORS = (CorruptFile, StaleFile, ArchivedFile)  # errors of one file; all others end the reading


def fetch_footers(
    store: Store, files: Sequence[StoredObject], cache: FooterCache, *, on_progress: Callable[[int], None]
) -> dict[str, Footer | Unreadable | None]:
    """For each path its footer, why the file cannot be read, or None where it is no Parquet file by content.

    Files of up to 128 KiB come whole with that one request and are decoded once as a check. What was read is kept
    in the cache also when this is interrupted.

    Raises:
        AccessDenied, CredentialsExpired, WrongRegion, StorageFailed: what concerns more than one file.
    """
    parser = FooterParser()
    found: dict[str, Footer | Unreadable | None] = {}
    missing = []
    for item in files:
        try:
            found[item.path] = _recall_footer(parser, cache, item)
            on_progress(len(found))
        except KeyError:
            missing.append(item)
    fresh: dict[tuple[str, str], KeptFooter] = {}
    try:
        for item, outcome, footer in _read_tails(store, missing, parser):
            found[item.path] = outcome
            if not isinstance(outcome, Unreadable):
                fresh[item.path, item.etag] = KeptFooter(footer, outcome is not None and outcome.has_order)
            on_progress(len(found))
            if len(fresh) >= FLUSH_FOOTERS:
                cache.put(fresh)
                fresh = {}
    finally:
        cache.put(fresh)
    return found


class FooterSource:
    """The footers of files whose footers were read before: kept ones, and others fetched again.

    Args:
        store: where the files are.
        files: path, size_bytes and etag of the files, sorted by path.
        cache: what is kept.
        names: of columns, where a log knows them by numbers.

    Attributes:
        join: joins those that are kept, as they are stored.
    """

    def __init__(self, store: Store, files: pl.DataFrame, cache: FooterCache, names: FieldNames | None = None):
        self.join = make_joiner(cache.get)
        self._store = store
        self._files = files
        self._cache = cache
        self._names = names

    def get(self, path: str, etag: str) -> bytes:
        """The footer of a file (Thrift, length, magic), with the names that its columns have in the table.

        Raises: as :meth:`get_stored`.
        """
        footer = self.get_stored(path, etag)
        return footer if self._names is None else self._names.rename(footer)

    def get_stored(self, path: str, etag: str) -> bytes:
        """The footer of a file as it is stored.

        Raises:
            StaleFile: it is no longer kept, and the file has changed or is gone.
            CorruptFile, ArchivedFile, AccessDenied, …: it is no longer kept, and cannot be read again.
        """
        footer = self.find_kept(path, etag)
        return footer if footer is not None else self._fetch(path, etag)

    def find_kept(self, path: str, etag: str) -> bytes | None:
        """The footer of a file if it is kept here; nothing is asked of the store."""
        return self._cache.get(path, etag)

    def _fetch(self, path: str, etag: str) -> bytes:
        position = find_path(self._files["path"], path)
        size_bytes = self._files["size_bytes"][position] if position is not None else 0
        item = StoredObject(path, size_bytes, datetime.now(UTC), etag)
        outcome = fetch_footers(self._store, [item], self._cache, on_progress=lambda done: None)[path]
        footer = self._cache.get(path, etag)
        if isinstance(outcome, Unreadable):
            raise outcome.error
        if not footer:
            raise StaleFile(f"{path} is no longer a Parquet file.", hint="refresh the table.")
        return footer


def _recall_footer(parser: FooterParser, cache: FooterCache, item: StoredObject) -> Footer | None:
    """What is kept of this version of a file; KeyError where there is nothing, or nothing that makes sense."""
    kept = cache.get_kept(item.path, item.etag)
    if kept is None:
        raise KeyError(item.path)
    if not kept.footer:
        return None
    try:
        return parser.parse_again(kept.footer, kept.has_order)
    except ValueError as exc:  # the cache is damaged, not the file
        raise KeyError(item.path) from exc


def _read_tails(
    store: Store, files: Iterable[StoredObject], parser: FooterParser
) -> Iterator[tuple[StoredObject, Footer | Unreadable | None, bytes]]:
    """Each file with what its footer says and the footer; those longer than the first read take a second one."""
    items = {item.path: item for item in files}
    longer: dict[str, int] = {}
    tails = (_tail_request(item, FOOTER_TAIL_BYTES) for item in items.values())
    for request, outcome in store.read_many(tails):
        item, tail = items[request.path], _bytes_or_error(outcome)
        if isinstance(tail, Unreadable):
            yield item, tail, b""
            continue
        try:
            size = footer_size(tail, item.path, item.size_bytes)
        except LakekitError as error:
            is_foreign = tail[-4:] not in (MAGIC, ENCRYPTED_MAGIC) and not is_named_parquet(item.path)
            yield item, None if is_foreign else Unreadable(error), b""
            continue
        if size > len(tail):
            longer[item.path] = size
        else:
            yield item, _parse_tail(parser, tail, size, item), tail[-size:]
    for request, outcome in store.read_many(_tail_request(items[path], size) for path, size in longer.items()):
        item, footer = items[request.path], _bytes_or_error(outcome)
        if isinstance(footer, Unreadable):
            yield item, footer, b""
        else:
            yield item, parser.parse(footer, item.path, item.size_bytes), footer


def _tail_request(item: StoredObject, length: int) -> RangeRequest:
    length = min(length, item.size_bytes)
    return RangeRequest(item.path, item.size_bytes - length, length, item.etag)


def _parse_tail(parser: FooterParser, tail: bytes, size: int, item: StoredObject) -> Footer | Unreadable:
    footer = parser.parse(tail[-size:], item.path, item.size_bytes)
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
