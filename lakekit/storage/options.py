"""How bytes are reached: one set of options that becomes the client each part needs.

It must not list or read anything: it makes clients, and it never shows a key.
"""

import os
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from lakekit.display import escape_html
from lakekit.errors import InvalidArgument
from lakekit.storage.secret import KeyId, Secret, scrub_secrets

if TYPE_CHECKING:
    import s3fs
    from obstore.store import S3Store

    from lakekit.storage.address import Address


@dataclass(frozen=True, kw_only=True, repr=False)
class Storage:
    """Options for reaching S3, or a service that speaks its language.

    With none given, everything comes from where the AWS tools look: environment variables (AWS_PROFILE,
    AWS_ACCESS_KEY_ID, AWS_DEFAULT_REGION or AWS_REGION, AWS_ENDPOINT_URL and AWS_ENDPOINT_URL_S3), the profile in
    ~/.aws, single sign-on, a container's or machine's role. Credentials that expire are fetched anew in time.

    Attributes:
        region: such as "eu-west-1"; when missing, the bucket is asked.
        profile: a profile of ~/.aws/config.
        endpoint_url: another service than AWS, such as "http://127.0.0.1:9000".
        anonymous: sign nothing, for public buckets.
        access_key_id, secret_access_key, session_token: keys, when they come from nowhere else. They never show:
            in printed form all three are masked; `.secret_access_key.reveal()` is the text.

    Raises:
        InvalidArgument: keys together with anonymous, or one key without the other.

    Example:
        >>> Storage(region="eu-west-1", access_key_id="AKIAIOSFODNN7EXAMPLE", secret_access_key="abcdefgh")
        Storage(region='eu-west-1', access_key_id='AKIA…LE', secret_access_key='***')
    """

    region: str | None = None
    profile: str | None = None
    endpoint_url: str | None = None
    anonymous: bool = False
    access_key_id: str | None = None
    secret_access_key: str | None = None
    session_token: str | None = None

    def __post_init__(self):
        for name, kind in (("access_key_id", KeyId), ("secret_access_key", Secret), ("session_token", Secret)):
            value = getattr(self, name)
            if value is not None and not isinstance(value, Secret):
                object.__setattr__(self, name, kind(value))
        if bool(self.access_key_id) != bool(self.secret_access_key):
            given, missing = ("access_key_id", "secret_access_key")[:: 1 if self.access_key_id else -1]
            raise InvalidArgument(f"{given} was given without {missing}.", hint="give both, or neither")
        if self.session_token and not self.access_key_id:
            raise InvalidArgument("session_token was given without keys.", hint="give all three, or none")
        if self.anonymous and (self.access_key_id or self.profile):
            raise InvalidArgument(
                "anonymous=True was given together with keys or a profile.",
                hint="leave one of them out: anonymous requests are not signed",
            )

    def boto3(self, service: str = "s3") -> Any:
        """The boto3 client of a service ("s3", "dynamodb", …), the same one at each call; safe to share by threads.

        Raises:
            CredentialsExpired: the profile does not exist.
            WrongRegion: the service needs a region and none is known.
        """
        from lakekit.storage.aws import get_boto3_client

        return get_boto3_client(self, service)

    def s3fs(self) -> "s3fs.S3FileSystem":
        """The s3fs file system, for browsing and uploading."""
        from lakekit.storage.clients import get_s3fs

        return get_s3fs(self)

    def obstore(self, bucket: str) -> "S3Store":
        """The obstore store of a bucket, for many reads at a time.

        Raises:
            CredentialsExpired: no valid credentials were found.
            NoFilesFound: there is no such bucket (when its region has to be asked).
        """
        from lakekit.storage.clients import get_obstore

        return get_obstore(self, bucket)

    def polars_options(self, bucket: str | None = None) -> dict[str, Any]:
        """Keyword arguments for `polars.scan_parquet` and its like: storage_options and credential_provider.

        Args:
            bucket: whose region is used when the options name none.
        """
        from lakekit.storage.clients import make_polars_options

        return make_polars_options(self, bucket)

    def find_region(self, bucket: str) -> str:
        """The region of a bucket: the one given here, else what S3 says, asked once."""
        from lakekit.storage.aws import find_bucket_region

        return find_bucket_region(self, bucket)[0]

    def forget_clients(self) -> None:
        """Drops the clients made so far, so that the next ones look for credentials anew."""
        from lakekit.storage.session import forget_clients

        forget_clients(self)

    def __repr__(self) -> str:
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        shown = ", ".join(f"{name}={value!r}" for name, value in given.items() if value not in (None, False))
        return f"Storage({scrub_secrets(shown)})"

    def __str__(self) -> str:
        return repr(self)

    def __format__(self, spec: str) -> str:
        return format(repr(self), spec)

    def _repr_html_(self) -> str:
        return f"<code>{escape_html(repr(self))}</code>"


def resolve_storage(storage: Storage | None, url: "str | os.PathLike | Address") -> Storage:
    """The options to use for an address: those given, or the defaults of the environment.

    Raises:
        InvalidArgument: `storage` is something else, such as a dict.

    Example:
        >>> resolve_storage(None, "s3://bucket/lake")
        Storage()
    """
    if storage is None:
        return Storage()
    if not isinstance(storage, Storage):
        raise InvalidArgument(
            f"storage={type(storage).__name__} was given for {scrub_secrets(str(url))}, not a Storage.",
            hint='write storage=Storage(region="eu-west-1", profile="…")',
        )
    return storage
