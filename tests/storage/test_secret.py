"""What must not be shown is not shown."""

import copy
import logging
import pickle

import pytest

from lakekit.storage.secret import KeyId, Secret, scrub_secrets


@pytest.mark.parametrize("show", [repr, str, format, "{}".format, "%s".__mod__, lambda key: f"{key!r:>9}"])
def test_every_way_of_printing_masks_a_secret(show):
    assert "geheim" not in show(Secret("geheim"))


def test_a_secret_is_still_the_text():
    key = Secret("geheim")
    assert key == "geheim" and key.reveal() == "geheim" and type(key.reveal()) is str
    assert ("AWS4" + key).encode() == b"AWS4geheim"


def test_a_secret_stays_masked_when_copied_or_pickled():
    for twin in (copy.deepcopy(Secret("geheim")), pickle.loads(pickle.dumps(Secret("geheim")))):
        assert twin == "geheim" and repr(twin) == "'***'"


def test_logging_a_secret_masks_it(caplog):
    with caplog.at_level(logging.INFO):
        logging.getLogger("lakekit.test").info("key %s", Secret("geheim"))
    assert caplog.messages == ["key ***"]


def test_key_ids_can_be_told_apart():
    assert str(KeyId("AKIAIOSFODNN7EXAMPLE")) == "AKIA…LE"
    assert str(KeyId("AKIA")) == "***"


@pytest.mark.parametrize(
    ("text", "scrubbed"),
    [
        ("key AKIAIOSFODNN7EXAMPLE!", "key ***!"),
        (
            "https://b.s3.amazonaws.com/x?X-Amz-Signature=ab12&y=1",
            "https://b.s3.amazonaws.com/x?X-Amz-Signature=***&y=1",
        ),
        ("X-Amz-Security-Token: FwoGZXIvYXdz", "X-Amz-Security-Token: ***"),
        ("<AWSAccessKeyId>abc</AWSAccessKeyId>", "<AWSAccessKeyId>***</AWSAccessKeyId>"),
        ("<StringToSign>AWS4\nabc</StringToSign>", "<StringToSign>***</StringToSign>"),
        ("<Token-0>FwoG</Token-0>", "<Token-0>***</Token-0>"),
        ("http://ann:pass@host:9000/b", "http://***@host:9000/b"),
        ("secret_access_key='abc'", "secret_access_key='***'"),
        ("https://h/x?X-Goog-Signature=ab12&y=1", "https://h/x?X-Goog-Signature=***&y=1"),
        (
            "https://h/x?token=ab&apikey=cd&api_key=ef;jsessionid=gh",
            "https://h/x?token=***&apikey=***&api_key=***;jsessionid=***",
        ),
        ("https://h/x#access_token=ab12", "https://h/x#access_token=***"),
        ("https://h/x?sas_token=ab&password=cd", "https://h/x?sas_token=***&password=***"),
        ("host=h user=ann password=pass dbname=d", "host=h user=ann password=*** dbname=d"),
        ("AccountName=a;AccountKey=abc==;EndpointSuffix=s", "AccountName=a;AccountKey=***;EndpointSuffix=s"),
        (
            "CREATE SECRET s (TYPE s3, SECRET 'ab''c', REGION 'r')",
            "CREATE SECRET s (TYPE s3, SECRET '***', REGION 'r')",
        ),
        (
            "(SESSION_TOKEN 'abc', BEARER_TOKEN 'def', PASSWORD 'g')",
            "(SESSION_TOKEN '***', BEARER_TOKEN '***', PASSWORD '***')",
        ),
        ("(TYPE huggingface, TOKEN 'hf')", "(TYPE huggingface, TOKEN '***')"),
        ("ALTER USER ann IDENTIFIED BY 'pass'", "ALTER USER ann IDENTIFIED BY '***'"),
        ("Authorization: Bearer eyJhbGciOiJ.eyJzdWIi.abc", "Authorization: Bearer ***"),
        ("Authorization: Bearer 0123456789abcdef0123", "Authorization: Bearer ***"),
        ("Credential=AKIA1/20261123, Signature=0123456789abcdef", "Credential=***, Signature=***"),
    ],
)
def test_what_looks_like_a_secret_is_taken_out(text, scrubbed):
    assert scrub_secrets(text) == scrubbed


@pytest.mark.parametrize(
    "text",
    [
        "http://127.0.0.1:9000/bucket/a@b",
        "s3://bucket/lake/part-0.parquet",
        "signature does not match",
        "s3://b/a@b",
        "SELECT token FROM t WHERE token = 'a' AND secret IS NULL",
        "the bearer of it",
        "unexpected token 'FROM' here",
        "s3://b/token=1/a",
    ],
)
def test_plain_text_stays_as_it_is(text):
    assert scrub_secrets(text) == text


def test_known_secrets_and_those_of_the_environment_are_taken_out(monkeypatch):
    monkeypatch.setenv("AWS_SESSION_TOKEN", "of-the-environment")
    assert scrub_secrets("a geheim b of-the-environment", ["geheim", None, ""]) == "a *** b ***"


def test_known_secrets_are_taken_out_as_web_addresses_write_them():
    assert scrub_secrets("x-amz-security-token%3Da%2Fb%3D%3D and a/b%3D%3D", ["a/b=="]) == (
        "x-amz-security-token%3D*** and ***"
    )
