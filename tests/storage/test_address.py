"""Addresses as people write them."""

import os
from pathlib import Path

import pytest

from lakekit.errors import InvalidArgument
from lakekit.storage import Address, parse_address


@pytest.mark.parametrize(
    ("text", "bucket", "prefix"),
    [
        ("s3://logs/events", "logs", "events"),
        ("s3://logs/events/", "logs", "events"),
        ("s3a://logs/events", "logs", "events"),
        ("S3N://logs/events", "logs", "events"),
        ("s3://logs", "logs", ""),
        ("s3://logs/", "logs", ""),
        ("s3://logs/a//b", "logs", "a//b"),
        ("s3://logs/q=a%20b/ü #1", "logs", "q=a%20b/ü #1"),
    ],
)
def test_s3_urls_are_read_as_the_keys_are(text, bucket, prefix):
    assert parse_address(text) == Address("s3", bucket, prefix)


def test_an_address_shows_as_its_url():
    address = parse_address("s3a://logs/events/")
    assert (address.url, str(address), address.name) == ("s3://logs/events", "s3://logs/events", "events")
    assert parse_address("s3://logs").url == "s3://logs"


def test_a_relative_path_becomes_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert parse_address("lake/a/").prefix == f"{tmp_path.as_posix()}/lake/a"
    assert parse_address(Path("lake")) == parse_address("./lake")


def test_a_tilde_is_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert parse_address("~/lake").url == f"{tmp_path.as_posix()}/lake"


def test_file_urls_are_percent_decoded():
    assert parse_address("file:///data/my%20lake/") == Address("file", prefix="/data/my lake")
    assert parse_address("file://localhost/data").prefix == "/data"


def test_other_protocols_keep_theirs():
    assert parse_address("gs://bucket/a").url == "gs://bucket/a"
    assert parse_address("memory:///lake").url == "memory:///lake"


def test_join_and_child_add_to_the_prefix():
    assert parse_address("s3://b/p").join("d=1/a b.parquet") == "s3://b/p/d=1/a b.parquet"
    assert parse_address("s3://b").join("a.parquet") == "s3://b/a.parquet"
    assert parse_address("s3://b/p").child("t/").url == "s3://b/p/t"
    assert Address("file", prefix="/").join("a") == "/a"
    assert Address("file", prefix="/data").join("a") == "/data/a"


def test_the_parent_is_one_step_up():
    assert parse_address("s3://b/p/q").parent == Address("s3", "b", "p")
    assert parse_address("s3://b/p").parent == Address("s3", "b", "")
    assert parse_address("s3://b").parent is None
    assert Address("file", prefix="/data").parent == Address("file", prefix="/")
    assert Address("file", prefix="/").parent is None


@pytest.mark.parametrize("text", ["s3://b/events/*.parquet", "s3://b/events/day=?", "s3://b/e[12]/x", "data/**/*.pq"])
def test_a_glob_is_refused_with_the_prefix_to_give_instead(text):
    with pytest.raises(InvalidArgument, match="is a glob.*\n.*lakekit lists it itself"):
        parse_address(text)


def test_a_folder_whose_name_looks_like_a_glob_is_fine(tmp_path):
    folder = tmp_path / "lake[1]*"
    folder.mkdir()
    assert parse_address(folder).prefix == folder.as_posix()


def test_a_prefix_with_such_a_character_can_be_given_as_an_address():
    assert parse_address(Address("s3", "b", "x[1]")).url == "s3://b/x[1]"


@pytest.mark.parametrize(
    "text",
    [
        "s3://AKIAIOSFODNN7EXAMPLE:sec/ret+key@bucket/x",
        "s3://user:pass@bucket/x",
        "https://ann:geheim@host/lake",
        "https://host/lake?X-Amz-Signature=0123abcd&x=1",
    ],
)
def test_credentials_in_a_url_are_refused_and_not_repeated(text):
    with pytest.raises(InvalidArgument, match="carries credentials") as caught:
        parse_address(text)
    shown = str(caught.value)
    for secret in ("AKIAIOSFODNN7EXAMPLE", "sec/ret", "pass@", "geheim", "0123abcd"):
        assert secret not in shown


@pytest.mark.parametrize("text", ["", "  ", b"data"])
def test_nothing_is_not_an_address(text):
    with pytest.raises(InvalidArgument, match="An address is needed"):
        parse_address(text)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("s3:/bucket/x", 'write "s3://bucket/x"'),
        (Path("s3://bucket/x"), 'write "s3://bucket/x"'),
        ("s3:///x", 'write "s3://bucket/prefix"'),
        ("arn:aws:s3:::bucket/x/*", 'write "s3://bucket/x"'),
        ("https://bucket.s3.eu-west-1.amazonaws.com/x/", 'write "s3://bucket/x"'),
        ("https://s3.amazonaws.com/bucket/x", 'write "s3://bucket/x"'),
    ],
)
def test_what_is_nearly_an_s3_url_gets_the_url_as_a_hint(text, hint):
    with pytest.raises(InvalidArgument) as caught:
        parse_address(text)
    assert hint in caught.value.hint


def test_a_path_wins_over_a_url_with_one_slash_if_it_exists(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if os.name == "nt":
        pytest.skip("a colon cannot be in a name there")
    (tmp_path / "ab:c").mkdir()
    assert parse_address("ab:c").scheme == "file"


@pytest.mark.parametrize(
    "url",
    [
        "https://storage.googleapis.com/b/t?X-Goog-Signature=geheim",
        "https://b.s3.amazonaws.com/t?X-Amz-Security-Token=geheim",
        "https://h/x?token=geheim",
        "https://h/x#access_token=geheim",
        "https://h/x;jsessionid=geheim",
        "https://ann:geheim/1@h/x",
        "s3:/AKIA:geheim@b/t",
        "s3:AKIA:geheim@b/t",
        "simplecache::https://u:geheim@h/x",
    ],
)
def test_an_address_with_a_secret_is_refused_and_neither_error_nor_hint_shows_it(url):
    with pytest.raises(InvalidArgument) as caught:
        parse_address(url)
    assert "geheim" not in str(caught.value) and "***" in str(caught.value)
