"""A bucket's objects from the reports of S3 Inventory, so that ten million of them take no ten thousand LISTs.

It must not write, nor guess: a report that is not whole, or lacks a field, is an error.

What a report looks like: https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory-location.html and
…/storage-inventory.html, read 2026-11.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lakekit.errors import CorruptFile, InvalidArgument, LakekitError, NoFilesFound, StaleFile
from lakekit.storage.address import Address, parse_address
from lakekit.storage.inventory_rows import FORMATS, find_missing, read_rows
from lakekit.storage.options import Storage
from lakekit.storage.store import RangeRequest, open_store

if TYPE_CHECKING:
    import polars as pl

MANIFEST, CHECKSUM = "manifest.json", "manifest.checksum"
DATA_FILES_AT_ONCE = 4  # of a report, each of which may take a GiB

_DATED = re.compile(r"\d{4}-\d\d-\d\dT\d\d-\d\dZ")  # the folder of a report


@dataclass(frozen=True)
class Report:
    """One report.

    Attributes:
        url: where its manifest.json lies.
        checksum: that of its manifest, which no other report has.
        bucket: the bucket whose objects it lists.
        created_at: when the listing began, in UTC.
        format: "CSV", "Parquet" or "ORC".
        fields: the fields of its files, in order, as ``fileSchema`` tells them.
        files: key, size in bytes and MD5 of each data file.
    """

    url: str
    checksum: str
    bucket: str
    created_at: datetime
    format: str
    fields: str
    files: tuple[tuple[str, int, str], ...]


class Inventory:
    """The reports of one configuration of S3 Inventory.

    Args:
        url: a report's ``manifest.json``, its folder, or the folder of the dated folders, of which the newest whole
            report counts.
        storage: how to reach it.

    Raises:
        InvalidArgument: it is not on S3.
    """

    def __init__(self, url: str, storage: Storage | None = None):
        address = parse_address(url)
        if address.scheme != "s3":
            what = f"The inventory {address.url} is not on S3, and only S3 makes inventories."
            raise InvalidArgument(what, hint=f"give the address of a {MANIFEST}, or of the folder of dated reports.")
        self.url = address.url
        self._is_one = address.prefix.rpartition("/")[2] == MANIFEST
        folder = address.parent if self._is_one else address
        self.store = open_store(folder or Address("s3", address.bucket), storage)
        self._lock = threading.Lock()
        self._kept: tuple[str, str, pl.DataFrame] = ("", "", None)  # the last rows: checksum, prefix, rows

    def find_report(self) -> Report:
        """The newest report whose manifest has been written; S3 writes it last.

        Raises:
            NoFilesFound: there is none.
            CorruptFile: the manifest is not what its checksum says.
            AccessDenied, CredentialsExpired, WrongRegion, StorageFailed: the store refuses.
        """
        if self._is_one:
            found = self._read_manifest("")
        else:
            dated = sorted(filter(_DATED.fullmatch, self.store.list_folders()), reverse=True)
            found = next((report for name in [*dated, ""] if (report := self._read_manifest(name))), None)
        if found is None:
            raise NoFilesFound(
                f"No inventory report under {self.url}: no {MANIFEST} with a {CHECKSUM} beside it.",
                hint=f"give the address of a {MANIFEST}, or of the folder with folders such as 2026-11-25T01-00Z; "
                "the first report comes up to 48 hours after an inventory was configured.",
            )
        return found

    def _read_manifest(self, folder: str) -> Report | None:
        """The report in a folder; None where its manifest or the checksum of that is not there."""
        path = f"{folder}/{MANIFEST}".lstrip("/")
        try:
            content = bytes(self.store.read_suffix(path, 2**31))
            told = bytes(self.store.read_suffix(f"{folder}/{CHECKSUM}".lstrip("/"), 1024)).decode("latin-1").strip()
        except StaleFile:
            return None
        url = self.store.address.join(path)
        checksum = hashlib.md5(content, usedforsecurity=False).hexdigest()
        if checksum != told.lower():
            raise CorruptFile(
                f"{url} is damaged: its MD5 is {checksum}, and {CHECKSUM} beside it says {told[:40]!r}.",
                hint="give the manifest.json of an older report, or wait for the next.",
            )
        return _parse_manifest(content, url, checksum)

    def list_rows(self, report: Report, prefix: str) -> pl.DataFrame:
        """The current objects of a report whose keys begin with a prefix, sorted by key.

        Columns: those of a listing, with key in place of path, and tier (str), which is NULL for objects that are not
        in INTELLIGENT_TIERING. The last rows are remembered, for all prefixes that lie within theirs.

        Raises:
            InvalidArgument: the report lacks a field; names it, and how to have it.
            CorruptFile: a data file is not what the manifest says.
            NoFilesFound: a data file is gone.
        """
        import polars as pl

        with self._lock:
            checksum, wider, rows = self._kept
            if checksum != report.checksum or not prefix.startswith(wider):
                rows = self._read_files(report, prefix)
                self._kept = (report.checksum, prefix, rows)
        return rows.filter(pl.col("key").str.starts_with(prefix))

    def _read_files(self, report: Report, prefix: str) -> pl.DataFrame:
        import polars as pl

        missing = find_missing(report.format, report.fields)
        if missing:
            raise InvalidArgument(
                f"The inventory report {report.url} lacks {', '.join(missing)}; it has {report.fields[:300]}.",
                hint="add these to the optional fields of the inventory's configuration (in the console: Management, "
                "Inventory configurations, Additional metadata fields), and wait for the next report.",
            )
        bucket = open_store(Address("s3", self.store.address.bucket), self.store.storage)
        bucket.requests = self.store.requests
        sizes = {key: (size, md5) for key, size, md5 in report.files}
        parts = [read_rows(memoryview(b""), report.format, report.fields, prefix)] if not sizes else []
        requests = [RangeRequest(key, 0, size) for key, (size, _) in sizes.items()]
        for request, outcome in bucket.read_many(requests, concurrency=DATA_FILES_AT_ONCE):
            url = bucket.address.join(request.path)
            content = _check_content(url, outcome, *sizes[request.path], report)
            try:
                parts.append(read_rows(content, report.format, report.fields, prefix))
            except LakekitError:
                raise
            except Exception as exc:
                what = f"{url} is not {report.format} with the fields of its report: {str(exc)[:200]}."
                raise CorruptFile(what, hint="give the manifest.json of an older report.") from exc
        return pl.concat(parts).unique("key", keep="last").sort("key")


def _parse_manifest(content: bytes, url: str, checksum: str) -> Report:
    try:
        told = json.loads(content)
        files = tuple((file["key"], int(file["size"]), file["MD5checksum"].lower()) for file in told["files"])
        created_at = datetime.fromtimestamp(int(told["creationTimestamp"]) / 1000, UTC)
        report = Report(url, checksum, told["sourceBucket"], created_at, told["fileFormat"], told["fileSchema"], files)
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        what = f"{url} is no manifest of S3 Inventory: {type(exc).__name__} {exc}."
        raise CorruptFile(what, hint=f"give the address of a {MANIFEST} that S3 Inventory wrote.") from exc
    if report.format not in FORMATS:
        what = f"The inventory report {url} is in {report.format!r}, not in {', '.join(FORMATS)}."
        raise InvalidArgument(what, hint="choose one of these in the inventory's configuration.")
    return report


def _check_content(
    url: str, outcome: memoryview | LakekitError, size_bytes: int, md5: str, report: Report
) -> memoryview:
    """A data file that is what its report says."""
    if isinstance(outcome, StaleFile):
        what = f"{url} is gone, a data file of the inventory report of {format_moment(report.created_at)}."
        raise NoFilesFound(what, hint="give the folder of dated reports, of which the newest is taken.") from outcome
    if isinstance(outcome, LakekitError):
        raise outcome
    found = hashlib.md5(outcome, usedforsecurity=False).hexdigest()
    if len(outcome) != size_bytes or found != md5:
        raise CorruptFile(
            f"{url} is damaged: it has {len(outcome):,} bytes and the MD5 {found}, the report says {size_bytes:,} "
            f"bytes and {md5}.",
            hint="give the manifest.json of an older report.",
        )
    return outcome


def format_moment(moment: datetime) -> str:
    """A time as messages tell it.

    Example:
        >>> format_moment(datetime(2026, 11, 24, 1, 0, tzinfo=UTC))
        '2026-11-24 01:00 UTC'
    """
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
