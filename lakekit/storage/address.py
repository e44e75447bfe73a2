"""Where bytes are: an address of a folder, an S3 prefix or any other fsspec location, read from what people write.

It must not open anything, nor hold credentials: an address can be printed, stored and compared.
"""

import os
import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from lakekit.errors import InvalidArgument
from lakekit.storage.secret import MASK, NAMES_IN_URLS, scrub_secrets

_SCHEME = re.compile(r"^([a-zA-Z][a-zA-Z0-9+.-]+):(/*)")  # two letters at least: "C:" is a drive
_GLOB = re.compile(r"[*?]|\[[^\]]*\]")
_SIGNED = re.compile(rf"(?i)[?&#;](?:{NAMES_IN_URLS})=")
_S3_HOST = re.compile(r"(?i)^(?:(?P<bucket>.+)\.)?s3[.-](?:[a-z0-9-]+\.)*amazonaws\.com(?:\.cn)?$")
_USER_AND_KEY = re.compile(r"^(?:[^/@]*|[^/@:]+:(?!\d+/)[^@]*)@")  # a secret key may hold slashes
_USER_OF_NO_URL = re.compile(r"^([a-zA-Z][a-zA-Z0-9+.-]+:/?)(?!/)[^@]*@")
_S3_NAMES = ("s3", "s3a", "s3n")


@dataclass(frozen=True, slots=True)
class Address:
    """One place under which files lie.

    Attributes:
        scheme: "file", "s3", or another fsspec protocol such as "gs" or "memory".
        bucket: the bucket or container; "" for folders.
        prefix: what comes after the bucket, without a slash at its ends; for folders the absolute path.

    An address made here by hand is taken as it is, so a prefix may hold any character.

    Example:
        >>> Address("s3", "logs", "events/2024").child("day=1")
        Address('s3://logs/events/2024/day=1')
    """

    scheme: str
    bucket: str = ""
    prefix: str = ""

    @property
    def url(self) -> str:
        """The address as text: "s3://bucket/prefix", or the absolute path of a folder."""
        if self.scheme == "file":
            return self.prefix
        tail = "/".join(part for part in (self.bucket, self.prefix) if part)
        return f"{self.scheme}://{tail}" if self.bucket else f"{self.scheme}:///{self.prefix}"

    @property
    def name(self) -> str:
        """The last part of the address: the folder's name, or the bucket's when there is no prefix."""
        return self.prefix.rstrip("/").rpartition("/")[2] or self.bucket or self.prefix

    @property
    def parent(self) -> "Address | None":
        """The address one step up, or None at the top: its folders are this one's neighbours."""
        head, _, tail = self.prefix.rpartition("/")
        if not tail:
            return None
        if self.scheme == "file" and not head:
            return Address("file", prefix="/")
        return Address(self.scheme, self.bucket, head) if head or self.bucket else None

    def child(self, name: str) -> "Address":
        """The address of a folder below this one; the name may hold slashes."""
        return Address(self.scheme, self.bucket, self.full_path(name.rstrip("/")))

    def full_path(self, relative_path: str) -> str:
        """The prefix with a path below it: an object's key on S3, a file's path in a folder."""
        if not self.prefix or not relative_path:
            return self.prefix or relative_path
        return f"{'' if self.prefix == '/' else self.prefix}/{relative_path}"

    def join(self, relative_path: str) -> str:
        """The whole URL, or path, of a file below this address."""
        return Address(self.scheme, self.bucket, self.full_path(relative_path)).url

    def __str__(self) -> str:
        return self.url

    def __repr__(self) -> str:
        return f"Address({self.url!r})"


def parse_address(url: "str | os.PathLike | Address") -> Address:
    """The address that a text or path means; relative paths and "~" become absolute.

    Args:
        url: "s3://bucket/prefix" (s3a:// and s3n:// too), a folder as text, Path or file:// URL, or a URL of any
            fsspec protocol. What stands after "s3://" is taken as the keys are, without percent-decoding.

    Raises:
        InvalidArgument: it is empty, names no bucket, is a glob, or carries credentials.

    Example:
        >>> parse_address("s3a://logs/events/")
        Address('s3://logs/events')
        >>> parse_address("file:///data/my%20lake").prefix
        '/data/my lake'
    """
    if isinstance(url, Address):
        return url
    text = os.fspath(url) if isinstance(url, str | os.PathLike) else url
    if not isinstance(text, str) or not text.strip():
        raise InvalidArgument(
            f"An address is needed, not {_shown(text)}.",
            hint='give a folder such as "data/lake", or "s3://bucket/prefix"',
        )
    match = _SCHEME.match(text)
    if match is None or (len(match[2]) < 2 and os.path.exists(text)):
        return _parse_path(text)
    scheme, slashes = match[1].lower(), match[2]
    if scheme == "arn" or len(slashes) < 2:
        raise InvalidArgument(f"{_shown(text)} is not an address that can be opened.", hint=_guess_s3_url(text))
    rest = text[match.end(1) + 3 :]
    _refuse_credentials(text, rest)
    if scheme in ("file", "local"):
        return _parse_path(unquote(rest.removeprefix("localhost")))
    _refuse_glob(text, rest if scheme not in ("http", "https") else "")
    bucket, _, prefix = rest.partition("/")
    if scheme in _S3_NAMES:
        scheme = "s3"
        if not bucket:
            raise InvalidArgument(f"{_shown(text)} names no bucket.", hint='write "s3://bucket/prefix"')
    if scheme in ("http", "https") and _S3_HOST.match(bucket):
        raise InvalidArgument(f"{_shown(text)} is a web address of S3.", hint=_guess_s3_url(text))
    return Address(scheme, bucket, prefix.strip("/"))


def _parse_path(text: str) -> Address:
    path = os.path.abspath(os.path.expanduser(text))
    if not os.path.exists(path):
        _refuse_glob(text, text)
    return Address("file", prefix=path.replace(os.sep, "/"))


def _refuse_glob(text: str, part: str) -> None:
    glob = _GLOB.search(part)
    if glob:
        raise InvalidArgument(
            f"{_shown(text)} is a glob: it holds {glob[0]!r}.",
            hint=f"give the prefix; lakekit lists it itself: {_shown(text[: text.index(glob[0])].rpartition('/')[0])}",
        )


def _refuse_credentials(text: str, rest: str) -> None:
    if _USER_AND_KEY.match(rest) or _SIGNED.search(rest):
        raise InvalidArgument(
            f"{_shown(text)} carries credentials.",
            hint="give the plain address, and the keys as storage=Storage(access_key_id=…, secret_access_key=…), "
            "a profile, or the environment",
        )


def _shown(text: object) -> str:
    return repr(_mask(text)) if isinstance(text, str) else scrub_secrets(repr(text))


def _mask(text: str) -> str:
    """A text without secrets, be it an address that lacks a slash."""
    return scrub_secrets(_USER_OF_NO_URL.sub(rf"\1{MASK}@", text))


def _guess_s3_url(text: str) -> str:
    text = _mask(text)
    if text.startswith("arn:aws:s3:::"):
        return f'write "s3://{text.removeprefix("arn:aws:s3:::").rstrip("*").rstrip("/")}"'
    if text.lower().startswith("http"):
        parts = urlsplit(text)
        bucket = _S3_HOST.match(parts.netloc)["bucket"]
        path = parts.path.strip("/")
        return f'write "s3://{"/".join(part for part in (bucket, path) if part)}"'
    scheme, _, rest = text.partition(":")
    return f'write "{scheme.lower()}://{rest.lstrip("/")}", with two slashes'
