"""AWS in this process: started once, quiet, gone with the process."""

import os
import subprocess
import sys

import pytest

from lakekit.errors import MissingPackage
from lakekit.storage import embedded_aws
from lakekit.storage.embedded import SERVICES


def test_it_is_started_once(aws):
    assert embedded_aws() is aws
    assert aws.endpoint_url.startswith("http://127.0.0.1:")


@pytest.mark.parametrize(
    ("service", "operation", "key"),
    [
        ("s3", "list_buckets", "Buckets"),
        ("dynamodb", "list_tables", "TableNames"),
        ("kinesis", "list_streams", "StreamNames"),
        ("firehose", "list_delivery_streams", "DeliveryStreamNames"),
        ("glue", "get_databases", "DatabaseList"),
    ],
)
def test_each_service_answers(aws, service, operation, key):
    assert service in SERVICES
    assert isinstance(getattr(aws.boto3(service), operation)()[key], list)


def test_neither_environment_nor_output_is_touched_and_the_process_ends():
    code = (
        "import os; before = dict(os.environ)\n"
        "from lakekit.storage import embedded_aws\n"
        "embedded_aws().boto3('s3').create_bucket(Bucket='abc')\n"
        "assert dict(os.environ) == before"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "", "")


def test_without_moto_the_error_says_what_to_install(monkeypatch):
    from lakekit.storage import embedded

    for name in [name for name in sys.modules if name == "moto" or name.startswith("moto.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "moto", None)
    with pytest.raises(MissingPackage, match=r"pip install \"lakekit\[local\]\""):
        embedded._start_server()


def test_its_keys_do_not_show(aws):
    assert "not-a-secret" not in f"{aws} {aws!r} {vars(aws)}"
    assert "AWS_SECRET_ACCESS_KEY" not in os.environ
