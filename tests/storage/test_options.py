"""One set of options: how it shows, what it refuses, and what the environment adds."""

import copy
import dataclasses
import logging
import pickle

import pytest

from lakekit.errors import InvalidArgument
from lakekit.storage import Storage, resolve_storage

SECRETS = {
    "access_key_id": "AKIAIOSFODNN7EXAMPLE",
    "secret_access_key": "wJalrXUtnFEMI/K7MDENG",
    "session_token": "FwoGZXIvYXdzEBYaD",
}
FULL = Storage(region="eu-west-1", endpoint_url="http://ann:geheim@127.0.0.1:9000", **SECRETS)


@pytest.mark.parametrize(
    "show",
    [
        repr,
        str,
        "{}".format,
        "%s".__mod__,
        "{:>200}".format,
        Storage._repr_html_,
        lambda storage: str(vars(storage)),
        lambda storage: str(dataclasses.asdict(storage)),
        lambda storage: str(dataclasses.astuple(storage)),
        lambda storage: f"{storage.secret_access_key} {storage.access_key_id} {storage.session_token!r}",
    ],
)
def test_no_way_of_showing_options_shows_a_key(show):
    shown = show(FULL)
    assert not [secret for secret in SECRETS.values() if secret in shown]


def test_a_password_in_the_endpoint_does_not_show():
    assert "geheim" not in repr(FULL) and "127.0.0.1:9000" in repr(FULL)


def test_logging_options_shows_no_key(caplog):
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("lakekit.test").warning("using %s and %r", FULL, FULL)
    assert "wJalr" not in caplog.text and "FwoG" not in caplog.text


def test_only_what_is_set_is_shown():
    assert repr(Storage()) == "Storage()"
    assert repr(Storage(region="eu-west-1", anonymous=True)) == "Storage(region='eu-west-1', anonymous=True)"
    assert Storage(profile="a<b")._repr_html_() == "<code>Storage(profile=&#x27;a&lt;b&#x27;)</code>"


def test_pickled_and_copied_options_are_equal_and_still_masked():
    for twin in (pickle.loads(pickle.dumps(FULL)), copy.deepcopy(FULL), dataclasses.replace(FULL)):
        assert twin == FULL and hash(twin) == hash(FULL)
        assert "wJalr" not in repr(twin) and twin.secret_access_key.reveal() == SECRETS["secret_access_key"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"access_key_id": "a"}, "access_key_id was given without secret_access_key"),
        ({"secret_access_key": "geheim"}, "secret_access_key was given without access_key_id"),
        ({"session_token": "geheim"}, "session_token was given without keys"),
        ({"anonymous": True, "profile": "p"}, "anonymous=True was given together"),
        ({"anonymous": True, "access_key_id": "a", "secret_access_key": "geheim"}, "anonymous=True was given together"),
    ],
)
def test_options_that_exclude_each_other_are_refused(options, message):
    with pytest.raises(InvalidArgument, match=message) as caught:
        Storage(**options)
    assert "geheim" not in str(caught.value)


def test_no_options_are_the_defaults_and_given_ones_stay():
    assert resolve_storage(None, "s3://b/p") == Storage()
    assert resolve_storage(FULL, "s3://b/p") is FULL


def test_a_dict_is_not_options():
    with pytest.raises(InvalidArgument, match="storage=dict was given for s3://b/p") as caught:
        resolve_storage({"secret": "geheim"}, "s3://b/p")
    assert "geheim" not in str(caught.value)


def test_a_client_is_made_once(aws):
    assert aws.boto3("s3") is aws.boto3("s3") is Storage(**dataclasses.asdict(aws)).boto3("s3")
    assert aws.s3fs() is aws.s3fs()
    assert aws.obstore("some-bucket") is aws.obstore("some-bucket")


def test_forgotten_clients_are_made_anew(aws):
    before = aws.boto3("kinesis"), aws.obstore("some-bucket")
    aws.forget_clients()
    assert aws.boto3("kinesis") is not before[0] and aws.obstore("some-bucket") is not before[1]


def test_find_region_takes_the_one_given():
    assert Storage(region="eu-west-1").find_region("bucket") == "eu-west-1"
