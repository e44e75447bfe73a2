"""Published worked examples come out as published; where a source is wrong or of another year, as it should be."""

import json
from pathlib import Path

import pytest

from lakekit import dynamodb as ddb
from tests.dynamodb import cost_answers  # noqa: F401  (registers its kinds)
from tests.dynamodb.answers import KINDS

EXAMPLES = json.loads((Path(__file__).parent / "worked_examples.json").read_text(encoding="utf-8"))
ROUNDED = ("cost_", "reserved_", "table_class_", "storage_gb", "rru_month", "forecast_")  # printed with few digits


def get_tolerance(kind, expected):
    """One in the last digit that the source prints for money and shares; nothing for units and bytes."""
    if not kind.startswith(ROUNDED):
        return 0
    decimals = len(str(expected).partition(".")[2]) if isinstance(expected, float) else 0
    return 10.0**-decimals


def compare(kind, expected, found):
    if isinstance(expected, dict):
        assert found.keys() == expected.keys()
        for name, value in expected.items():
            compare(kind, value, found[name])
    elif isinstance(expected, str):
        assert found == expected
    else:
        assert found == pytest.approx(expected, abs=get_tolerance(kind, expected), rel=0 if expected else None)


@pytest.mark.parametrize("example", EXAMPLES, ids=[example["id"] for example in EXAMPLES])
def test_a_published_example(example):
    found = KINDS[example["kind"]](example["input"], example["id"])
    if example["status"] in ("conflict", "stale_price"):
        compare(example["kind"], example["recomputed"], found)
        with pytest.raises(AssertionError):
            compare(example["kind"], example["expected"], found)
    else:
        compare(example["kind"], example["expected"], found)


def test_every_example_has_an_address_and_a_known_status():
    known = {"current", "derived", "conformance", "conflict", "stale_price", "legacy"}
    assert {example["status"] for example in EXAMPLES} <= known
    assert all(example["source"].startswith("https://") for example in EXAMPLES)
    assert len({example["id"] for example in EXAMPLES}) == len(EXAMPLES) == 107


def test_a_stale_price_is_recognised_and_can_be_computed_with():
    # 730 x 3,600 x (50 x 0.25 + 100 x 1.25) / 1,000,000 = 361.35, as a page of before the cut has it
    old = ddb.get_rates().with_own(dynamodb_on_demand_read_STANDARD=0.25e-6, dynamodb_on_demand_write_STANDARD=1.25e-6)
    units = {"read_units": ddb.count_month_units(50), "write_units": ddb.count_month_units(100)}
    assert ddb.price_on_demand(**units, rates=old).usd == pytest.approx(361.35)
    assert ddb.price_on_demand(**units).usd == pytest.approx(361.35 / 2)
    assert ddb.recognise_price(1.25) == ddb.recognise_price(0.25, kind="read") == "before 2024-11-01"
    assert ddb.recognise_price(0.625) == ddb.recognise_price(0.125, kind="read") == "current"


def test_a_whole_model_costs_the_sum_of_its_parts():
    # awslabs' model of three tables and three indexes: requests 777.38 and storage 60.30 make 837.69 after rounding
    tables = next(example for example in EXAMPLES if example["id"] == "C15")["input"]["tables"]
    storage = ddb.price_storage(sum(ddb.get_storage_bytes(*table) for table in tables))
    # 777.38 / (2,635,200 s x 0.625 / 1,000,000) = 472 write units a second
    requests = ddb.price_on_demand(write_units=472 * 2_635_200)
    assert requests.usd == pytest.approx(777.384)
    assert (requests + storage).usd == pytest.approx(837.69, abs=0.005)
