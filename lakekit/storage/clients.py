"""The clients of one Storage that are not boto3's: s3fs, obstore and Polars, told the same endpoint, region and keys.

It must not decide what to read; it makes each client once.
"""

import os
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from lakekit.storage.aws import (
    ATTEMPTS,
    CONNECT_SECONDS,
    DEFAULT_REGION,
    READ_SECONDS,
    find_bucket_region,
    make_boto3_client,
    make_config,
)
from lakekit.storage.credentials import ObstoreCredentials, PolarsCredentials
from lakekit.storage.session import (
    find_configured_region,
    find_endpoint,
    get_session,
    is_loopback,
    make_once,
    reveal,
)

if TYPE_CHECKING:
    from lakekit.storage.address import Address
    from lakekit.storage.options import Storage


def get_s3fs(storage: "Storage") -> Any:
    """The s3fs file system, made once."""
    return make_once(("s3fs", storage), lambda: _make_s3fs(storage))


def _make_s3fs(storage: "Storage") -> Any:
    import s3fs

    endpoint = find_endpoint(storage, "s3")
    region = find_configured_region(storage) or (DEFAULT_REGION if endpoint else None)
    config = make_config(storage, endpoint)
    config.pop("signature_version", None)  # s3fs sets it for anon=True
    return s3fs.S3FileSystem(
        anon=storage.anonymous,
        key=reveal(storage.access_key_id),
        secret=reveal(storage.secret_access_key),
        token=reveal(storage.session_token),
        profile=storage.profile,
        endpoint_url=endpoint,
        client_kwargs={"region_name": region} if region else {},
        config_kwargs={"connect_timeout": CONNECT_SECONDS, "read_timeout": READ_SECONDS, **config},
        skip_instance_cache=True,  # s3fs would hand out an old one with old credentials
    )


def get_obstore(storage: "Storage", bucket: str) -> Any:
    """The obstore store of a bucket, made once."""
    return make_once(("obstore", storage, bucket), lambda: _make_obstore(storage, bucket))


def _make_obstore(storage: "Storage", bucket: str) -> Any:
    from obstore.store import S3Store

    region, _ = find_bucket_region(storage, bucket)
    endpoint = find_endpoint(storage, "s3")
    virtual = endpoint is None and "." not in bucket  # a dot in the host's name breaks TLS
    url = endpoint or make_boto3_client(storage, "s3", region).meta.endpoint_url
    if virtual:
        url = url.replace("://", f"://{bucket}.", 1)
    provider = None
    if not storage.anonymous:
        provider = ObstoreCredentials(storage)
        provider()  # no credentials is an error now, not one of each read
    return S3Store(
        bucket,
        config={
            "region": region,
            "endpoint": url,
            "aws_endpoint_url_s3": url,  # else AWS_ENDPOINT_URL_S3 would win
            "virtual_hosted_style_request": virtual,
            "skip_signature": storage.anonymous,
        },
        client_options=_make_client_options(storage, url),
        retry_config={
            "max_retries": 2 * ATTEMPTS,  # sooner after each other than boto3's
            "backoff": {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=5), "base": 2},
            "retry_timeout": timedelta(minutes=2),
        },
        credential_provider=provider,
    )


def _make_client_options(storage: "Storage", url: str) -> dict[str, Any]:
    options: dict[str, Any] = {
        "allow_http": url.startswith("http://"),
        "connect_timeout": timedelta(seconds=CONNECT_SECONDS),
        "read_timeout": timedelta(seconds=READ_SECONDS),  # the longest silence; a large answer may take its time
        "timeout": timedelta(minutes=15),
    }
    if is_loopback(url):
        options["proxy_url"] = url  # a proxy of our own replaces the environment's, and is used for nothing
        options["proxy_excludes"] = urlsplit(url).hostname
    bundle = get_session(storage)._session.get_config_variable("ca_bundle") or os.environ.get("REQUESTS_CA_BUNDLE")
    if bundle and os.path.isfile(bundle) and url.startswith("https://"):
        with open(bundle, "rb") as file:
            options["root_certificate"] = file.read()
    return options


def make_polars_options(storage: "Storage", bucket: str | None) -> dict[str, Any]:
    """storage_options and credential_provider for Polars' readers."""
    endpoint = find_endpoint(storage, "s3")
    region = find_bucket_region(storage, bucket)[0] if bucket else find_configured_region(storage)
    region = region or (DEFAULT_REGION if endpoint else None)
    options = {"aws_skip_signature": "true" if storage.anonymous else "false"}
    if region:
        options["aws_region"] = region
    if endpoint:
        options |= {
            "aws_endpoint_url": endpoint,
            "aws_endpoint_url_s3": endpoint,  # else AWS_ENDPOINT_URL_S3 would win
            "aws_virtual_hosted_style_request": "false",
            "aws_allow_http": "true" if endpoint.startswith("http://") else "false",
        }
    if is_loopback(endpoint):
        options |= {"proxy_url": endpoint, "proxy_excludes": urlsplit(endpoint).hostname}
    return {
        "storage_options": options,
        "credential_provider": None if storage.anonymous else PolarsCredentials(storage),
    }


def make_delta_options(address: "Address", storage: "Storage") -> dict[str, str] | None:
    """storage_options for deltalake, which takes keys and no provider of them; None for a folder."""
    if address.scheme != "s3":
        return None
    made = make_polars_options(storage, address.bucket)
    credentials = made["credential_provider"]
    keys = credentials()[0] if credentials is not None else {}
    return {**made["storage_options"], **{name: value for name, value in keys.items() if value}}
