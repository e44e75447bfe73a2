"""The boto3 clients of one Storage, and the region of a bucket.

It must not list or read objects; the only request made here asks a bucket for its region.
"""

import threading
from typing import TYPE_CHECKING, Any

from lakekit.errors import LakekitError
from lakekit.storage.faults import translate_error
from lakekit.storage.session import find_configured_region, find_endpoint, get_session, is_loopback, make_once

if TYPE_CHECKING:
    from lakekit.storage.options import Storage

DEFAULT_REGION = "us-east-1"  # what services that are not AWS expect to be called
CONNECT_SECONDS = 5
READ_SECONDS = 60
MOST_CONNECTIONS = 64
ATTEMPTS = 4

_making_a_client = threading.Lock()


def get_boto3_client(storage: "Storage", service: str) -> Any:
    """The boto3 client of a service, made once."""
    return make_once(("boto3", storage, service), lambda: make_boto3_client(storage, service))


def make_boto3_client(storage: "Storage", service: str, region: str | None = None) -> Any:
    """A new boto3 client of a service, for the region given, configured or usual."""
    from botocore.config import Config

    session, endpoint = get_session(storage), find_endpoint(storage, service)
    try:
        config = Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
            max_pool_connections=MOST_CONNECTIONS,
            **make_config(storage, endpoint),
        )
        region = region or find_configured_region(storage) or (DEFAULT_REGION if endpoint else None)
        with _making_a_client:  # a session is not made for threads, a client is
            client = session.client(service, region_name=region, endpoint_url=endpoint, config=config)
    except Exception as exc:
        raise translate_error(exc, action=f"connect to {service}", url=endpoint or "", storage=storage) from exc
    if service == "s3":
        client.meta.events.register_first("needs-retry.s3", _leave_redirect)
    return client


def _leave_redirect(request_dict: dict, response: Any, **_: Any) -> None:
    """Keeps boto3 from asking HeadBucket about a redirect that names no region: the answer is one more redirect."""
    if response is not None and not get_told_region(response[1]) and not response[1].get("Error", {}).get("Region"):
        request_dict.get("context", {}).get("s3_redirect", {})["redirected"] = True


def make_config(storage: "Storage", endpoint: str | None) -> dict[str, Any]:
    """What boto3's and s3fs's Config have in common: signing, and what services other than AWS need."""
    from botocore import UNSIGNED

    config: dict[str, Any] = {}
    if storage.anonymous:
        config["signature_version"] = UNSIGNED
    if endpoint:
        config["s3"] = {"addressing_style": "path"}
        config["request_checksum_calculation"] = "when_required"
        config["response_checksum_validation"] = "when_required"
    if is_loopback(endpoint):
        config["proxies"] = {}  # a company's proxy cannot reach this machine
    return config


def find_bucket_region(storage: "Storage", bucket: str) -> tuple[str, int]:
    """The region of a bucket, and how many requests it took to learn it: none, or one HEAD.

    Raises:
        NoFilesFound: there is no such bucket.
        CredentialsExpired, StorageFailed: S3 could not be asked.
    """
    if storage.region:
        return storage.region, 0
    if find_endpoint(storage, "s3"):
        return find_configured_region(storage) or DEFAULT_REGION, 0
    asked = []

    def ask() -> str:
        asked.append(bucket)
        return _ask_bucket_region(storage, bucket)

    return make_once(("region", storage, bucket), ask), len(asked)


def ask_bucket_region(storage: "Storage", bucket: str) -> str | None:
    """The region that S3 itself tells of a bucket, whatever the options say; None where it does not tell."""

    def ask() -> str:
        try:
            return _ask_bucket_region(storage, bucket)
        except LakekitError:
            return ""

    return make_once(("told region", storage, bucket), ask) or None


def remember_bucket_region(storage: "Storage", bucket: str, region: str) -> None:
    """Keeps the region that an answer of S3 told, so that it need not be asked."""
    make_once(("region", storage, bucket), lambda: region)


def _ask_bucket_region(storage: "Storage", bucket: str) -> str:
    client = get_boto3_client(storage, "s3")
    try:
        answer = client.head_bucket(Bucket=bucket)
    except Exception as exc:
        answer = getattr(exc, "response", {})  # a refusal tells the region too
        if not get_told_region(answer):
            url = f"s3://{bucket}"
            raise translate_error(exc, action="s3:HeadBucket", url=url, bucket=bucket, storage=storage) from exc
    return get_told_region(answer) or find_configured_region(storage) or DEFAULT_REGION


def get_told_region(answer: dict[str, Any]) -> str | None:
    """The bucket's region that an answer of S3 carries in its headers, or None."""
    return answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("x-amz-bucket-region")
