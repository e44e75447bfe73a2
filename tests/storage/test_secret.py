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
        ("Authorization: Bearer abcdefghijklmnopqrstuvwxyz", "Authorization: Bearer ***"),
        ("{'headers': 'bearer QmFzaWMgdGhhdCBpcyBub3Q='}", "{'headers': 'bearer ***'}"),
        ("aws_secret_access_key = wJalr/K7MD/bPx", "aws_secret_access_key = ***"),
        ("(password=pass)", "(password=***)"),
        ("password=pa)ss/wo user=a", "password=*** user=a"),
        ("password = 'a b', x", "password = '***', x"),
        ("SET s3_secret_access_key='abc'", "SET s3_secret_access_key='***'"),
        ("ATTACH 'host=h password=pass' AS d (TYPE postgres)", "ATTACH 'host=h password=***' AS d (TYPE postgres)"),
        (
            "SELECT * FROM postgres_scan('host=h password=pass', 'public', 't') -- pwd=ab, don't tell\nWHERE pwd = b",
            "SELECT * FROM postgres_scan('host=h password=***', 'public', 't') -- pwd=***, don't tell\nWHERE pwd = b",
        ),
        ("SELECT * FROM 'https://h/x?token=abc'", "SELECT * FROM 'https://h/x?token=***'"),
        ("SELECT * FROM t WHERE u.password = 'a''b' AND n = 1", "SELECT * FROM t WHERE u.password = '***' AND n = 1"),
        ("SELECT * FROM t WHERE password = 'cut o", "SELECT * FROM t WHERE password = '***"),
        ("SELECT {'password': 'x', 'n': 'y'}", "SELECT {'password': '***', 'n': 'y'}"),
        ("With password=pass nobody can sign in.", "With password=*** nobody can sign in."),
        ("From h, where password=pass is refused", "From h, where password=*** is refused"),
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
        "/data/lake/password=hash/part-0.parquet is damaged",
        "/data/lake/secret_key=42/ is empty",
        "part pwd=3/a.parquet",
        "s3://b/lake/credential=visa/a.parquet is damaged",
        "s3://b/lake/signature=0123456789abcdef0/a.parquet",
        "password: varchar, name: varchar",
        "conflict: column pwd: int64 vs string",
        "token_type = bearer abcdefghijklmnopqrstuvwxyz",
        "Bearer instrumentation-and-more in bond table",
        "password::VARCHAR",
        "struct_pack(password := n, b := 2)",
    ],
)
def test_plain_text_stays_as_it_is(text):
    assert scrub_secrets(text) == text


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM t WHERE pwd = other_col AND n = 1",
        "SELECT * FROM users u JOIN k ON u.password=k.password",
        "SELECT {'password': n} FROM t",
        "SELECT password::VARCHAR AS password, struct_pack(password := n, b := 2) FROM t",
        "SELECT credential=5 FROM t WHERE Signature=deadbeefdeadbeefdead",
        "SELECT * FROM t WHERE url LIKE '%?token=%' AND a = 1",
        "SELECT count(*) FILTER (WHERE password=hash) FROM t",
        "SELECT CASE WHEN password = '' THEN 1 ELSE 2 END FROM t WHERE password = $1",
        "WITH a AS (SELECT 1 AS pwd) SELECT * FROM a, b WHERE a.pwd=b.pwd",
        "FROM t WHERE t.pwd=n",
        "CREATE TABLE k AS SELECT * FROM t WHERE pwd=n",
        "-- don't\nSELECT * FROM t WHERE pwd=n",
    ],
)
def test_columns_of_a_query_that_are_called_like_keys_stay(query):
    assert scrub_secrets(query) == query


def test_known_secrets_and_those_of_the_environment_are_taken_out(monkeypatch):
    monkeypatch.setenv("AWS_SESSION_TOKEN", "of-the-environment")
    assert scrub_secrets("a geheim b of-the-environment", ["geheim", None, ""]) == "a *** b ***"


def test_known_secrets_are_taken_out_as_web_addresses_write_them():
    assert scrub_secrets("x-amz-security-token%3Da%2Fb%3D%3D and a/b%3D%3D", ["a/b=="]) == (
        "x-amz-security-token%3D*** and ***"
    )
