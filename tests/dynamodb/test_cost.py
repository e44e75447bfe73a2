"""Bills add up line by line, with the prices of a region, their dates and sources, and nothing is free unasked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakekit import dynamodb as ddb
from lakekit.errors import InvalidArgument
from lakekit.prices import list_regions

GIB = 2**30
AMOUNTS = st.floats(0, 1e12)


@given(AMOUNTS, AMOUNTS, AMOUNTS, AMOUNTS)
def test_cost_is_additive(one, two, three, four):
    together = ddb.price_on_demand(read_units=one + two, write_units=three + four).usd
    apart = ddb.price_on_demand(read_units=one, write_units=three) + ddb.price_on_demand(
        read_units=two, write_units=four
    )
    assert apart.usd == pytest.approx(together)
    capacity = ddb.price_provisioned(read_units=one + two, write_units=three + four).usd
    parts = [ddb.price_provisioned(read_units=a, write_units=b).usd for a, b in ((one, three), (two, four))]
    assert sum(parts) == pytest.approx(capacity)
    assert ddb.price_storage(one).usd + ddb.price_storage(two).usd == pytest.approx(ddb.price_storage(one + two).usd)


def test_a_bill_shows_quantity_price_date_and_source():
    bill = ddb.price_on_demand(read_units=2_000_000, write_units=1_000_000) + ddb.price_storage(10 * GIB)
    assert bill.usd == pytest.approx(2 * 0.125 + 0.625 + 10 * 0.25)
    assert bill.get("reads") == pytest.approx(0.25)
    assert all(line.as_of and line.source.startswith("https://") for line in bill.lines)
    text = str(bill)
    assert "2,000,000.0  read units" in text
    assert "2026-09-06" in text
    assert "https://" in text
    assert "<td" in bill._repr_html_()


@pytest.mark.parametrize("region", list_regions())
def test_every_region_has_prices_of_both_classes(region):
    for table_class in ("STANDARD", "STANDARD_IA"):
        rates = ddb.get_rates(region, table_class=table_class)
        bill = ddb.price_on_demand(read_units=1e6, write_units=1e6, replicated_units=1e6, rates=rates)
        bill += ddb.price_provisioned(read_units=1, write_units=1, hours=1, rates=rates)
        bill += ddb.price_storage(GIB, rates=rates)
        assert bill.region == region
        assert len(bill.lines) == 6
        assert all(line.usd > 0 for line in bill.lines)


def test_a_region_has_its_own_prices():
    # Ireland: 0.705 a million writes, 0.283 a GB
    bill = ddb.price_on_demand(write_units=1e6, rates="eu-west-1") + ddb.price_storage(GIB, rates="eu-west-1")
    assert bill.usd == pytest.approx(0.705 + 0.283)


def test_an_unknown_region_is_an_error_that_lists_the_known_ones():
    with pytest.raises(InvalidArgument, match=r"region 'mars-1'.*\n.*af-south-1.*us-west-2"):
        ddb.price_on_demand(write_units=1, rates="mars-1")


def test_months_have_730_hours_unless_told():
    assert ddb.count_month_units(1) == 730 * 3600
    assert ddb.price_provisioned(write_units=1000, hours=744).usd == pytest.approx(744 * 0.65)
    assert "744 hours" in str(ddb.price_provisioned(write_units=1, hours=744))


def test_extras_are_lines_of_their_own():
    extras = ddb.Extras(
        continuous_backup=True,
        backup_bytes=10 * GIB,
        restored_bytes=10 * GIB,
        full_export_bytes=100 * GIB,
        imported_bytes=10 * GIB,
        stream_reads=5_000_000,
        kinesis_units=2_000_000,
        cross_region_bytes=50 * GIB,
        transfer_out_bytes=20_480 * GIB,
    )
    bill = ddb.price_extras(extras, table_bytes=100 * GIB)
    parts = {
        "continuous backup": 100 * 0.20,
        "backups": 10 * 0.10,
        "restores": 10 * 0.15,
        "full exports": 100 * 0.10,
        "imports": 10 * 0.15,
        "stream reads": 5_000_000 * 0.0000002,
        "capture to Kinesis": 2 * 0.10,
        "to other regions": 50 * 0.02,
        "to the internet": 10_240 * 0.09 + 10_240 * 0.085,  # in steps
    }
    assert {line.what: line.usd for line in bill.lines} == pytest.approx(parts)


def test_a_price_a_region_does_not_have_is_named():
    with pytest.raises(InvalidArgument, match="eu-west-1 has no 'dynamodb.backup.continuous'"):
        ddb.price_extras(ddb.Extras(continuous_backup=True), table_bytes=GIB, rates="eu-west-1")


def test_the_free_tier_is_subtracted_only_when_asked_and_never_from_on_demand():
    bill = ddb.price_provisioned(read_units=100, write_units=10) + ddb.price_storage(30 * GIB)
    bill += ddb.price_on_demand(write_units=1e6)
    free = ddb.apply_free_tier(bill)
    # 18,600 of 73,000 RCU-hours, all 7,300 WCU-hours, 25 of 30 GB
    assert bill.usd - free.usd == pytest.approx(18_600 * 0.00013 + 7_300 * 0.00065 + 25 * 0.25)
    infrequent = ddb.get_rates(table_class="STANDARD_IA")
    assert ddb.apply_free_tier(ddb.price_storage(GIB, rates=infrequent)).usd == pytest.approx(0.1)


def test_the_free_tier_is_used_once_for_all_lines():
    twice = ddb.price_storage(20 * GIB) + ddb.price_storage(20 * GIB)
    assert ddb.apply_free_tier(twice).usd == pytest.approx(15 * 0.25)


def test_on_demand_costs_the_same_at_29_percent_of_a_capacity():
    share = ddb.get_break_even_utilisation()
    assert share == pytest.approx(0.2889, abs=0.0001)
    on_demand = ddb.price_on_demand(write_units=ddb.count_month_units(1000 * share)).usd
    assert on_demand == pytest.approx(ddb.price_provisioned(write_units=1000).usd)
    assert ddb.limits.AWS_BREAK_EVEN_UTILISATION == 0.35


def test_both_classes_are_priced_and_the_rule_of_thumb_agrees_within_a_percent():
    break_even = ddb.get_table_class_break_even("STANDARD", "STANDARD_IA")
    # 1,000 WCU cost 474.50; storage of 0.4167 of it is 197.71, so 790.8 GB
    size = 474.5 * break_even / 0.25 * GIB
    both = ddb.compare_table_classes(size_bytes=size, capacity=(0, 1000))
    assert abs(both.saving_usd) < 0.01 * both.standard.usd
    assert ddb.compare_table_classes(size_bytes=2 * size, capacity=(0, 1000)).cheapest == "STANDARD_IA"
    assert ddb.compare_table_classes(size_bytes=size / 2, capacity=(0, 1000)).cheapest == "STANDARD"
    assert ddb.get_table_class_saving(1000, 1000, from_class="STANDARD") == pytest.approx(600 - 250)


def test_prices_of_your_own_are_marked():
    rates = ddb.get_rates().with_own(dynamodb_on_demand_write_STANDARD=5e-7)
    bill = ddb.price_on_demand(write_units=1e6, rates=rates)
    assert bill.usd == pytest.approx(0.5)
    assert bill.lines[0].source == "your own price"
    with pytest.raises(InvalidArgument, match="no price 'dynamodb_write'"):
        rates.with_own(dynamodb_write=1)


def test_growth_is_forecast_month_by_month():
    # 10 million items of 11 KB a month: 11 write units each; 105 GB a month by AWS's own spreadsheet
    growth = ddb.Growth(10_000_000, 11 * 1024, reads_per_item=17, has_overhead=False)
    frame = ddb.forecast_months(growth, months=36)
    assert frame["month"].to_list() == list(range(1, 37))
    assert frame["stored_gib"][0] == pytest.approx(104.904, abs=0.001)
    assert frame["reads"][2] == 510_000_000
    assert frame["write_units"][0] == 110_000_000
    # 36 months: 360 million items x 17 reads x 1.5 units, 110 million writes, 3,776.55 GB
    usd = 360e6 * 17 * 1.5 * 0.125e-6 + 110 * 0.625 + 36 * 104.904175 * 0.25
    assert frame["usd"][-1] == pytest.approx(usd)
    with pytest.raises(InvalidArgument, match="months=0"):
        ddb.forecast_months(growth, months=0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ddb.price_on_demand(read_units=-1), "read_units=-1"),
        (lambda: ddb.price_provisioned(write_units=float("inf")), "write_units=inf"),
        (lambda: ddb.price_provisioned(hours=-1), "hours=-1"),
        (lambda: ddb.price_storage(-5), "size_bytes=-5"),
        (lambda: ddb.Extras(backup_bytes=-1), "backup_bytes=-1"),
        (lambda: ddb.Extras(full_export_bytes=1), "without continuous_backup"),
        (lambda: ddb.get_rates(table_class="COLD"), "table_class='COLD'"),
        (lambda: ddb.get_break_even_utilisation(kind="scan"), "kind='scan'"),
        (lambda: ddb.recognise_price(1, kind="scan"), "kind='scan'"),
        (lambda: ddb.get_table_class_break_even("A", "B"), "table class 'A'"),
        (lambda: ddb.get_table_class_break_even("STANDARD", "STANDARD"), "nothing changes"),
        (lambda: ddb.Growth(-1, 1), "items_per_month=-1"),
        (lambda: ddb.forecast_months(ddb.Growth(1, 1), months=1.5), "months=1.5"),
        (lambda: ddb.get_dax_target_rps(1, utilisation_percent=0, nodes=1), "utilisation_percent=0"),
        (lambda: ddb.get_dax_normalised_rps(hits=1, misses=0, writes=0, kb=1, nodes=12), "nodes=12"),
        (lambda: ddb.get_vector_write_bytes(5000), "dimensions=5000"),
    ],
)
def test_what_means_nothing_names_the_parameter(call, message):
    with pytest.raises(InvalidArgument, match=message):
        call()
