"""A prefix on S3 as a store: listed with boto3, which tells storage classes, and read with obstore, which is fast.

It must not write, nor turn a key into another: where obstore would, boto3 reads.
"""

import asyncio
import contextlib
import functools
import time
from collections.abc import Callable, Iterator
from datetime import UTC
from typing import TYPE_CHECKING, Any

from lakekit.errors import CredentialsExpired, LakekitError, StaleFile, StorageFailed, WrongRegion
from lakekit.storage.answers import read_answer
from lakekit.storage.aws import ask_bucket_region, find_bucket_region, get_told_region, remember_bucket_region
from lakekit.storage.columns import list_stored
from lakekit.storage.faults import make_wrong_region, translate_error
from lakekit.storage.listing import KeyRange, Listing, Page, refuse_endless
from lakekit.storage.loop import run_in_loop, start_all_in_loop
from lakekit.storage.pages import ENTRIES, tabulate_entries, taking_entries
from lakekit.storage.reads import REQUESTS_AT_ONCE, StartReads
from lakekit.storage.session import find_endpoint
from lakekit.storage.store import OnProgress, RangeRequest, Store, StoredObject
from lakekit.units import KIB

if TYPE_CHECKING:
    import polars as pl

    from lakekit.storage.address import Address
    from lakekit.storage.options import Storage

PAGE_KEYS = 1000  # the most that S3 gives in one page
_SMALL_BODY_BYTES = 64 * KIB  # the system takes in so many by itself: the loop waits for them, they mostly are here
_PROMPT_SECONDS = 0.25  # a small body that took longer was not here
_SLOW_SECONDS = 10.0  # for so long after one the loop waits for none


