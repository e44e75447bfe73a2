"""DynamoDBPanel answers with units, partitions, throttling and bills when a control moves; no browser is needed."""

import polars as pl
import pytest

from lakekit import dynamodb as ddb
from lakekit.errors import InvalidArgument
from lakekit.widgets import DynamoDBPanel


@pytest.fixture(scope="module")
def shared():
    return DynamoDBPanel()


@pytest.fixture
def panel(shared):
    """A panel at its start; making one takes longer than moving it back."""
    start = {"item": '{"player": "ann", "level": 7}', "items": 1000, "reads": 100, "writes": 100, "indexes": ""}
    start |= {"curve": "constant", "spike": 0, "hot_key_percent": 0, "mode": "provisioned", "consistency": "eventual"}
    shared.set(**start, region="us-east-1", projection="ALL", spike_minutes=30)
    return shared


def test_a_constant_load_costs_what_the_formula_says(panel):
    # 730 x (50 x 0.00013 + 100 x 0.00065), and 1,000 items of 115 bytes, which is nothing
    assert panel.comparison.get("provisioned").usd == pytest.approx(730 * (50 * 0.00013 + 100 * 0.00065), abs=0.01)
    assert panel.text.startswith("provisioned is cheapest without a commitment, $52.20 a month")
    assert "Nothing is throttled" in panel.text


def test_facts_of_the_item_are_shown(panel):
    panel.set(item='{"player": "ann", "text": "' + "x" * 1500 + '"}', indexes="text", projection="KEYS_ONLY")
    # player 6+3, text 4+1500
    facts = ("1,513 bytes on average", "0.5 read units", "2 write units, and 2 in by_text", "at least 1: 1 by reads")
    for fact in facts:
        assert fact in panel.details.value


def test_strong_reads_cost_twice(panel):
    before = panel.comparison.get("on-demand").bill.get("reads")
    panel.set(consistency="strong")
    assert panel.comparison.get("on-demand").bill.get("reads") == pytest.approx(2 * before)


def test_a_spike_makes_on_demand_cheapest_and_a_small_capacity_throttle(panel):
    panel.set(spike=30, mode="autoscaled")
    assert panel.text.startswith("on-demand is cheapest without a commitment")
    assert "of all units is throttled" in panel.text
    assert panel.comparison.simulations["autoscaled"].throttled_share > 0.01


def test_a_hot_key_is_found_and_named(panel):
    panel.set(writes=5000, hot_key_percent=50, mode="on-demand")
    assert "2,500 write units a second; a partition gives 1,000" in panel.details.value
    assert "key 'the hottest'" in panel.text


def test_a_region_has_its_own_bill(panel):
    before = panel.comparison.get("on-demand").usd
    panel.set(region="eu-west-1")
    assert panel.comparison.get("on-demand").usd > before
    assert "Prices of eu-west-1" in panel.details.value


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"item": "{"}, "The item is not JSON"),
        ({"item": "[]"}, "no object of JSON"),
        ({"item": '{"player": ""}'}, "key attribute 'player' is empty"),
        ({"item": '{"player": "a", "n": 1' + "1" * 38 + "}"}, "'n' has a number of 39 digits"),
        ({"item": '{"player": "a", "t": "' + "x" * 410_000 + '"}'}, "'t' 410,001 bytes"),
        ({"indexes": "town"}, "No item has the attribute 'town'"),
    ],
)
def test_a_wrong_value_is_told_where_the_answer_was_and_goes_away(panel, values, message):
    panel.set(**values)
    assert panel.failed
    assert message in panel.text
    panel.set(item='{"player": "ann"}', indexes="")
    assert not panel.failed


@pytest.mark.parametrize("curve", ["constant", "by the hour", "working hours"])
def test_a_curve_changes_when_requests_come_and_not_how_many(panel, curve):
    # 100 writes a second on average, whenever: 730 x 3,600 x 100 x $0.625 a million
    panel.set(curve=curve)
    assert panel.comparison.demand.get("table", "write").mean() == pytest.approx(100)
    assert panel.comparison.get("on-demand").bill.get("writes") == pytest.approx(730 * 3600 * 100 * 0.625 / 1e6)


@pytest.mark.parametrize("curve", ["constant", "by the hour", "working hours"])
def test_the_code_computes_what_the_panel_shows(panel, curve, capsys):
    panel.set(curve=curve, spike=3, indexes="level", hot_key_percent=10, item='[{"player": "a", "level": 1}]')
    space = {}
    exec(compile(panel.code, "panel", "exec"), space)
    assert space["comparison"].cheapest.usd == pytest.approx(panel.comparison.cheapest.usd)
    assert str(panel.comparison) in capsys.readouterr().out


def test_items_of_a_frame_can_be_picked():
    files = pl.DataFrame({"path": ["a/b.parquet", "a/c.parquet"], "size": [10, 25_010]})
    panel = DynamoDBPanel({"files": files}, curve="constant")
    # path 4+11; size 4+2 and, with 02 50 10, 4+4: 21 and 23
    assert "22 bytes on average" in panel.details.value
    assert "items = …  # your table 'files'" in panel.code
    panel.set(frame="pasted JSON")
    assert "json.loads" in panel.code


def test_the_picture_is_a_png_and_the_line_is_short(panel):
    bundle = panel._repr_mimebundle_()
    assert bundle["text/plain"].startswith("DynamoDBPanel: provisioned is cheapest")
    assert bytes(panel.picture.value).startswith(b"\x89PNG")
    assert len(panel.picture.value) < 60_000


def test_it_prints_nothing(panel, capfd):
    panel.set(reads=7)
    assert capfd.readouterr() == ("", "")


def test_values_at_the_start_are_those_of_controls():
    with pytest.raises(InvalidArgument, match="no 'rate'.*\n.*reads, writes"):
        DynamoDBPanel(rate=5)


def test_nothing_asked_costs_only_storage(panel):
    panel.set(reads=0, writes=0)
    assert not panel.failed
    assert panel.comparison.get("on-demand").usd == pytest.approx(ddb.price_storage(1000 * (9 + 7 + 100)).usd)
