"""Every client reaches the same place with the same keys, however the place is named."""

import io
import subprocess
import sys
import threading

import obstore
import polars as pl
import pytest

from lakekit.errors import CredentialsExpired, WrongRegion
from lakekit.storage import Storage, open_store


def write_sample(storage, bucket):
    """One Parquet file with one row, at lake/d=1/a.parquet."""
    content = io.BytesIO()
    pl.DataFrame({"a": [7]}).write_parquet(content)
    storage.boto3("s3").put_object(Bucket=bucket, Key="lake/d=1/a.parquet", Body=content.getvalue())


def read_with_all(storage, bucket) -> dict[str, object]:
    """What each client finds there."""
    key = "lake/d=1/a.parquet"
    head = {"range": (0, 4)}
    scan = pl.scan_parquet(f"s3://{bucket}/{key}", **storage.polars_options(bucket))
    return {
        "boto3": storage.boto3("s3").get_object(Bucket=bucket, Key=key, Range="bytes=0-3")["Body"].read(),
        "s3fs": storage.s3fs().cat_file(f"{bucket}/{key}", start=0, end=4),
        "obstore": bytes(obstore.get(storage.obstore(bucket), key, options=head).bytes()),
        "polars": scan.collect().item(),
        "store": bytes(open_store(f"s3://{bucket}/lake", storage).read_range("d=1/a.parquet", 0, 4)),
    }


EXPECTED = {"boto3": b"PAR1", "s3fs": b"PAR1", "obstore": b"PAR1", "polars": 7, "store": b"PAR1"}


def test_all_clients_read_the_same(aws, bucket):
    write_sample(aws, bucket)
    assert read_with_all(aws, bucket) == EXPECTED


@pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"])
def test_the_endpoint_of_the_environment_holds_for_all_clients(aws, bucket, monkeypatch, variable):
    write_sample(aws, bucket)
    monkeypatch.setenv(variable, aws.endpoint_url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "from-the-environment")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "from-the-environment-too")
    assert read_with_all(Storage(), bucket) == EXPECTED


def test_the_endpoint_given_wins_over_that_of_the_environment(aws, bucket, monkeypatch):
    write_sample(aws, bucket)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_SKIP_SIGNATURE", "true")
    assert read_with_all(aws, bucket) == EXPECTED


def test_a_profile_brings_keys_region_and_endpoint(aws, bucket, monkeypatch, tmp_path):
    write_sample(aws, bucket)
    config = tmp_path / "config"
    config.write_text(
        f"[profile school]\nregion = eu-west-1\nservices = here\naws_access_key_id = school\n"
        f"aws_secret_access_key = of-the-profile\n[services here]\ns3 =\n  endpoint_url = {aws.endpoint_url}/\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    storage = Storage(profile="school")
    assert read_with_all(storage, bucket) == EXPECTED
    assert storage.find_region(bucket) == "eu-west-1"


def test_a_proxy_of_the_environment_is_not_asked_for_this_machine(aws, bucket, monkeypatch):
    write_sample(aws, bucket)
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("AWS_REGION", "us-east-1")  # so that clients made before are not used
    assert read_with_all(aws, bucket) == EXPECTED


def test_anonymous_requests_are_not_signed(server):
    server.answer(200, "PAR1", ETag='"1"')
    storage = Storage(endpoint_url=server.url, anonymous=True)
    storage.boto3("s3").get_object(Bucket="b", Key="k")
    storage.s3fs().cat_file("b/k")
    obstore.get(storage.obstore("b"), "k")
    assert len(server.asked) >= 3
    assert not [asked for asked in server.asked if "authorization" in {name.lower() for name in asked[2]}]
    assert storage.polars_options()["credential_provider"] is None


def test_keys_sign_for_every_client(server):
    server.answer(200, "PAR1", ETag='"1"')
    storage = server.storage
    storage.boto3("s3").get_object(Bucket="b", Key="k")
    storage.s3fs().cat_file("b/k")
    obstore.get(storage.obstore("b"), "k")
    signed = [{name.lower(): value for name, value in asked[2].items()}["authorization"] for asked in server.asked]
    assert len(signed) >= 3 and all("Credential=AKIAIOSFODNN7EXAMPLE/" in header for header in signed)


def test_clients_of_all_threads_are_one(aws):
    storage, found = Storage(endpoint_url=aws.endpoint_url, access_key_id="a", secret_access_key="b"), []
    threads = [threading.Thread(target=lambda: found.append(storage.boto3("s3"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8 and len({id(client) for client in found}) == 1


def test_no_key_stays_where_obstore_or_polars_would_show_it(aws):
    polars = aws.polars_options("some-bucket")
    shown = f"{aws.obstore('some-bucket')!r} {aws.obstore('some-bucket').config} {polars}"
    assert "not-a-secret" not in shown


def test_a_service_without_a_region_says_so():
    with pytest.raises(WrongRegion, match='No AWS region is known.*\n.*pass region="eu-west-1"'):
        Storage().boto3("dynamodb")


def test_a_profile_that_does_not_exist_is_named_with_those_that_do(monkeypatch, tmp_path):
    (tmp_path / "config").write_text("[profile school]\nregion = eu-west-1\n[default]\nregion = eu-west-1\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    with pytest.raises(CredentialsExpired, match="profile 'scool' does not exist; there are: default, school"):
        Storage(profile="scool").boto3("s3")


def test_importing_storage_loads_no_client():
    code = (
        "import sys, lakekit.storage; lakekit.storage.Storage(); lakekit.storage.open_store('data')\n"
        "print({'boto3', 'botocore', 'obstore', 's3fs', 'moto', 'pyarrow', 'asyncio'} & set(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "set()\n"
