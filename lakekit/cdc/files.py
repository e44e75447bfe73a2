"""Which files a journal of changes consists of, in which order, and where each can be read line by line.

It must not know what the files hold: names, sizes and bytes count here.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import re
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from lakekit.errors import CorruptFile, InvalidArgument, NoFilesFound
from lakekit.manifest.listing import is_hidden
from lakekit.storage import Store, StoredObject
from lakekit.units import MIB

Kind = Literal["parquet", "csv", "ndjson"]

READ_BYTES = 16 * MIB  # of a text file that is fetched to be read here, at a time

_KINDS: dict[str, Kind] = {".parquet": "parquet", ".parq": "parquet", ".pq": "parquet", ".csv": "csv"}
_KINDS |= dict.fromkeys((".json", ".jsonl", ".ndjson"), "ndjson")
_OF_FORMAT: dict[str, tuple[Kind, ...]] = {"dms": ("parquet", "csv"), "debezium": ("ndjson",)}
# LOAD00000001.csv, counted in hexadecimal, and 20141029-1134010000.csv; AWS DMS User Guide, "Using Amazon S3 as a
# target", read 2026-11
_LOAD = re.compile(r"LOAD([0-9A-F]+)", re.IGNORECASE)
_MOMENT = re.compile(r"(\d{8})-?(\d{6,12})")


@dataclass(frozen=True)
class JournalFile:
    """A file of a journal.

    Attributes:
        path: relative to the journal.
        etag: as the listing has it.
        size_bytes: its size.
        is_load: whether it is of a full load, whose rows come before all changes.
        order: bytes that put the files in their order.
    """

    path: str
    etag: str
    size_bytes: int
    is_load: bool
    order: bytes


def find_files(store: Store, format: str, *, is_ordered: bool) -> tuple[Kind, list[JournalFile], tuple[str, ...]]:
    """What kind of files a journal has, the files in their order, and the paths of others, which are of no journal.

    Args:
        store: where the journal is.
        format: "dms" or "debezium".
        is_ordered: whether a column gives the order of changes, so that any name of a file will do.

    Raises:
        NoFilesFound: none of the kinds that the format has.
        InvalidArgument: two kinds at once, or a name that DMS gives no file.
    """
    listed = [one for one in store.list_objects() if not is_hidden(one.path, one.size_bytes or 1)]
    by_kind: dict[Kind | None, list[StoredObject]] = {}
    for stored in listed:
        by_kind.setdefault(_find_kind(stored.path), []).append(stored)
    kinds = [kind for kind in _OF_FORMAT[format] if kind in by_kind]
    if not kinds:
        endings = Counter(PurePosixPath(stored.path).suffix or "without an ending" for stored in listed)
        there = ", ".join(f"{count} {ending}" for ending, count in endings.most_common(5)) or "nothing"
        wanted = " or ".join(_OF_FORMAT[format])
        what = f"No {wanted} file under {store.address.url} ({there} there)."
        raise NoFilesFound(what, hint="give the folder of one table, and its format: format='dms' or 'debezium'.")
    if len(kinds) > 1:
        first, second = (by_kind[kind][0].path for kind in kinds)
        what = f"{store.address.url} holds both {kinds[0]} and {kinds[1]} files, such as {first} and {second}."
        raise InvalidArgument(what, hint="a journal has files of one kind: move one of them to a folder of its own.")
    name = _name_dms if format == "dms" and not is_ordered else _name_any
    files = [name(stored) for stored in by_kind[kinds[0]]]
    others = tuple(stored.path for stored in listed if _find_kind(stored.path) != kinds[0])
    return kinds[0], sorted(files, key=lambda file: (not file.is_load, file.order)), others


def _find_kind(path: str) -> Kind | None:
    return _KINDS.get(PurePosixPath(path.lower().removesuffix(".gz")).suffix)


def _name_dms(stored: StoredObject) -> JournalFile:
    """Its order by the counter or the moment in its name, whatever folder it is in; then by its path."""
    stem = PurePosixPath(stored.path).name.split(".")[0]
    load, moment = _LOAD.fullmatch(stem), _MOMENT.fullmatch(stem)
    if load:
        key = f"{int(load[1], 16):020d}"
    elif moment:
        key = moment[1] + moment[2].ljust(12, "0")
    else:
        what = f"{stored.path} is named neither as a full load (LOAD00000001) nor as changes (20141029-1134010000)."
        raise InvalidArgument(what, hint="move it elsewhere, or name a column that orders the changes: order_by=[…].")
    return _make_file(stored, bool(load), f"{key} {stored.path}")


def _name_any(stored: StoredObject) -> JournalFile:
    """Its order by its path, in which numbers count as such: part-9 before part-10."""
    key = re.sub(r"\d+", lambda digits: f"{len(digits[0].lstrip('0')):04d}{digits[0].lstrip('0')}", stored.path)
    is_load = _LOAD.fullmatch(PurePosixPath(stored.path).name.split(".")[0]) is not None
    return _make_file(stored, is_load, f"{key} {stored.path}")


def _make_file(stored: StoredObject, is_load: bool, key: str) -> JournalFile:
    return JournalFile(stored.path, stored.etag, stored.size_bytes, is_load, key.encode())


@contextlib.contextmanager
def open_locally(store: Store, files: Sequence[JournalFile], folder: Path) -> Iterator[dict[str, Path]]:
    """By path, where each file lies on this computer; what had to be fetched goes afterwards.

    Args:
        store: where the files are.
        files: which.
        folder: where copies are put meanwhile; nobody but the user may read it.

    Raises:
        StaleFile: one has changed since it was listed.
        AccessDenied, ArchivedFile, CredentialsExpired, StorageFailed: the store refuses.
    """
    if store.address.scheme == "file":
        yield {file.path: Path(store.address.join(file.path)) for file in files}
        return
    with tempfile.TemporaryDirectory(dir=folder) as made:
        copies = {file.path: Path(made) / str(number) for number, file in enumerate(files)}
        for file in files:
            with open(copies[file.path], "wb") as copy:
                for start in range(0, file.size_bytes, READ_BYTES):
                    copy.write(store.read_range(file.path, start, READ_BYTES, etag=file.etag))
        yield copies


@contextlib.contextmanager
def open_text(file: JournalFile, local: Path) -> Iterator[io.TextIOBase]:
    """A text file, unpacked where its name ends in .gz, with its line ends as they are.

    Raises, while read:
        CorruptFile: it is not UTF-8, or not whole.
    """
    opened = gzip.open(local, "rb") if file.path.lower().endswith(".gz") else open(local, "rb")
    try:
        with opened, io.TextIOWrapper(opened, encoding="utf-8-sig", newline="") as text:  # type: ignore[arg-type]
            yield text
    except (UnicodeDecodeError, EOFError, gzip.BadGzipFile) as exc:
        what = f"{file.path} cannot be read as text: {exc}."
        raise CorruptFile(what, hint="replace the file; DMS and Debezium write UTF-8.") from exc


def hash_name(*parts: str) -> str:
    """A short name for texts, that tells nothing of them."""
    import hashlib

    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:20]


def remove_quietly(path: Path) -> None:
    """Take a file of the cache away, if it is there."""
    with contextlib.suppress(OSError):
        os.unlink(path)
