"""Reserved blocks: what they cost and save, and how many pay off, agreed with billing every hour for every number."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakekit import dynamodb as ddb
from lakekit.errors import InvalidArgument


@pytest.mark.parametrize(
    ("kind", "years", "percent"),
    # 1 - (150 / 8,760 + 0.0128) / 0.065, 1 - (180 / 26,280 + 0.0081) / 0.065, and the same of reads
    [("write", 1, 53.96), ("write", 3, 77.00), ("read", 1, 54.43), ("read", 3, 77.16)],
)
def test_a_block_that_is_always_used_saves_54_and_77_percent(kind, years, percent):
    assert ddb.get_reserved_block(kind, years=years).saving * 100 == pytest.approx(percent, abs=0.01)


def test_a_month_has_hourly_fees_and_a_share_of_the_upfront():
    month = ddb.get_reserved_month(1000, kind="write", years=3)  # ten blocks
    assert month["hourly"] == pytest.approx(10 * 730 * 0.0081)
    assert month["upfront_share"] == pytest.approx(10 * 180 / 36)
    assert ddb.get_reserved_upfront(1, kind="write") == 150  # a block at least


def price_every_hour(series, blocks, block):
    """The mean hour with so many blocks, hour by hour."""
    over = [max(0, units - blocks * 100) for units in series]
    return blocks * block.effective_usd_per_hour + sum(over) / len(over) * block.plain_usd_per_hour / 100


@given(st.lists(st.floats(0, 3000), min_size=1, max_size=60), st.sampled_from(["read", "write"]))
def test_the_cheapest_number_of_blocks_is_that_of_trying_all(series, kind):
    block = ddb.get_reserved_block(kind)
    choice = ddb.choose_reserved_blocks(series, kind=kind)
    costs = [price_every_hour(series, blocks, block) for blocks in range(32)]
    assert choice.usd_per_hour == pytest.approx(min(costs), abs=1e-12)
    assert costs[choice.blocks] == pytest.approx(min(costs), abs=1e-12)
    assert choice.plain_usd_per_hour == pytest.approx(costs[0], abs=1e-12)
    assert choice.saving >= -1e-9


def test_a_block_pays_off_when_it_is_needed_in_46_percent_of_the_hours():
    assert ddb.get_reserved_block().break_even_share == pytest.approx(0.4604, abs=0.0001)
    for hours, blocks in ((46, 0), (47, 1)):
        series = np.array([100] * hours + [0] * (100 - hours))
        assert ddb.choose_reserved_blocks(series, kind="write").blocks == blocks


def test_a_region_has_its_own_blocks_and_may_lack_three_years():
    assert ddb.get_reserved_block("read", rates="ap-northeast-1").upfront_usd == 34.2
    with pytest.raises(InvalidArgument, match="us-east-2 has no 'dynamodb.reserved.3y.write.upfront'"):
        ddb.get_reserved_block("write", years=3, rates="us-east-2")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ddb.get_reserved_block("scan"), "kind='scan'"),
        (lambda: ddb.get_reserved_block("read", years=2), "years=2"),
        (lambda: ddb.get_reserved_block(rates=ddb.get_rates(table_class="STANDARD_IA")), "asked for STANDARD_IA"),
        (lambda: ddb.choose_reserved_blocks([], kind="read"), "is no series"),
        (lambda: ddb.choose_reserved_blocks([-1], kind="read"), "is no series"),
        (lambda: ddb.get_reserved_saving(upfront_usd=-1, usd_per_hour=1, plain_usd_per_hour=1), "upfront_usd=-1"),
        (lambda: ddb.get_reserved_saving(upfront_usd=1, usd_per_hour=1, plain_usd_per_hour=1, years=0), "years=0"),
        (lambda: ddb.choose_reserved_blocks(5, kind="write"), "hourly_units=array\\(5.*no series"),
        (lambda: ddb.choose_reserved_blocks(["x"], kind="write"), "hourly_units=.*'x'.* is no series"),
    ],
)
def test_what_means_nothing_names_the_parameter(call, message):
    with pytest.raises(InvalidArgument, match=message):
        call()
