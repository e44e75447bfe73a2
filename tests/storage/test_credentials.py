"""Credentials that expire are fetched anew, and each reader is told until when they hold."""

import json
import sys
import threading
from datetime import UTC, datetime, timedelta

import pytest

from lakekit.errors import CredentialsExpired, LakekitError
from lakekit.storage import Storage, open_store
from lakekit.storage.credentials import ObstoreCredentials, PolarsCredentials

KEYS = Storage(access_key_id="AKIAIOSFODNN7EXAMPLE", secret_access_key="geheim", session_token="token")


def test_keys_that_were_given_do_not_expire():
    assert ObstoreCredentials(KEYS)() == {
        "access_key_id": "AKIAIOSFODNN7EXAMPLE",
        "secret_access_key": "geheim",
        "token": "token",
        "expires_at": None,
    }
    keys, expires_at = PolarsCredentials(KEYS)()
    assert keys["aws_session_token"] == "token" and expires_at is None


def test_providers_show_no_key():
    assert "geheim" not in f"{ObstoreCredentials(KEYS)} {PolarsCredentials(KEYS)!r}"


def test_a_short_key_that_was_found_is_a_word_and_not_masked(server, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    server.refuse(403, "AccessDenied", "the latest attestation is refused")
    with pytest.raises(LakekitError, match="the latest attestation is refused"):
        open_store("s3://bucket/lake", Storage(endpoint_url=server.url, region="us-east-1")).list_objects()


@pytest.fixture
def process_profile(tmp_path, monkeypatch):
    """A profile whose keys a program hands out, a new key at each call, each good for an hour less a bit."""
    calls = tmp_path / "calls"
    program = tmp_path / "keys.py"
    lives = timedelta(minutes=5)  # less than boto3 asks for, so each look renews
    program.write_text(
        "import json, pathlib, datetime\n"
        f"calls = pathlib.Path({str(calls)!r}); n = len(calls.read_text()) if calls.exists() else 0\n"
        "calls.write_text('x' * (n + 1))\n"
        f"end = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds={lives.total_seconds()})\n"
        "print(json.dumps({'Version': 1, 'AccessKeyId': f'KEY{n + 1}', 'SecretAccessKey': 'geheim',\n"
        "                  'SessionToken': 't', 'Expiration': end.isoformat()}))\n"
    )
    config = tmp_path / "config"
    config.write_text(f"[profile school]\ncredential_process = {sys.executable} {program}\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    return Storage(profile="school")


def test_keys_that_expire_are_renewed_and_obstore_is_told_when_to_ask(process_profile):
    provider = ObstoreCredentials(process_profile)
    first, second = provider(), provider()
    assert first["access_key_id"] != second["access_key_id"]
    assert timedelta(minutes=9) < first["expires_at"] - datetime.now(UTC) <= timedelta(minutes=10)
    _, expires_at = PolarsCredentials(process_profile)()
    assert 9 * 60 < expires_at - datetime.now(UTC).timestamp() <= 10 * 60


def test_no_credentials_is_an_error_before_anything_is_read():
    for ask in (lambda: Storage().polars_options()["credential_provider"](), ObstoreCredentials(Storage())):
        with pytest.raises(CredentialsExpired, match=r"No AWS credentials were found.*\n.*anonymous=True"):
            ask()


def test_no_credentials_is_the_same_error_from_a_listing_and_from_a_read(server):
    store = open_store("s3://bucket/lake", Storage(endpoint_url=server.url))
    for ask in (store.list_objects, lambda: store.read_range("a", 0, 1)):
        with pytest.raises(CredentialsExpired, match="No AWS credentials were found"):
            ask()


def test_a_provider_that_fails_says_why_without_a_key(tmp_path, monkeypatch):
    config = tmp_path / "config"
    config.write_text(f"[profile school]\ncredential_process = {sys.executable} -c 'import nothing_there'\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    with pytest.raises(CredentialsExpired, match="credentials were refused|nothing_there"):
        ObstoreCredentials(Storage(profile="school"))()


def test_new_keys_in_the_credentials_file_are_used_after_the_old_ones_were_refused(server, tmp_path, monkeypatch):
    file = tmp_path / "credentials"
    file.write_text("[default]\naws_access_key_id = OLD\naws_secret_access_key = geheim\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    store = open_store("s3://bucket/lake", Storage(endpoint_url=server.url))
    server.refuse(400, "ExpiredToken", "The provided token has expired.")
    server.answer(206, "PAR1", Content_Range="bytes 0-3/100", ETag='"1"')
    with pytest.raises(CredentialsExpired, match="ExpiredToken"):
        store.read_range("a.parquet", 0, 4)
    file.write_text("[default]\naws_access_key_id = NEW\naws_secret_access_key = geheim\n")
    assert bytes(store.read_range("a.parquet", 0, 4)) == b"PAR1"
    used = ["NEW" if "Credential=NEW/" in json.dumps(headers) else "OLD" for _, _, headers in server.asked]
    assert used == ["OLD", "NEW"]


def test_many_threads_may_ask_at_once(process_profile):
    provider, keys = ObstoreCredentials(process_profile), []
    threads = [threading.Thread(target=lambda: keys.append(provider()["access_key_id"])) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 4 and all(key.startswith("KEY") for key in keys)
