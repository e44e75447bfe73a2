"""What a store's failure says: the code, message, region and class read out of any client's exception.

It must not judge: which error of lakekit it becomes is decided in faults.py.
"""

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lakekit.storage.secret import scrub_secrets

if TYPE_CHECKING:
    from lakekit.storage.options import Storage

_STATUS = re.compile(r"status code: ((\d{3})[A-Za-z ]*)")
_TELLTALE = ("Code", "Message", "Region", "Endpoint", "StorageClass", "Bucket", "BucketName", "Key", "Resource")
_NOT_SENT = re.compile(r"HTTP error: |error sending request|connect error|timed out", re.IGNORECASE)
_REGION_IN_HOST = re.compile(r"\bs3[.-]([a-z]{2}(?:-[a-z]+)+-\d)\.amazonaws\.com")
_REGION_IN_TEXT = re.compile(r"expecting ['\"]?([a-z]{2}(?:-[a-z]+)+-\d)")
_WRAPPED = re.compile(r"External AWS credential provider: (?:\w+: )?(.*?)(?:\n|$)")

# What boto3 asks by itself to get at credentials; a refusal there is no refusal by the bucket.
_SIGN_IN_OPERATIONS = {"AssumeRole", "AssumeRoleWithWebIdentity", "AssumeRoleWithSAML", "GetRoleCredentials"}

