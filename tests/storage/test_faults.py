"""What S3 says when it refuses, as errors that name what was asked, of what, and how to go on; and never a key."""

import traceback
from urllib.parse import quote

import pytest

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
from lakekit.storage import Storage, open_store, translate_error

KEY_ID, SECRET, TOKEN = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG", "FwoGZXIvYXdzEBYaD"
ASK = {
    "list": lambda store: store.list_objects(),
    "read": lambda store: store.read_range("day=1/a.parquet", 0, 4),
    "read an odd key": lambda store: store.read_range("day=1//a.parquet", 0, 4),  # boto3 reads this one
    "read many": lambda store: raise_first(store.read_many([_request("day=1/a.parquet")])),
}


def _request(path):
    from lakekit.storage import RangeRequest

    return RangeRequest(path, 0, 4)


def raise_first(outcomes):
    for _, outcome in outcomes:
        raise outcome


def catch(ask, store) -> LakekitError:
    with pytest.raises(LakekitError) as caught:
        ASK[ask](store)
    everything = "".join(traceback.format_exception(caught.value))
    for secret in (KEY_ID, SECRET, TOKEN, "AWS4-HMAC"):
        assert secret not in everything
    return caught.value


everywhere = pytest.mark.parametrize("ask", ASK)


@everywhere
def test_access_denied_names_the_action_and_the_resource(server, ask):
    server.refuse(403, "AccessDenied", "User: arn:aws:iam::1:user/ann is not authorized")
    error = catch(ask, server.open())
    assert type(error) is AccessDenied
    if ask == "list":
        assert "may not s3:ListBucket on arn:aws:s3:::bucket (prefix lake/)." in str(error)
    else:
        assert "may not s3:GetObject on arn:aws:s3:::bucket/lake/day=1/" in str(error)
    assert "S3 says: User: arn:aws:iam::1:user/ann is not authorized" in str(error)
    assert "anonymous=True" in error.hint


@everywhere
def test_an_anonymous_refusal_says_to_sign_in(server, ask):
    server.refuse(403, "AccessDenied", "Access Denied")
    error = catch(ask, server.open(anonymous=True))
    assert type(error) is AccessDenied and "the anonymous user may not" in str(error) and "sign in" in error.hint


@everywhere
@pytest.mark.parametrize(
    ("status", "code", "message", "more"),
    [
        (400, "ExpiredToken", "The provided token has expired.", f"<Token-0>{TOKEN}</Token-0>"),
        (403, "InvalidAccessKeyId", "Does not exist in our records.", f"<AWSAccessKeyId>{KEY_ID}</AWSAccessKeyId>"),
        (
            403,
            "SignatureDoesNotMatch",
            "The signature does not match.",
            f"<StringToSign>AWS4-HMAC-SHA256 {KEY_ID}</StringToSign><AWSAccessKeyId>{KEY_ID}</AWSAccessKeyId>",
        ),
        (400, "InvalidToken", f"The token {TOKEN} is malformed.", ""),
    ],
)
def test_refused_credentials_say_so_and_do_not_show(server, ask, status, code, message, more):
    server.refuse(status, code, message, more)
    keys = {"region": "us-east-1", "access_key_id": KEY_ID, "secret_access_key": SECRET, "session_token": TOKEN}
    error = catch(ask, server.open(**keys))
    assert type(error) is CredentialsExpired
    assert f"credentials were refused for s3:{'ListBucket' if ask == 'list' else 'GetObject'}" in str(error)
    assert code in str(error) and "log in again" in error.hint


@everywhere
def test_keys_of_a_profile_that_a_server_repeats_do_not_show(server, ask, monkeypatch, tmp_path):
    token, path = "of-a-profile/and/long==", tmp_path / "credentials"
    keys = {"aws_access_key_id": KEY_ID, "aws_secret_access_key": "also-of-it/all", "aws_session_token": token}
    path.write_text("\n".join(["[default]", *(f"{name} = {value}" for name, value in keys.items())]))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(path))
    server.refuse(403, "AccessDenied", f"{token} {quote(token)} {quote(token, safe='')} and also-of-it/all were sent")
    error = catch(ask, server.open(region="us-east-1"))
    assert "*** *** *** and *** were sent" in str(error)


@everywhere
def test_a_wrong_clock_is_told_from_wrong_keys(server, ask):
    server.refuse(403, "RequestTimeTooSkewed", "The difference is too large.")
    error = catch(ask, server.open())
    assert type(error) is CredentialsExpired and "clock is wrong" in str(error)


@everywhere
def test_a_redirect_names_the_region_where_s3_tells_it(server, ask):
    more = "<Endpoint>bucket.s3.eu-west-1.amazonaws.com</Endpoint><Bucket>bucket</Bucket>"
    server.refuse(301, "PermanentRedirect", "Must be addressed using the specified endpoint.", more)
    error = catch(ask, server.open())
    assert type(error) is WrongRegion
    assert "The bucket 'bucket' is in " in str(error) and 'pass region="' in error.hint
    if ask in ("list", "read an odd key"):
        assert "is in eu-west-1" in str(error) and 'pass region="eu-west-1"' in error.hint