class S3Store(Store):
    """The objects under a prefix of a bucket.

    Example:
        >>> from lakekit.storage.store import open_store
        >>> open_store("s3://logs/events").address.join("day=1/a.parquet")
        's3://logs/events/day=1/a.parquet'
    """

    def __init__(self, address: "Address", storage: "Storage"):
        super().__init__(address, storage)
        self._slow_until = 0.0  # when small bodies may be prompt again, by the monotonic clock

    def list_objects(self, prefix: str = "", *, on_progress: OnProgress | None = None) -> list[StoredObject]:
        """All objects under the prefix, sorted by path; see `Store.list_objects`. Long listings use many threads."""
        return list_stored(self._tabulate(prefix, on_progress))

    def list_columns(self, *, on_progress: OnProgress | None = None) -> "pl.DataFrame":
        """The same as columns; see `lakekit.storage.columns.list_columns`."""
        return self._tabulate("", on_progress)

    def _tabulate(self, prefix: str, on_progress: OnProgress | None) -> "pl.DataFrame":
        start = self._folder_key(prefix)

        def fetch_page(key_range: KeyRange) -> Page:
            asked = {"ContinuationToken": key_range.token} if key_range.token else {"StartAfter": key_range.after}
            answer = self._list(start, **asked, OptionalObjectAttributes=["RestoreStatus"])
            more = answer.get("NextContinuationToken") if answer.get("IsTruncated") else None
            return Page(answer.get(ENTRIES, []), more, self.address.url)

        def find_folders(folder: str, after: str) -> tuple[list[str], bool]:
            answer = self._list(folder, StartAfter=after, Delimiter="/")
            return [entry["Prefix"] for entry in answer.get("CommonPrefixes", ())], bool(answer.get("IsTruncated"))

        listing = Listing(
            start, fetch_page=fetch_page, find_folders=find_folders, page_keys=PAGE_KEYS, on_progress=on_progress
        )
        listed = tabulate_entries(listing.run(), skip=len(self._folder_key("")))
        return listed.filter(listed["path"] != "")

    def list_folders(self) -> list[str]:
        """The names of the folders right under the prefix, sorted."""
        start, names, token, idle_pages = self._folder_key(""), set(), None, 0
        while True:
            answer = self._list(start, Delimiter="/", **({"ContinuationToken": token} if token else {}))
            found = {entry["Prefix"][len(start) : -1] for entry in answer.get("CommonPrefixes", ())} - names
            idle_pages = 0 if found or answer.get(ENTRIES) else idle_pages + 1
            before, token = token, answer.get("NextContinuationToken") if answer.get("IsTruncated") else None
            refuse_endless(self.address.url, before, token, idle_pages)
            names |= found
            if not token:
                return sorted(name for name in names if name)

    def find_root_file(self) -> StoredObject | None:
        """The object whose key the address is, if there is one; else None."""
        if not self.address.prefix:
            return None
        try:
            head = self._head("")
        except StaleFile:
            return None
        return StoredObject(
            path="",
            size_bytes=head["ContentLength"],
            modified_at=head["LastModified"].astimezone(UTC),
            etag=head.get("ETag", "").strip('"'),
            storage_class=head.get("StorageClass") or "STANDARD",
        )

    def is_restored(self, path: str) -> bool:
        """Whether an archived object has a restored copy that can be read now; one HEAD request."""
        return 'ongoing-request="false"' in self._head(path).get("Restore", "")

    def read_range(self, path: str, start: int, length: int, *, etag: str | None = None) -> memoryview:
        """The bytes of a range; see `Store.read_range`."""
        return self._read_now(path, f"bytes={start}-{start + length - 1}", (start, start + length), etag)

    def read_suffix(
        self, path: str, length: int, *, etag: str | None = None, size_bytes: int | None = None
    ) -> memoryview:
        """The last bytes of an object; see `Store.read_suffix`. Without a size S3 counts from the end itself."""
        if size_bytes is not None:
            return super().read_suffix(path, length, etag=etag, size_bytes=size_bytes)
        return self._read_now(path, f"bytes=-{length}", {"suffix": length} if length > 0 else (0, 0), etag)

    @contextlib.contextmanager
    def open_reads(self, concurrency: int) -> Iterator[tuple[StartReads, int]]:
        fast = self._get_fast_client()
        asked: dict[object, str] = {}  # paths of requests that were sent and are not answered

        async def fetch(request: RangeRequest) -> memoryview:
            begin, end = request.start, request.start + request.length
            key = object()
            if request.length > 0:  # nothing is asked for no bytes
                asked[key] = request.path

            def count(kind: str, **more: Any) -> None:
                if asked.pop(key, None) is not None:  # else it was counted when all was left
                    self.requests.count(kind, **more)

            return await self._fetch(fast, request.path, f"bytes={begin}-{end - 1}", (begin, end), request.etag, count)

        try:
            yield functools.partial(start_all_in_loop, fetch), min(concurrency, _count_connections())
        finally:
            for key in list(asked):  # nobody waits for these any more, but S3 has them on its bill
                if (path := asked.pop(key, None)) is not None:
                    self.requests.count("GET", path=path)

    def _read_now(self, path: str, span: str, fast_span: Any, etag: str | None) -> memoryview:
        fast = self._get_fast_client()
        try:
            return run_in_loop(self._fetch(fast, path, span, fast_span, etag, self.requests.count))
        except LakekitError:
            raise
        except Exception as exc:
            raise self._translate(exc, "read", path) from exc

    async def _fetch(
        self, fast: Any, path: str, span: str, fast_span: Any, etag: str | None, count: Callable[..., None]
    ) -> memoryview:
        """The bytes of a span, from obstore, or from boto3 for a key that obstore would change, and counted."""
        if isinstance(fast_span, tuple) and fast_span[0] >= fast_span[1]:
            return memoryview(b"")
        key = self.address.full_path(path)
        try:
            if is_plain_key(key):
                content = await self._get_with_obstore(fast, key, fast_span, etag)
            else:
                loop = asyncio.get_running_loop()
                content = await loop.run_in_executor(None, self._get_with_boto3, key, span, etag)
        except Exception as exc:
            if read_answer(exc).code in ("InvalidRange", "416"):  # it starts behind the end: no bytes, as from a file
                content = memoryview(b"")
            elif "NotPartial" in str(exc):  # an empty object has no last bytes, and is sent whole
                count("GET", path=path)
                content = await asyncio.get_running_loop().run_in_executor(None, self._get_with_boto3, key, span, etag)
            else:
                count("GET", path=path)
                raise
        start, end = fast_span if isinstance(fast_span, tuple) else (0, fast_span["suffix"])
        count("GET", size_bytes=len(content), path=path, start=start)
        if len(content) > end - start:
            what = f"Of {self.address.join(path)} came {len(content):,} bytes or more, for {end - start:,} asked for."
            raise StorageFailed(what, hint="look at endpoint_url: is it S3?")
        return content

    async def _get_with_obstore(self, fast: Any, key: str, span: Any, etag: str | None) -> memoryview:
        import obstore

        if etag is None and isinstance(span, tuple):
            return memoryview(await obstore.get_range_async(fast, key, start=span[0], end=span[1]))
        options = {"range": span} | ({"if_match": f'"{etag}"'} if etag else {})
        answer = await obstore.get_async(fast, key, options=options)
        is_small = isinstance(span, tuple) and span[1] - span[0] <= _SMALL_BODY_BYTES
        begun_at = time.monotonic()
        if not is_small or begun_at < self._slow_until:
            return memoryview(await answer.bytes_async())
        body = memoryview(answer.bytes())  # a quarter less processor time for a small file than to be woken once more
        if time.monotonic() - begun_at > _PROMPT_SECONDS:
            self._slow_until = time.monotonic() + _SLOW_SECONDS
        return body

    def _get_with_boto3(self, key: str, span: str, etag: str | None) -> memoryview:
        condition = {"IfMatch": f'"{etag}"'} if etag else {}
        client, bucket = self.storage.boto3("s3"), self.address.bucket
        answer = client.get_object(Bucket=bucket, Key=key, Range=span, **condition)
        start, _, end = span.removeprefix("bytes=").partition("-")
        if "ContentRange" in answer:
            return memoryview(answer["Body"].read(int(end) + 2 - int(start or 0)))  # by one more, it is seen as wrong
        return _cut(memoryview(answer["Body"].read(int(end) + 1 if start else None)), span)

    def _get_fast_client(self) -> Any:
        _, asked = find_bucket_region(self.storage, self.address.bucket)
        if asked:
            self.requests.count("HEAD", times=asked)
        return self.storage.obstore(self.address.bucket)

    def _list(self, prefix: str, **more: Any) -> dict[str, Any]:
        """One page of a listing; an empty StartAfter is left out."""
        more = {name: value for name, value in more.items() if value != ""}
        with taking_entries(self.storage.boto3("s3")):
            answer = self._call("list_objects_v2", "LIST", prefix, Prefix=prefix, MaxKeys=PAGE_KEYS, **more)
        more_somewhere = answer.get("IsTruncated") and not answer.get("NextContinuationToken")
        if "IsTruncated" not in answer or more_somewhere:  # never a listing that is smaller than it should be
            raise StorageFailed(
                f"What answered s3:ListBucket on s3://{self.address.bucket}/{prefix} is not S3.",
                hint="look at endpoint_url, and whether this network wants to show a page to log in first",
            )
        self._learn_region(answer)
        return answer

    def _head(self, path: str) -> dict[str, Any]:
        key = self.address.full_path(path)
        return self._call("head_object", "HEAD", key, Key=key)

    def _call(self, operation: str, kind: str, key: str, **arguments: Any) -> dict[str, Any]:
        """One call of boto3, counted with its retries."""
        client = self.storage.boto3("s3")
        try:
            answer = getattr(client, operation)(Bucket=self.address.bucket, **arguments)
        except Exception as exc:
            self.requests.count(kind)
            action = {"LIST": "s3:ListBucket", "HEAD": "s3:GetObject"}[kind]
            raise self._translate_for(exc, action, f"s3://{self.address.bucket}/{key}") from exc
        self.requests.count(kind, times=1 + answer["ResponseMetadata"].get("RetryAttempts", 0))
        return answer

    def _learn_region(self, answer: dict[str, Any]) -> None:
        """Notes the region that S3 tells; boto3 follows a redirect in silence, the other clients cannot."""
        region = get_told_region(answer)
        if not region or find_endpoint(self.storage, "s3"):
            return
        if self.storage.region and self.storage.region != region:
            raise make_wrong_region(self.address.bucket, region, asked=self.storage.region)
        remember_bucket_region(self.storage, self.address.bucket, region)

    def _folder_key(self, folder: str) -> str:
        """What the keys in a folder below the address start with: "" or ending with "/"."""
        key = self.address.full_path(folder.strip("/"))
        return f"{key}/" if key else ""

    def _translate(self, exc: Exception, action: str, path: str) -> LakekitError:
        action = "s3:GetObject" if action == "read" else action
        return self._translate_for(exc, action, self.address.join(path))

    def _translate_for(self, exc: Exception, action: str, url: str) -> LakekitError:
        error = translate_error(exc, action=action, url=url, bucket=self.address.bucket, storage=self.storage)
        if isinstance(error, CredentialsExpired):
            self.storage.forget_clients()
        if isinstance(error, WrongRegion) and not find_endpoint(self.storage, "s3"):  # obstore is not told which
            region = ask_bucket_region(self.storage, self.address.bucket)
            error = make_wrong_region(self.address.bucket, region or "", asked=self.storage.region)
        if error is not exc and error.__cause__ is None:
            error.__cause__ = exc
        return error


def _count_connections() -> int:
    """How many connections may be open: a quarter of the files that the system lets this process have open.

    macOS has 256 in many programs, Linux 1,024; Windows sets no such limit.
    """
    try:
        import resource
    except ImportError:
        return REQUESTS_AT_ONCE
    return max(resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 4, 1)


def _cut(content: memoryview, span: str) -> memoryview:
    """The part that was asked for as "bytes=0-9" or "bytes=-10", of an object that was sent whole."""
    start, _, end = span.removeprefix("bytes=").partition("-")
    return content[int(start) : int(end) + 1] if start else content[-int(end) :]


def is_plain_key(key: str) -> bool:
    """Whether obstore reads exactly this key; it drops slashes at the ends and refuses some other keys.

    Example:
        >>> is_plain_key("a/b=c%20d"), is_plain_key("a//b"), is_plain_key("/a"), is_plain_key("a/../b")
        (True, False, False, False)
    """
    parts = f"/{key}/"
    return key.isprintable() and not ("//" in parts or "/./" in parts or "/../" in parts)
