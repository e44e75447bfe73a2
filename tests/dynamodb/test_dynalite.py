"""Our units against dynalite, an emulator of DynamoDB that counts capacity; it runs where Node has it installed.

The embedded DynamoDB (moto) cannot stand in for it: it answers 1.0 to every write and 0.5 to every read.
"""

import os
import random
import shutil
import socket
import subprocess
import time
from decimal import Decimal
from pathlib import Path

import pytest

from lakekit import dynamodb as ddb
from lakekit import embedded_aws
from lakekit.storage import Storage

ROOT = Path(__file__).parents[2]
MISSING = (
    "dynalite is not installed: npm install --global dynalite@4.0.0, or LAKEKIT_DYNALITE=…/node_modules/dynalite/cli.js"
)


def find_command():
    """How dynalite is started, or None: named, in node_modules of this checkout, or on the path."""
    for script in (os.environ.get("LAKEKIT_DYNALITE"), ROOT / "node_modules/dynalite/cli.js"):
        if script and Path(script).is_file() and shutil.which("node"):
            return ["node", str(script)]
    return [shutil.which("dynalite")] if shutil.which("dynalite") else None


@pytest.fixture(scope="module")
def client():
    command = find_command()
    if command is None:
        pytest.skip(MISSING)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--host", "127.0.0.1", "--port", str(port), "--createTableMs", "0", "--deleteTableMs", "0"]
    process = subprocess.Popen([*command, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(port)
        url = f"http://127.0.0.1:{port}"
        yield Storage(
            region="us-east-1", endpoint_url=url, access_key_id="dynalite", secret_access_key="not-a-secret"
        ).boto3("dynamodb")
    finally:
        process.terminate()
        process.wait(10)


def wait_for(port):
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError("dynalite did not open its port within ten seconds")


@pytest.fixture(scope="module")
def table(client):
    client.create_table(
        TableName="units",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "at", "KeyType": "RANGE"}],
        AttributeDefinitions=[
            {"AttributeName": "id", "AttributeType": "S"},
            {"AttributeName": "at", "AttributeType": "N"},
        ],
        ProvisionedThroughput={"ReadCapacityUnits": 10, "WriteCapacityUnits": 10},
    )
    client.get_waiter("table_exists").wait(TableName="units", WaiterConfig={"Delay": 1, "MaxAttempts": 20})
    return "units"


def make_items(count):
    """Items of all types and sizes, the same at every run."""
    chance = random.Random(7)
    for number in range(count):
        digits = "".join(chance.choices("0123456789", k=chance.randint(1, 30)))
        yield {
            "id": {"S": "random"},
            "at": {"N": str(number)},
            "n": {"N": f"{chance.choice(['', '-'])}{digits}E{chance.randint(-20, 20)}"},
            "text": {"S": "x" * chance.choice([0, 10, 900, 1000, 4000, 9000])},
            "list": {"L": [{"N": "12.3456"}, {"S": "aa"}, {"NULL": True}]},
            "map": {"M": {"k": {"BOOL": True}, "kk": {"B": b"\x00\x01"}}},
            "set": {"SS": ["a", "bc"]},
        }


def test_puts_and_gets_consume_what_we_count(client, table):
    for item in make_items(60):
        size = ddb.get_item_bytes(item)
        put = client.put_item(TableName=table, Item=item, ReturnConsumedCapacity="TOTAL")
        assert put["ConsumedCapacity"]["CapacityUnits"] == ddb.count_put_units(size)
        key = {"id": item["id"], "at": item["at"]}
        for consistent, kind in ((True, "strong"), (False, "eventual")):
            get = client.get_item(TableName=table, Key=key, ConsistentRead=consistent, ReturnConsumedCapacity="TOTAL")
            assert get["ConsumedCapacity"]["CapacityUnits"] == ddb.count_read_units(size, consistency=kind)


@pytest.mark.parametrize("over", [0, 1])
@pytest.mark.parametrize("number", ["0", "-5", "101", "12.3456", "99999999", "1e20", "-0.00012", "123.4"])
def test_a_number_pushes_an_item_over_a_step_exactly_where_we_say(client, table, number, over):
    item = {"id": {"S": "edge"}, "at": {"N": "1"}, "n": {"N": number}, "t": {"S": ""}}
    item["t"]["S"] = "x" * (4096 - ddb.get_item_bytes(item) + over)
    client.put_item(TableName=table, Item=item)
    key = {"id": {"S": "edge"}, "at": {"N": "1"}}
    get = client.get_item(TableName=table, Key=key, ConsistentRead=True, ReturnConsumedCapacity="TOTAL")
    assert get["ConsumedCapacity"]["CapacityUnits"] == 1 + over


