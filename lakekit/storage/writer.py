"""Whole files put into a folder or an S3 prefix: each appears at once and complete, and none is ever overwritten.

It must not know what the files hold, nor write where nobody asked: only ingestion, compaction and publishing use it.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lakekit.errors import InvalidArgument, LakekitError, StaleFile, StorageFailed
from lakekit.storage.address import Address, parse_address
from lakekit.storage.answers import read_answer
from lakekit.storage.faults import translate_error
from lakekit.storage.options import Storage, resolve_storage
from lakekit.storage.session import find_endpoint, is_loopback
from lakekit.storage.store import open_store
from lakekit.units import GIB

MOST_PUT_BYTES = 5 * GIB  # of one PutObject; Amazon S3 user guide, "Uploading objects", read 2026-11
_AMAZON = (".amazonaws.com", ".amazonaws.com.cn")
_kept: set[tuple[str, str]] = set()  # endpoints and buckets that were seen to keep to If-None-Match
_CONFLICTS = 5  # "ConditionalRequestConflict" says that another write is under way: ask again, this often


@dataclass(frozen=True, kw_only=True)
class Encryption:
    """How S3 encrypts what is written: with a key of AWS KMS (SSE-KMS). Without it, S3 uses its own keys (SSE-S3).

    Attributes:
        kms_key_id: the key's id, ARN or alias; None for the account's own key for S3 (``aws/s3``).
        bucket_key: let S3 derive the objects' keys from one of the bucket's, which saves up to 99 % of the requests
            to KMS; Amazon S3 user guide, "Reducing the cost of SSE-KMS with Amazon S3 Bucket Keys", read 2026-11.

    Example:
        >>> Encryption(kms_key_id="alias/lake").as_arguments()["SSEKMSKeyId"]
        'alias/lake'
    """

    kms_key_id: str | None = None
    bucket_key: bool = True

    def as_arguments(self) -> dict[str, Any]:
        """The arguments of PutObject that ask for it."""
        key = {"SSEKMSKeyId": self.kms_key_id} if self.kms_key_id else {}
        return {"ServerSideEncryption": "aws:kms", "BucketKeyEnabled": self.bucket_key, **key}


class Writer:
    """Puts files under one address, and takes them away; made by `open_writer`.

    Attributes:
        address: where.
        storage: with which options.
        encryption: of what is written to S3.
    """

    def __init__(self, address: Address, storage: Storage, encryption: Encryption | None = None):
        self.address = address
        self.storage = storage
        self.encryption = encryption

    def put_new(self, path: str, content: bytes | Path) -> bool:
        """Whether the file was written; False where one of that name is there already, which stays as it is.

        A reader sees all of it or nothing, also when this process is killed. After a lost answer the name may be
        taken by this very call: names should tell the content, so that False means "done before".

        Amazon S3 keeps to If-None-Match. Of another store that is tried before the first file of this process, once
        for each bucket: by two puts of one small hidden object, which is removed then.

        Args:
            path: relative to the address.
            content: the bytes, or a local file that holds them; at most 5 GiB.

        Raises:
            AccessDenied, CredentialsExpired, WrongRegion, StorageFailed: see `translate_error`.
            StorageFailed: the store passes over If-None-Match, and would overwrite; nothing was written.
            InvalidArgument: more than 5 GiB.
        """
        size_bytes = content.stat().st_size if isinstance(content, Path) else len(content)
        if size_bytes > MOST_PUT_BYTES:
            raise InvalidArgument(f"{path} would have {size_bytes:,} bytes.", hint="write files of at most 5 GiB")
        if self.address.scheme == "file":
            return _put_in_folder(self.address.full_path(path), content)
        self._try_conditions()
        return self._put_on_s3(self.address.full_path(path), content)

    def holds(self, path: str, content: bytes) -> bool:
        """Whether the file there has just these bytes, as after a put that arrived and whose answer did not.

        Args:
            path: relative to the address.
            content: the bytes.

        Raises:
            StaleFile: no file is there.
            AccessDenied, CredentialsExpired, WrongRegion, StorageFailed: see `translate_error`.
        """
        return bytes(open_store(self.address, self.storage).read_suffix(path, len(content) + 1)) == content

    def remove(self, path: str, *, etag: str | None = None) -> None:
        """Take a file away; nothing happens where there is none.

        Args:
            path: relative to the address.
            etag: as a listing has it; then only that version goes.

        Raises:
            StaleFile: another version is there than that of the etag.
            AccessDenied, CredentialsExpired, WrongRegion, StorageFailed: see `translate_error`.
        """
        key = self.address.full_path(path)
        if self.address.scheme == "file":
            with contextlib.suppress(FileNotFoundError), self._translating("remove", path):
                if etag is not None and os.path.exists(key):
                    open_store(self.address, self.storage).read_range(path, 0, 1, etag=etag)
                os.unlink(key)
            return
        condition = {"IfMatch": f'"{etag}"'} if etag else {}
        with self._translating("s3:DeleteObject", path):
            try:
                self.storage.boto3("s3").delete_object(Bucket=self.address.bucket, Key=key, **condition)
            except Exception as exc:
                if read_answer(exc, self.storage).code not in ("NoSuchKey", "404"):
                    raise

    def move(self, path: str, storage_class: str, *, etag: str) -> None:
        """Let S3 keep an object in another storage class, by copying it onto itself; its content stays.

        Args:
            path: relative to the address; at most 5 GiB.
            storage_class: such as "GLACIER_IR" or "DEEP_ARCHIVE".
            etag: as a listing has it; only that version moves.

        Raises:
            StaleFile: another version is there, or none.
            InvalidArgument: the address is a folder.
            AccessDenied, CredentialsExpired, WrongRegion, StorageFailed: see `translate_error`.
        """
        if self.address.scheme != "s3":
            raise InvalidArgument(f"{self.address.url} has no storage classes.")
        key, client = self.address.full_path(path), self.storage.boto3("s3")
        place = {"Bucket": self.address.bucket, "Key": key}
        with self._translating("s3:PutObject", path):
            told = client.head_object(**place, IfMatch=f'"{etag}"')
            kept = {name: told[name] for name in ("Metadata", "ContentType", "CacheControl") if name in told}
            kept |= self.encryption.as_arguments() if self.encryption else {}
            asked = {"CopySource": place, "CopySourceIfMatch": f'"{etag}"', "MetadataDirective": "REPLACE"}
            client.copy_object(**place, **asked, **kept, StorageClass=storage_class)

    def _try_conditions(self) -> None:
        """StorageFailed where the store writes an object over one that is there, though it is asked not to."""
        endpoint = find_endpoint(self.storage, "s3")
        if (
            endpoint is None
            or (urlsplit(endpoint).hostname or "").endswith(_AMAZON)
            or (endpoint, self.address.bucket) in _kept
        ):
            return
        path = f"_lakekit/try-{secrets.token_hex(8)}"
        written = [self._put_on_s3(self.address.full_path(path), b"lakekit") for _ in range(2)]
        with contextlib.suppress(LakekitError):  # who may not remove leaves one small object
            self.remove(path)
        if all(written):
            raise StorageFailed(
                f"{endpoint} passes over If-None-Match: of two writers of one file in s3://{self.address.bucket}, the"
                " second would silently replace what the first wrote.",
                hint="take a version of the store that has conditional writes, as Amazon S3 since 2024, or a folder",
            )
        _kept.add((endpoint, self.address.bucket))

    def _put_on_s3(self, key: str, content: bytes | Path) -> bool:
        asked = {"Bucket": self.address.bucket, "Key": key, "IfNoneMatch": "*"}
        asked |= self.encryption.as_arguments() if self.encryption else {}
        client = self.storage.boto3("s3")
        for attempt in range(_CONFLICTS):
            with contextlib.ExitStack() as stack:
                body = stack.enter_context(open(content, "rb")) if isinstance(content, Path) else content
                try:
                    client.put_object(Body=body, **asked)
                    return True
                except Exception as exc:
                    code = read_answer(exc, self.storage).code
                    if code in ("PreconditionFailed", "412"):
                        return False
                    if code not in ("ConditionalRequestConflict", "409"):
                        raise self._translate(exc, "s3:PutObject", key) from exc
            time.sleep(0.05 * 2**attempt)
        raise StorageFailed(
            f"Others kept writing s3://{self.address.bucket}/{key} at the same time ({_CONFLICTS} attempts).",
            hint="see who else writes there, and run it again: what is written stays",
        )

    @contextlib.contextmanager
    def _translating(self, action: str, path: str):
        try:
            yield
        except (LakekitError, FileNotFoundError):
            raise
        except Exception as exc:
            raise self._translate(exc, action, self.address.full_path(path)) from exc

    def _translate(self, exc: Exception, action: str, key: str) -> LakekitError:
        url = Address(self.address.scheme, self.address.bucket, key).url
        error = translate_error(exc, action=action, url=url, bucket=self.address.bucket, storage=self.storage)
        if isinstance(error, StaleFile):
            return StaleFile(f"{url} is not the version that was asked to go.", hint="list again, and look at it")
        return error

    def __repr__(self) -> str:
        return f"Writer({self.address.url!r})"


def _put_in_folder(path: str, content: bytes | Path) -> bool:
    """The file is written under a hidden name, brought to the disk, and then gets its name, which must be free."""
    folder, name = os.path.split(path)
    try:
        os.makedirs(folder, exist_ok=True)
        if os.path.lexists(path):
            return False
        handle, draft = tempfile.mkstemp(prefix=".lakekit-", suffix=".part", dir=folder)
        try:
            with open(handle, "wb") as file:
                _copy_into(file, content)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(draft, 0o666 & ~_read_umask())  # mkstemp gives a file to its owner alone
            try:
                os.link(draft, path)
            except FileExistsError:  # another was faster
                return False
        finally:
            os.unlink(draft)
        _sync_folder(folder)
    except OSError as exc:
        raise translate_error(exc, action="write", url=path) from exc
    return True


def _copy_into(file: Any, content: bytes | Path) -> None:
    if not isinstance(content, Path):
        file.write(content)
        return
    with open(content, "rb") as source:
        while part := source.read(1 << 22):
            file.write(part)


def _read_umask() -> int:
    """The mask that new files of this process get; it can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _sync_folder(folder: str) -> None:
    """The new name reaches the disk too; Windows keeps no such promise, and opens no folder."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def open_writer(
    url: str | os.PathLike | Address, storage: Storage | None = None, *, encryption: Encryption | None = None
) -> Writer:
    """What puts files under an address; nothing is sent yet.

    Args:
        url: a folder, or an S3 prefix.
        storage: options; the environment's when None.
        encryption: how S3 encrypts what is written; by its own keys when None.

    Raises:
        InvalidArgument: another kind of address, or a file; an endpoint without TLS that is not this machine;
            encryption for a folder.

    Example:
        >>> open_writer("s3://bucket/lake")
        Writer('s3://bucket/lake')
    """
    address = parse_address(url)
    storage = resolve_storage(storage, address)
    if address.scheme not in ("file", "s3"):
        raise InvalidArgument(f"{address.url} cannot be written to.", hint="give a folder, or an S3 prefix")
    if address.scheme == "file" and os.path.isfile(address.prefix):
        raise InvalidArgument(f"{address.url} is a file, and no folder to write to.", hint="give a folder")
    if address.scheme == "file" and encryption is not None:
        raise InvalidArgument(f"encryption was given for the folder {address.url}.", hint="it is for S3: leave it out")
    endpoint = find_endpoint(storage, "s3") if address.scheme == "s3" else None
    if endpoint and endpoint.startswith("http://") and not is_loopback(endpoint):
        raise InvalidArgument(
            f"{endpoint} has no TLS: what is written would cross the network in the clear.",
            hint="use an https:// endpoint",
        )
    return Writer(address, storage, encryption)
