"""What went wrong at a store, as lakekit's own error: the one place where answers of S3, obstore and the disk are read.

It must not send a request, and no secret may leave it: neither in the message nor in the text of the cause.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

from lakekit.errors import (
    AccessDenied,
    ArchivedFile,
    CredentialsExpired,
    InvalidArgument,
    LakekitError,
    NoFilesFound,
    StaleFile,
    StorageFailed,
    WrongRegion,
)
from lakekit.storage.answers import Answer, read_answer, scrub_exception

if TYPE_CHECKING:
    from lakekit.storage.options import Storage

_ARCHIVED = {"InvalidObjectState", "ObjectNotInActiveTierError"}
_MOVED = {
    "PermanentRedirect",
    "TemporaryRedirect",
    "AuthorizationHeaderMalformed",
    "IllegalLocationConstraintException",
}
_REDIRECTED = {"301", "302", "303", "307", "308"}
_NO_BUCKET = {"NoSuchBucket"}
_NO_OBJECT = {"NoSuchKey", "NoSuchVersion", "NotFound", "404"}
_CHANGED = {"PreconditionFailed", "ConditionalRequestConflict", "412"}
_DENIED = {"AccessDenied", "AccessDeniedException", "AllAccessDisabled", "AccountProblem", "Forbidden", "403"}
_NOT_SIGNED_IN = {
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidToken",
    "TokenRefreshRequired",
    "RequestExpired",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "SignatureDoesNotMatch",
    "InvalidSignatureException",
    "InvalidSecurity",
    "NotSignedUp",
    "AuthFailure",
    "Unauthorized",
    "401",
}
_OF_A_BUCKET = ("s3:ListBucket", "s3:HeadBucket", "s3:GetBucketLocation")
_WRONG_CLOCK = {"RequestTimeTooSkewed"}


def translate_error(
    exc: BaseException,
    *,
    action: str,
    url: str,
    bucket: str | None = None,
    storage: "Storage | None" = None,
) -> LakekitError:
    """The error to raise ``from exc``: what was tried, on what, what the store said, and how to go on.

    Args:
        exc: of botocore, obstore, fsspec or the operating system; its own text is cleared of secrets too.
        action: as its permission is called ("s3:GetObject"), or in words ("read").
        url: what it was tried on: "s3://bucket/key" or a path.
        bucket: the bucket, when it is S3.
        storage: the options in use; they say which keys to clear, and which endpoint was asked.

    Returns:
        AccessDenied, ArchivedFile, CredentialsExpired, NoFilesFound, StaleFile, WrongRegion, InvalidArgument, or
        StorageFailed for everything else. An error that is lakekit's already comes back as it is.

    Example:
        >>> error = translate_error(PermissionError(13, "Permission denied"), action="read", url="/data/a.parquet")
        >>> print(error)
        Permission denied: read of /data/a.parquet.
        Hint: see who may read it with "ls -l"
    """
    if isinstance(exc, LakekitError):
        return exc
    scrub_exception(exc, storage)
    answer = read_answer(exc, storage)
    if action in _OF_A_BUCKET and answer.code in _NO_OBJECT:  # a HEAD has no body that would say so
        answer = replace(answer, code="NoSuchBucket")
    for codes, make in _MAKERS:
        if answer.code in codes or answer.kind in codes:
            return make(answer, action, url, bucket)
    return _make_storage_failed(answer, action, url, bucket, storage)


def _make_archived(answer: Answer, action: str, url: str, bucket: str | None) -> LakekitError:
    return ArchivedFile(
        f"{url} is archived in {answer.storage_class or 'a GLACIER class'} and cannot be read as it is"
        f" ({answer.code}).",
        hint="have it restored (s3:RestoreObject; hours to days, and it costs), or leave archived files out with "
        'on_archived="skip"',
    )


def _make_wrong_region(answer: Answer, action: str, url: str, bucket: str | None) -> LakekitError:
    if answer.kind == "no region":
        return WrongRegion(
            "No AWS region is known: none was given, and the environment and profile name none.",
            hint='pass region="eu-west-1" (yours) in Storage(…), or set AWS_DEFAULT_REGION',
        )
    return make_wrong_region(bucket or url, answer.region)


def make_wrong_region(bucket: str, region: str, *, asked: str | None = None) -> WrongRegion:
    """The error of a bucket that is in another region than the one asked; `region` is "" when S3 did not tell."""
    where = f"in {region}" if region else "in another region"
    return WrongRegion(
        f"The bucket {bucket!r} is {where}, not in {asked or 'the one asked'}.",
        hint=f'pass region="{region or "…"}" in Storage(…), or leave region out and lakekit asks S3 for it',
    )


def _make_redirected(answer: Answer, action: str, url: str, bucket: str | None) -> LakekitError:
    if not answer.endpoint:
        return _make_wrong_region(answer, action, url, bucket)
    return StorageFailed(
        f"{answer.endpoint} answered {action} on {url} with a redirect (HTTP status {answer.code}), as S3 does not.",
        hint="look at endpoint_url: http or https? Or does this network want to show a page to log in first?",
    )


def _make_no_bucket(answer: Answer, action: str, url: str, bucket: str | None) -> LakekitError:
    at = f" at {answer.endpoint}" if answer.endpoint else ""
    return NoFilesFound(
        f"There is no bucket {bucket or url!r}{at} (tried {action} on {url}).",
        hint="look at the spelling; names of buckets hold small letters, digits, dots and hyphens",
    )


def _make_gone(answer: Answer, action: str, url: str, bucket: str | None) -> LakekitError:
    return StaleFile(f"{url} is gone: it was listed, but is no longer there.", hint="refresh: list the files again")


def _make_changed(answer: Answer, action: str, url: str, bucket: str | None) -> LakekitError:
    return StaleFile(f"{url} has changed since it was listed.", hint="refresh: list the files again")


def _make_not_signed_in(answer: Answer, action: str, url: str, bucket: str | None) -> LakekitError:
    on = f" for {action} on {url}" if url else ""
    if answer.kind == "no profile":
        return CredentialsExpired(answer.message, hint=answer.hint)
    if answer.kind == "no credentials":
        return CredentialsExpired(
            f"No AWS credentials were found{on}.",
            hint='for a public bucket pass Storage(anonymous=True); else log in ("aws sso login", "aws configure"), '
            'or name a profile with Storage(profile="…")',
        )
    code = f"{answer.code}: " if answer.code else ""
    return CredentialsExpired(
        f"The AWS credentials were refused{on}: {code}{answer.message}",
        hint="log in again, or put new keys where the old ones were; the next call looks for them anew",
    )


def _make_wrong_clock(answer: Answer, action: str, url: str, bucket: str | None) -> LakekitError:
    return CredentialsExpired(
        f"The AWS credentials were refused for {action} on {url}: this machine's clock is wrong ({answer.code}).",
        hint="set the clock; signatures hold for 15 minutes",
    )


def _make_denied(answer: Answer, action: str, url: str, bucket: str | None) -> LakekitError:
    if not bucket:
        hint = "look at the credentials of that service" if "://" in url else 'see who may read it with "ls -l"'
        return AccessDenied(f"Permission denied: {action} of {url}.", hint=hint)
    said = f" S3 says: {answer.message}" if answer.message else ""
    who = "the anonymous user" if answer.anonymous else "the credentials in use"
    hint = (
        "this bucket is not public: leave anonymous out, and sign in"
        if answer.anonymous
        else f"ask the bucket's owner to allow {action} on that resource, or use another profile; "
        "for a public bucket pass anonymous=True"
    )
    return AccessDenied(
        f"Access denied: {who} may not {action} on {_name_resource(action, url, bucket)}.{said}", hint=hint
    )


def _make_bad_name(answer: Answer, action: str, url: str, bucket: str | None) -> LakekitError:
    if "bucket name" in answer.message.lower():
        return InvalidArgument(
            f"{bucket!r} cannot be the name of a bucket (tried {action} on {url}).",
            hint='write "s3://bucket/prefix"; names hold small letters, digits, dots and hyphens',
        )
    return InvalidArgument(f"{url} cannot be asked for: {answer.message}", hint='write "s3://bucket/prefix"')


def _make_storage_failed(
    answer: Answer, action: str, url: str, bucket: str | None, storage: "Storage | None"
) -> LakekitError:
    at = f" at {answer.endpoint}" if answer.endpoint else ""
    if answer.kind == "no connection":
        return StorageFailed(
            f"The store{at} could not be reached for {action} on {url}: {answer.message}",
            hint="look at the network and at endpoint_url; is the server running?",
        )
    code = f"{answer.code}: " if answer.code and answer.code not in answer.message else ""
    return StorageFailed(
        f"{action} on {url}{at} failed: {code}{answer.message}",
        hint="try again; the store had an error of its own" if bucket else "",
    )


def _name_resource(action: str, url: str, bucket: str) -> str:
    """The resource as a policy names it: the bucket for what is asked of a bucket, else the object."""
    key = url.removeprefix(f"s3://{bucket}").lstrip("/")
    if action in _OF_A_BUCKET or not key:
        return f"arn:aws:s3:::{bucket}" + (f" (prefix {key})" if key else "")
    return f"arn:aws:s3:::{bucket}/{key}"


_MAKERS = (
    (_ARCHIVED, _make_archived),
    (_MOVED | {"no region"}, _make_wrong_region),
    (_REDIRECTED, _make_redirected),
    (_NO_BUCKET, _make_no_bucket),
    (_WRONG_CLOCK, _make_wrong_clock),
    (_NOT_SIGNED_IN | {"no credentials", "no profile", "not signed in"}, _make_not_signed_in),
    (_CHANGED, _make_changed),
    (_NO_OBJECT, _make_gone),
    (_DENIED, _make_denied),
    ({"bad name"}, _make_bad_name),
)