# Names of exception classes, so that no client has to be imported to know its errors.
_NO_CONNECTION = {
    "EndpointConnectionError",
    "ConnectTimeoutError",
    "ReadTimeoutError",
    "ConnectionClosedError",
    "ConnectionError",
    "ProxyConnectionError",
    "SSLError",
    "HTTPClientError",
    "ClientConnectorError",
    "TimeoutError",
}
_NOT_SIGNED_IN = {
    "CredentialRetrievalError",
    "TokenRetrievalError",
    "SSOError",
    "SSOTokenLoadError",
    "UnauthorizedSSOTokenError",
    "PendingAuthorizationExpiredError",
    "InvalidConfigError",
    "RefreshWithMFAUnsupportedError",
    "MetadataRetrievalError",
    "LoginError",
    "LoginRefreshRequired",
    "UnauthenticatedError",
}
_KINDS = (
    {
        "NoCredentialsError": "no credentials",
        "PartialCredentialsError": "no credentials",
        "ProfileNotFound": "no profile",
        "NoRegionError": "no region",
        "ParamValidationError": "bad name",
        "InvalidRegionError": "bad name",
        "PreconditionError": "412",
        "PermissionDeniedError": "403",
        "FileNotFoundError": "404",
        "NotADirectoryError": "404",
        "PermissionError": "403",
    }
    | dict.fromkeys(_NO_CONNECTION, "no connection")
    | dict.fromkeys(_NOT_SIGNED_IN, "not signed in")
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What was read out of an exception; "" where it says nothing.

    Attributes:
        code: S3's own word ("NoSuchBucket"), or the HTTP status.
        kind: what the exception's class tells, in words.
        message: one line, without secrets.
        region: where the bucket is, when a redirect tells.
        storage_class: of an archived object.
        endpoint: which service was asked, when it is not AWS, or could not be reached.
        anonymous: whether the request was unsigned.
        hint: how to go on, when it is known here already.
    """

    code: str = ""
    kind: str = ""
    message: str = ""
    region: str = ""
    storage_class: str = ""
    endpoint: str = ""
    anonymous: bool = False
    hint: str = ""


def read_answer(exc: BaseException, storage: "Storage | None" = None) -> Answer:
    """What an exception of botocore, obstore, fsspec or the operating system says."""
    kind = next((_KINDS[cls.__name__] for cls in type(exc).__mro__ if cls.__name__ in _KINDS), "")
    response = getattr(exc, "response", None)
    answer = _read_response(response) if isinstance(response, dict) else _read_text(exc)
    if not answer.code and isinstance(getattr(exc.__cause__, "response", None), dict):
        answer = _read_response(exc.__cause__.response)  # s3fs keeps botocore's error as its cause
    if kind == "no profile":
        answer = _name_profiles(answer, exc)
    if getattr(exc, "operation_name", "") in _SIGN_IN_OPERATIONS:
        answer, kind = replace(answer, code="", message=f"{answer.code}: {answer.message}"), "not signed in"
    return replace(
        answer,
        kind=answer.kind or (kind if not answer.code or answer.code.isdigit() else ""),
        endpoint=scrub_secrets(getattr(storage, "endpoint_url", None) or answer.endpoint, _list_secrets(storage)),
        message=scrub_secrets(answer.message, _list_secrets(storage)),
        anonymous=bool(storage and storage.anonymous),
    )


def _read_response(response: dict) -> Answer:
    """What botocore's parsed answer says."""
    error, headers = response.get("Error", {}), response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    status = str(response.get("ResponseMetadata", {}).get("HTTPStatusCode", ""))
    code = str(error.get("Code") or status)
    message = str(error.get("Message") or (f"HTTP status {status}" if code == status else code))
    return Answer(
        code=code,
        message=_one_line(message),
        region=headers.get("x-amz-bucket-region") or _find_region(error, message),
        storage_class=str(error.get("StorageClass", "")),
    )


def _read_text(exc: BaseException) -> Answer:
    """What the text of an exception says; obstore puts the whole answer of S3 into it."""
    text = str(exc)
    wrapped = _WRAPPED.search(text)
    if wrapped:
        return Answer(message=_one_line(wrapped[1]))
    found = {name: match[1] for name in _TELLTALE if (match := re.search(rf"<{name}>([^<]*)</{name}>", text))}
    status = _STATUS.search(text)
    message = found.get("Message") or (f"HTTP status {status[1]}" if status else _strip_debug(exc, text))
    code = found.get("Code") or (status[2] if status else "")
    if "redirect without LOCATION" in text or "incorrectly configured region" in text:
        code = "PermanentRedirect"  # as S3 answers for a bucket elsewhere; obstore leaves its words out
    return Answer(
        code=code,
        kind="" if code or not _NOT_SENT.search(text) else "no connection",
        message=_one_line(message),
        region=_find_region(found, message),
        storage_class=found.get("StorageClass", ""),
    )


def _strip_debug(exc: BaseException, text: str) -> str:
    if isinstance(exc, OSError) and exc.strerror:
        return exc.strerror
    return text.split("\n\nDebug source:")[0]


def _name_profiles(answer: Answer, exc: BaseException) -> Answer:
    import botocore.session

    names = sorted(botocore.session.Session(profile=None).full_config.get("profiles", {}))
    there = f"there are: {', '.join(names)}" if names else "there are none"
    return replace(
        answer,
        message=f"The AWS profile {exc.kwargs.get('profile')!r} does not exist; {there}.",
        hint='name one of them with Storage(profile="…"), or make it with "aws configure --profile …"',
    )


def _find_region(told: dict[str, str], message: str) -> str:
    """The region that an error names outright, in the host to turn to, or in its message."""
    if told.get("Region"):
        return told["Region"]
    text = f"{told.get('Endpoint')} {message}"
    found = _REGION_IN_HOST.search(text) or _REGION_IN_TEXT.search(text)
    return found[1] if found else ""


def _one_line(text: str) -> str:
    return " ".join(text.split())[:500]


def scrub_exception(exc: BaseException, storage: "Storage | None" = None) -> None:
    """Takes the secrets out of an exception's own text, and out of those that caused it."""
    secrets, seen = _list_secrets(storage), set()
    while exc is not None and id(exc) not in seen:
        seen.add(id(exc))
        exc.args = tuple(scrub_secrets(arg, secrets) if isinstance(arg, str) else arg for arg in exc.args)
        response = getattr(exc, "response", None)
        if isinstance(response, dict) and isinstance(response.get("Error"), dict):
            error = response["Error"]
            response["Error"] = {
                name: scrub_secrets(value, secrets) if isinstance(value, str) else value
                for name, value in error.items()
                if name in _TELLTALE
            }
        exc = exc.__cause__ or exc.__context__


def _list_secrets(storage: "Storage | None") -> tuple[str | None, ...]:
    from lakekit.storage.session import list_found_keys

    if storage is None:
        return ()
    key_id = storage.access_key_id if storage.access_key_id and len(storage.access_key_id) >= 16 else None
    return storage.secret_access_key, storage.session_token, key_id, *list_found_keys(storage)
