"""Any other service that fsspec knows (gs://, az://, memory://, https://) as a store, for reading.

It must not write, nor hold credentials: each service's package finds its own.
"""

import hashlib
from datetime import UTC, datetime
from typing import Any

from lakekit.errors import InvalidArgument, MissingPackage, StaleFile
from lakekit.storage.address import Address
from lakekit.storage.options import Storage
from lakekit.storage.store import OnProgress, Store, StoredObject

_ANONYMOUS = {"gs": {"token": "anon"}, "gcs": {"token": "anon"}, "az": {"anon": True}, "abfs": {"anon": True}}
_ETAG_NAMES = ("ETag", "etag", "md5Hash", "content_md5", "md5", "checksum", "generation", "fingerprint")
_TIME_NAMES = ("LastModified", "last_modified", "mtime", "modified", "updated", "created", "timeCreated")


class OtherStore(Store):
    """The files under an address of another service, read through fsspec.

    Whether a file changed is looked up after each read that names an etag, which costs one more request.

    Example:
        >>> from lakekit.storage.store import open_store
        >>> open_store("memory://nothing/here").list_objects()
        []
    """

    threads = 16

    def __init__(self, address: Address, storage: Storage):
        super().__init__(address, storage)
        self.filesystem = _open_filesystem(address, storage)
        self._root = self.filesystem._strip_protocol(address.url).rstrip("/")

    def list_objects(self, prefix: str = "", *, on_progress: OnProgress | None = None) -> list[StoredObject]:
        """All files under the address, sorted by path; see `Store.list_objects`."""
        root = self._locate(prefix.strip("/"))
        self.requests.count("LIST")
        try:
            self.filesystem.invalidate_cache()
            entries = self.filesystem.find(root, detail=True)
        except FileNotFoundError:
            return []
        except Exception as exc:
            raise self._translate(exc, "listing", prefix) from exc
        skip = len(self._root) + 1
        found = [
            _describe(name[skip:], info)
            for name, info in entries.items()
            if info.get("type") != "directory" and name.startswith(f"{root}/")
        ]
        if on_progress:
            on_progress(len(found))
        return sorted(found, key=lambda stored: stored.path)

    def list_folders(self) -> list[str]:
        """The names of the folders right under the address, sorted."""
        self.requests.count("LIST")
        try:
            self.filesystem.invalidate_cache()
            entries = self.filesystem.ls(self._root, detail=True)
        except (FileNotFoundError, NotADirectoryError):
            return []
        except Exception as exc:
            raise self._translate(exc, "listing", "") from exc
        folders = (entry["name"].rstrip("/") for entry in entries if entry.get("type") == "directory")
        return sorted(name.rpartition("/")[2] for name in folders)

    def find_root_file(self) -> StoredObject | None:
        """The file that the address names, when it is no folder; else None."""
        try:
            info = self._info("")
        except FileNotFoundError:
            return None
        except Exception as exc:
            raise self._translate(exc, "read", "") from exc
        return _describe("", info) if info.get("type") == "file" else None

    def read_range(self, path: str, start: int, length: int, *, etag: str | None = None) -> memoryview:
        """The bytes of a range; see `Store.read_range`."""
        if length <= 0:
            return memoryview(b"")
        try:
            content = self.filesystem.cat_file(self._locate(path), start=start, end=start + length)
            self.requests.count("GET", size_bytes=len(content), path=path, start=start)
            changed = etag is not None and _make_etag(self._info(path)) != etag
        except Exception as exc:
            raise self._translate(exc, "read", path) from exc
        if changed:
            raise StaleFile(
                f"{self.address.join(path)} has changed since it was listed.", hint="refresh: list the files again"
            )
        return memoryview(content)

    def _info(self, path: str) -> dict[str, Any]:
        """What the service says of a file now; a listing kept from before does not count."""
        self.requests.count("HEAD")
        located = self._locate(path)
        self.filesystem.invalidate_cache(self.filesystem._parent(located))
        return self.filesystem.info(located)

    def _find_size(self, path: str) -> int:
        try:
            return self._info(path)["size"]
        except Exception as exc:
            raise self._translate(exc, "read", path) from exc

    def _locate(self, path: str) -> str:
        return f"{self._root}/{path}" if path else self._root


def _open_filesystem(address: Address, storage: Storage) -> Any:
    import fsspec

    try:
        return fsspec.filesystem(address.scheme, **(_ANONYMOUS.get(address.scheme, {}) if storage.anonymous else {}))
    except ImportError as exc:
        raise MissingPackage(
            f"Reading {address.url} needs a package that is not installed: {exc}", hint="install it with pip"
        ) from exc
    except ValueError as exc:
        raise InvalidArgument(
            f"{address.url} has the unknown protocol {address.scheme!r}.",
            hint='write a folder, "s3://bucket/prefix", or a protocol of fsspec such as "gs://"',
        ) from exc


def _describe(path: str, info: dict[str, Any]) -> StoredObject:
    storage_class = info.get("StorageClass") or info.get("storageClass") or "STANDARD"
    return StoredObject(path, info.get("size") or 0, _read_time(info), _make_etag(info), str(storage_class))


def _read_time(info: dict[str, Any]) -> datetime:
    """When a file was written, whatever its service calls that; 1970 where it does not say."""
    value = next((info[name] for name in _TIME_NAMES if info.get(name) is not None), 0)
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            value = 0
    if not isinstance(value, datetime):
        return datetime.fromtimestamp(value, UTC)
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _make_etag(info: dict[str, Any]) -> str:
    """The service's own mark of the content, or one made of what it does tell: size and time."""
    for name in _ETAG_NAMES:
        if info.get(name):
            mark = info[name]
            return mark.hex() if isinstance(mark, bytes | bytearray) else str(mark).strip('"')
    told = f"{info.get('size')}-{_read_time(info).isoformat()}"
    return hashlib.sha256(told.encode()).hexdigest()[:32]