@pytest.mark.parametrize("ask", ["list", "read an odd key"])
def test_a_redirect_that_is_not_of_s3_is_about_the_endpoint(server, ask):
    server.answer(302, "<html>Please log in</html>", Location="https://portal.example/", Content_Type="text/html")
    error = catch(ask, server.open())
    assert type(error) is StorageFailed and f"{server.url} answered" in str(error) and "endpoint_url" in error.hint
    assert len(server.asked) == 1


def test_a_listing_that_finds_no_such_page_has_no_bucket(server):
    server.answer(404, "<html>Not here</html>", Content_Type="text/html")
    assert type(catch("list", server.open())) is NoFilesFound


@everywhere
def test_a_header_of_another_region_names_it(server, ask):
    message = "The authorization header is malformed; the region 'us-east-1' is wrong; expecting 'eu-west-1'"
    server.refuse(400, "AuthorizationHeaderMalformed", message, "<Region>eu-west-1</Region>")
    error = catch(ask, server.open())
    assert type(error) is WrongRegion and "is in eu-west-1" in str(error)


@pytest.mark.parametrize("ask", ["read", "read an odd key", "read many"])
def test_an_archived_object_is_never_bad_credentials(server, ask):
    more = "<StorageClass>DEEP_ARCHIVE</StorageClass>"
    server.refuse(403, "InvalidObjectState", "The operation is not valid for the object's storage class", more)
    error = catch(ask, server.open())
    assert type(error) is ArchivedFile
    assert "archived in DEEP_ARCHIVE" in str(error) and "credentials" not in str(error)
    assert "RestoreObject" in error.hint


@pytest.mark.parametrize("ask", ["read", "read an odd key", "read many"])
def test_a_failed_condition_is_a_file_that_changed(server, ask):
    server.refuse(412, "PreconditionFailed", "At least one of the pre-conditions did not hold")
    error = catch(ask, server.open())
    assert type(error) is StaleFile and "has changed since it was listed" in str(error)


@pytest.mark.parametrize("ask", ["read", "read an odd key", "read many"])
def test_a_403_without_words_is_access_denied(server, ask):
    server.answer(403)
    assert type(catch(ask, server.open())) is AccessDenied


@everywhere
def test_an_unknown_refusal_is_repeated_in_the_stores_own_words(server, ask):
    server.refuse(400, "KeyTooLongError", "Your key is too long.")
    error = catch(ask, server.open())
    assert type(error) is StorageFailed and "KeyTooLongError: Your key is too long." in str(error)
    assert server.url in str(error)


def test_a_store_that_is_not_there_is_named(monkeypatch):
    from lakekit.storage import aws

    monkeypatch.setattr(aws, "ATTEMPTS", 1)
    storage = Storage(endpoint_url="http://127.0.0.1:9", access_key_id=KEY_ID, secret_access_key=SECRET)
    for ask in ("list", "read"):
        error = catch(ask, open_store("s3://bucket/lake", storage))
        assert type(error) is StorageFailed
        assert "The store at http://127.0.0.1:9 could not be reached" in str(error)


def test_a_name_that_no_bucket_can_have_is_refused():
    storage = Storage(region="us-east-1", access_key_id=KEY_ID, secret_access_key=SECRET)
    with pytest.raises(InvalidArgument, match="'no bucket' cannot be the name of a bucket"):
        open_store("s3://no bucket/x", storage).list_objects()


def test_the_cause_is_kept(server):
    server.refuse(403, "AccessDenied", "Access Denied")
    for ask in ASK:
        error = catch(ask, server.open())
        assert error.__cause__ is not None and error.__cause__ is not error


def test_a_role_that_may_not_be_assumed_is_about_credentials_and_not_the_bucket():
    from botocore.exceptions import ClientError

    refused = ClientError({"Error": {"Code": "AccessDenied", "Message": "may not assume"}}, "AssumeRole")
    error = translate_error(refused, action="s3:ListBucket", url="s3://b/x", bucket="b")
    assert type(error) is CredentialsExpired and "AccessDenied: may not assume" in str(error)


def test_an_error_of_ours_comes_back_as_it_is():
    ours = StaleFile("a has changed.")
    assert translate_error(ours, action="read", url="a") is ours


@pytest.mark.parametrize(
    ("exc", "kind", "message"),
    [
        (PermissionError(13, "Permission denied", "/d/a"), AccessDenied, "Permission denied: read of /d/a."),
        (FileNotFoundError(2, "No such file", "/d/a"), StaleFile, "/d/a is gone"),
        (OSError(5, "Input/output error", "/d/a"), StorageFailed, "read on /d/a failed: Input/output error"),
    ],
)
def test_errors_of_the_disk_name_the_file(exc, kind, message):
    error = translate_error(exc, action="read", url="/d/a")
    assert type(error) is kind and message in str(error)


def test_secrets_are_taken_out_of_the_cause_and_its_causes():
    inner = ValueError(f"signed with {SECRET}")
    outer = RuntimeError(f"GET http://ann:geheim@host/?X-Amz-Signature=abc failed for {KEY_ID}")
    outer.__cause__ = inner
    storage = Storage(access_key_id=KEY_ID, secret_access_key=SECRET)
    error = translate_error(outer, action="read", url="s3://b/k", bucket="b", storage=storage)
    shown = f"{error} {outer} {inner}"
    assert not [secret for secret in (KEY_ID, SECRET, "geheim", "=abc") if secret in shown]