def test_updates_deletes_and_missing_items_consume_what_we_count(client, table):
    key = {"id": {"S": "change"}, "at": {"N": "1"}}
    client.put_item(TableName=table, Item=key | {"t": {"S": "x" * 3000}})
    before = ddb.get_item_bytes(key | {"t": {"S": "x" * 3000}})
    shorter = client.update_item(
        TableName=table,
        Key=key,
        UpdateExpression="SET t = :t",
        ExpressionAttributeValues={":t": {"S": "x"}},
        ReturnConsumedCapacity="TOTAL",
    )
    after = ddb.get_item_bytes(key | {"t": {"S": "x"}})
    assert shorter["ConsumedCapacity"]["CapacityUnits"] == ddb.count_update_units(before, after) == 3
    for size in (after, None):  # what is there, and then nothing
        gone = client.delete_item(TableName=table, Key=key, ReturnConsumedCapacity="TOTAL")
        assert gone["ConsumedCapacity"]["CapacityUnits"] == ddb.count_delete_units(size)
    missing = client.get_item(TableName=table, Key=key, ConsistentRead=True, ReturnConsumedCapacity="TOTAL")
    assert missing["ConsumedCapacity"]["CapacityUnits"] == ddb.count_read_units(None, consistency="strong")


def test_batches_and_queries_consume_what_we_count(client, table):
    items = [
        {"id": {"S": "batch"}, "at": {"N": str(number)}, "t": {"S": "x" * (400 * number)}} for number in range(1, 26)
    ]
    sizes = [ddb.get_item_bytes(item) for item in items]
    puts = [{"PutRequest": {"Item": item}} for item in items]
    written = client.batch_write_item(RequestItems={table: puts}, ReturnConsumedCapacity="TOTAL")
    assert written["ConsumedCapacity"][0]["CapacityUnits"] == ddb.count_batch_write_units(sizes)
    keys = [{"id": item["id"], "at": item["at"]} for item in items] + [{"id": {"S": "batch"}, "at": {"N": "99"}}]
    read = client.batch_get_item(RequestItems={table: {"Keys": keys}}, ReturnConsumedCapacity="TOTAL")
    assert read["ConsumedCapacity"][0]["CapacityUnits"] == ddb.count_batch_get_units([*sizes, None])
    for consistent, kind in ((True, "strong"), (False, "eventual")):
        found = client.query(
            TableName=table,
            KeyConditionExpression="id = :id",
            ExpressionAttributeValues={":id": {"S": "batch"}},
            ConsistentRead=consistent,
            ReturnConsumedCapacity="TOTAL",
        )
        assert found["Count"] == 25
        assert found["ConsumedCapacity"]["CapacityUnits"] == ddb.count_query_units(sum(sizes), consistency=kind)


def test_an_item_at_the_limit_is_taken_and_one_above_is_refused(client, table):
    item = {"id": {"S": "large"}, "at": {"N": "1"}, "t": {"S": ""}}
    item["t"]["S"] = "x" * (409_600 - ddb.get_item_bytes(item))
    client.put_item(TableName=table, Item=item)
    item["t"]["S"] += "x"
    assert not ddb.measure_item(item).fits
    with pytest.raises(client.exceptions.ClientError, match="size"):
        client.put_item(TableName=table, Item=item)


def test_the_embedded_dynamodb_is_no_measure_of_units():
    client = embedded_aws().boto3("dynamodb")
    ddb.apply_plan(ddb.create_plan(ddb.TableDesign("unit-check", "id")), embedded_aws())
    item = {"id": {"S": "a"}, "t": {"S": "x" * 10_000}}
    put = client.put_item(TableName="unit-check", Item=item, ReturnConsumedCapacity="TOTAL")
    assert put["ConsumedCapacity"]["CapacityUnits"] == 1.0  # when this fails, moto has learnt to count: use it above
    assert ddb.count_put_units(ddb.get_item_bytes(item)) == 10
    assert Decimal(10_000) < ddb.get_item_bytes(item)
