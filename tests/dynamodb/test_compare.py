"""All modes are billed on the same series, cheapest first, with a reason; sensitivity and fit build on it."""

from dataclasses import replace

import numpy as np
import pytest

from lakekit import dynamodb as ddb
from lakekit.dynamodb import AccessPattern, CompareOptions, Entity, Index, TableDesign, Workload
from lakekit.errors import InvalidArgument

DAY = CompareOptions(days=1)
FIELDS = ("usd", "throttled_share")
CARTS = TableDesign("carts", "customer", indexes=(Index("by_status", "status", projection="KEYS_ONLY"),))
PATTERNS = (
    AccessPattern("show", "GetItem", "cart", rate=ddb.Daily(10, 90)),
    AccessPattern("save", "PutItem", "cart", rate=20),
)
SHOP = Workload(CARTS, (Entity("cart", 900, 1_000_000),), PATTERNS)


def test_each_mode_is_billed_by_its_rule():
    found = ddb.compare_modes(SHOP, options=DAY)
    stored = 1_000_000 * 2 * 1000 / 2**30 * 0.25  # the index is taken to hold whole items: nothing else was said
    units = {"read": 50 * 0.5, "write": 20 + 20}
    on_demand = 730 * 3600 * (units["read"] * 0.125 + units["write"] * 0.625) / 1e6
    assert found.get("on-demand").usd == pytest.approx(on_demand + stored)
    # the peak: 45 RCU, 1 of the index, which is never read, and 2 x 20 WCU
    provisioned = 730 * ((45 + 1) * 0.00013 + 40 * 0.00065)
    assert found.get("provisioned").usd == pytest.approx(provisioned + stored)
    assert found.get("provisioned").throttled_share == 0


def test_the_capacity_billed_in_an_hour_is_its_highest():
    # 100 for the first minute of each hour only, autoscaled down to nothing: still 100 in each hour
    lane = np.array(([100.0] + [5.0] * 59) * 24)
    from lakekit.dynamodb.compare import _sum_hours

    assert _sum_hours(lane, 60).tolist() == [100.0] * 24
    assert _sum_hours(lane[:90], 60).tolist() == [100.0, 100.0]


def test_bills_of_two_workloads_add_up():
    both = Workload(CARTS, SHOP.entities, PATTERNS)
    first = Workload(CARTS, SHOP.entities, PATTERNS[:1])
    second = Workload(CARTS, (Entity("cart", 900, 0),), PATTERNS[1:])
    usd = [ddb.compare_modes(one, options=DAY).get("on-demand").usd for one in (both, first, second)]
    assert usd[0] == pytest.approx(usd[1] + usd[2])


def test_reserved_blocks_replace_what_they_cover():
    steady = ddb.make_demand("t", read=1000, write=250, days=1)
    found = ddb.compare_modes(steady)
    option = found.get("provisioned", years=1)
    reads, writes = option.reserved
    # 10 blocks of reads; of writes 2, and the third is needed for half of its units at all times: 0.50 > 0.46
    assert (reads.blocks, writes.blocks) == (10, 3)
    usd = 730 * (10 * (30 / 8760 + 0.0025) + 3 * (150 / 8760 + 0.0128))
    assert option.usd == pytest.approx(usd)
    assert option.name == "provisioned, STANDARD, reserved 1 y"


def test_steady_traffic_is_cheapest_reserved_and_rare_traffic_on_demand():
    steady = ddb.compare_modes(ddb.make_demand("t", write=500, days=1))
    assert steady.cheapest.name == "provisioned, STANDARD, reserved 3 y"
    assert steady.cheapest_uncommitted.name == "provisioned, STANDARD"
    rare = ddb.compare_modes(ddb.make_demand("t", write=ddb.Spike(at_hour=8, height=1000, hold_minutes=30), days=1))
    assert rare.cheapest.name == "on-demand, STANDARD"
    assert "2% of the peak is used, below the 29%" in rare.reason
    assert rare.get_mode() == ddb.OnDemand()


def test_much_data_and_few_requests_pay_for_infrequent_access():
    archive = Workload(TableDesign("t", "id"), (Entity("x", 2000, 1e8),), (AccessPattern("g", "GetItem", "x", 1),))
    found = ddb.compare_modes(archive, options=DAY)
    assert found.cheapest.table_class == "STANDARD_IA"
    # 1e8 x 2,100 bytes are 195.6 GiB, $19.56; 730 x 3,600 x 0.5 read units at $0.155 a million are $0.20
    assert "Standard-IA pays: storage is 99% of the bill." in found.reason


def test_a_mode_that_throttles_is_not_called_cheapest():
    demand = ddb.make_demand("t", write=ddb.Recorded((10, 500), 43_200), days=1)
    options = CompareOptions(provisioned=ddb.Provisioned(1, 50))
    found = ddb.compare_modes(demand, options=options)
    cheap = min(found.options, key=lambda option: option.usd)
    assert cheap.mode == "provisioned"
    assert cheap.throttled_share > 0.8
    assert found.cheapest.mode != "provisioned"


def compare_burst(**options):
    """300 writes a second, and 5,000 more for five minutes: 6 % of the peak on average."""
    burst = ddb.Constant(300) + ddb.Spike(5, 5000, hold_minutes=5)
    plain = CompareOptions(reserved_years=(), **options)
    return ddb.compare_modes(ddb.make_demand("t", write=burst, days=1), table_classes=("STANDARD",), options=plain)


def test_the_reason_names_what_is_cheaper_and_why_it_was_passed_over():
    found = compare_burst()
    # a new table on demand serves 4,000 of 5,300 at once
    usd, lost = ([getattr(found.get(mode), name) for mode in ("autoscaled", "on-demand")] for name in FIELDS)
    assert found.reason == (
        f"provisioned, STANDARD costs least of what throttles 0.1% at most, ${found.cheapest.usd:,.2f} a month. "
        "On average 6% of the peak is used. "
        f"Passed over: autoscaled, STANDARD for ${usd[0]:,.2f} throttles {lost[0]:.1%}; "
        f"on-demand, STANDARD for ${usd[1]:,.2f} throttles {lost[1]:.1%}."
    )


def test_the_reason_tells_the_parity_only_where_it_speaks_for_the_mode():
    warm = compare_burst(on_demand=ddb.OnDemand(write=12_000))
    assert warm.reason.startswith("on-demand, STANDARD costs least of what throttles 0.1% at most")
    assert "6% of the peak is used, below the 29% at which a plain capacity costs the same as on-demand" in warm.reason
    assert "; provisioned, STANDARD would be $" in warm.reason
    assert "Passed over: autoscaled, STANDARD for $" in warm.reason
    # a capacity that follows the load is cheapest though 24 % of the peak are used on average: no parity tells why
    wave = ddb.make_demand("t", write=ddb.Recorded((4000, 500, 500, 500, 500, 500), 14_400), days=1)
    slow = CompareOptions(reserved_years=(), most_throttled=0.5)
    found = ddb.compare_modes(wave, table_classes=("STANDARD",), options=slow)
    # (4,000 + 5 x 500) / 6 / 4,000 = 27 %
    assert found.cheapest.mode == "autoscaled"
    assert "On average 27% of the peak is used; " in found.reason
    assert "Passed over" not in found.reason


def test_where_every_mode_throttles_the_reason_says_how_much_the_best_does():
    demand = ddb.make_demand("t", write=ddb.Recorded((10, 60_000), 43_200), days=1)
    options = CompareOptions(provisioned=ddb.Provisioned(1, 50), reserved_years=())
    found = ddb.compare_modes(demand, table_classes=("STANDARD",), options=options)
    assert min(option.throttled_share for option in found.options) > 0.001
    assert f"costs least of what throttles {found.cheapest.throttled_share:.1%} at most" in found.reason
    assert "provisioned, STANDARD for $" in found.reason


def test_replicas_are_billed_in_every_region_and_cannot_be_reserved():
    two = Workload(CARTS, SHOP.entities, PATTERNS, regions=2)
    found, one = ddb.compare_modes(two, options=DAY), ddb.compare_modes(SHOP, options=DAY)
    assert found.get("on-demand").bill.get("replicated writes") == pytest.approx(
        2 * one.get("on-demand").bill.get("writes of carts")
    )
    assert found.get("on-demand").bill.get("reads") == pytest.approx(one.get("on-demand").bill.get("reads"))
    assert found.get("on-demand").bill.get("writes of by_status") == pytest.approx(
        2 * one.get("on-demand").bill.get("writes of by_status")
    )
    assert {option.years for option in found.options} == {0}


def test_the_free_tier_is_off_unless_asked():
    demand = ddb.make_demand("t", read=20, write=20, days=1)
    free = ddb.compare_modes(demand, options=CompareOptions(free_tier=True))
    paid = ddb.compare_modes(demand)
    assert free.get("provisioned").usd == 0  # 14,600 of 18,600 hours
    assert paid.get("provisioned").usd == pytest.approx(730 * 20 * 0.00078)
    assert free.get("on-demand").usd == paid.get("on-demand").usd


def test_every_region_has_a_free_tier_of_its_own():
    # 26 GiB with 48 + 100 bytes of overhead in each item: 1 of 26 is left in each of three regions; 20 units are free
    items = 26 * 2**30 / 1024
    table, entity = TableDesign("t", "id"), Entity("x", 1024 - 148, items)
    put = AccessPattern("put", "PutItem", "x", rate=20)
    options = CompareOptions(days=1, free_tier=True)
    bill = ddb.compare_modes(Workload(table, (entity,), (put,), regions=3), options=options).get("provisioned").bill
    assert bill.get("replicated writes") == 0
    assert bill.get("storage") == pytest.approx(3 * 1 * 0.25)
    # 30 units: 30 x 730 - 18,600 = 3,300 hours in each
    more = replace(put, rate=30)
    bill = ddb.compare_modes(Workload(table, (entity,), (more,), regions=3), options=options).get("provisioned").bill
    assert bill.get("replicated writes") == pytest.approx(3 * 3300 * 0.00065)


def test_extras_and_hours_count_in_every_mode():
    options = CompareOptions(days=1, hours_per_month=744, extras=ddb.Extras(stream_reads=1_000_000))
    found = ddb.compare_modes(SHOP, options=options)
    plain = ddb.compare_modes(SHOP, options=CompareOptions(days=1, hours_per_month=744))
    for option in found.options:
        other = plain.get(option.mode, table_class=option.table_class, years=option.years)
        assert option.usd - other.usd == pytest.approx(0.2)


def test_it_shows_prices_with_dates_and_sources():
    found = ddb.compare_modes(SHOP, rates="eu-west-1", options=DAY)
    assert found.region == "eu-west-1"
    for text in (str(found), found._repr_html_()):
        assert "Prices of eu-west-1, of" in text
        assert "https://" in text
    with pytest.raises(InvalidArgument, match="no batch, STANDARD, 0 years"):
        found.get("batch")
    with pytest.raises(InvalidArgument, match="'atlantis-1'"):
        ddb.compare_modes(SHOP, rates="atlantis-1")


def test_sensitivity_shows_where_the_choice_changes():
    spiky = AccessPattern("save", "PutItem", "cart", ddb.Constant(1) + ddb.Spike(8, 100, hold_minutes=300))
    workload = Workload(TableDesign("t", "id"), (Entity("cart", 900, 1000),), (spiky,))
    found = ddb.estimate_sensitivity(workload, factors=(4, 1, 2), options=DAY)
    assert found.factors == (1, 2, 4)
    once = found.rows[0][1]
    assert [row[1] for row in found.rows] == pytest.approx([once, 2 * once, 4 * once], rel=0.01)
    assert "times the rate" in found.text
    assert "cheapest" in str(found)
    assert "<td" in found._repr_html_()
    larger = ddb.estimate_sensitivity(workload, what="size", factors=(1, 1.2), options=DAY)
    # 900 bytes are one unit, 1,080 are two
    assert larger.comparisons[1].demand.write.sum() == pytest.approx(2 * larger.comparisons[0].demand.write.sum())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: CompareOptions(hours_per_month=-730), "hours_per_month=-730"),
        (lambda: CompareOptions(hours_per_month=float("nan")), "hours_per_month=nan"),
        (lambda: CompareOptions(hours_per_month="730"), "hours_per_month='730'"),
        (lambda: CompareOptions(most_throttled=-1), "most_throttled=-1"),
        (lambda: CompareOptions(most_throttled=5), "most_throttled=5 was given.*\n.*0 to 1"),
        (lambda: ddb.compare_modes(SHOP, table_classes=()), "table_classes is empty"),
        (lambda: ddb.provision_for_peak(ddb.compute_demand(SHOP, days=1), headroom=float("nan")), "headroom=nan"),
    ],
)
def test_what_compares_nothing_names_the_parameter(call, message):
    with pytest.raises(InvalidArgument, match=message):
        call()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"what": "mood"}, "what='mood'"),
        ({"factors": ()}, "factors is empty"),
        ({"factors": (-1,)}, "factors=-1"),
        ({"what": "size", "factors": (1000,)}, "'cart' is 900,000 bytes"),
    ],
)
def test_sensitivity_to_nothing_is_an_error(options, message):
    with pytest.raises(InvalidArgument, match=message):
        ddb.estimate_sensitivity(SHOP, options=DAY, **options)


def test_a_shop_fits_and_shows_the_bill_of_s3_beside():
    fit = ddb.check_fit(SHOP, ddb.Needs(use="e-commerce shopping carts"))
    assert fit.against == ()
    assert fit.verdict.startswith("Nothing on the list speaks against DynamoDB.")
    # an object an item: 50 GETs and 20 PUTs a second, 1,000,000 x 900 bytes
    seconds = 730 * 3600
    usd = seconds * (50 * 0.0004 + 20 * 0.005) / 1000 + 1e6 * 900 / 2**30 * 0.023
    assert fit.s3_objects.usd == pytest.approx(usd)
    # a file every five minutes
    assert fit.s3_lake.get("writes") == pytest.approx(730 * 12 * 0.005 / 1000)
    assert "e-commerce" in repr(ddb.USES)


@pytest.mark.parametrize(
    ("needs", "question", "instead"),
    [
        ({"has_joins": True}, "joins", "Aurora"),
        ({"has_ad_hoc_analytics": True}, "new questions", "lake"),
        ({"is_prewritten": True}, "SQL", "Aurora"),
        ({"has_counter_in_index": True}, "counter", "out of keys"),
        ({"key_is_narrow": True}, "partition keys", "suffixes"),
        ({"ttl_is_security": True}, "expiry", "when reading"),
        ({"largest_object_bytes": 5e6}, "over 400 KB", "S3"),
    ],
)
def test_each_antipattern_speaks_against_with_a_way_out(needs, question, instead):
    fit = ddb.check_fit(SHOP, ddb.Needs(**needs))
    (check,) = fit.against
    assert question in check.question
    assert instead in check.instead
    assert "1 of 10 speak against" in fit.verdict
    assert question in str(fit)


def test_scans_and_idle_data_are_found_in_the_workload():
    scan = AccessPattern("report", "Scan", "cart", rate=1 / 3600)
    fit = ddb.check_fit(Workload(CARTS, SHOP.entities, (*PATTERNS, scan)))
    assert [check.question for check in fit.against] == ["frequent scans"]
    idle = Workload(TableDesign("t", "id"), (Entity("x", 5000, 1e7),), (AccessPattern("g", "GetItem", "x", 0.1),))
    assert [check.question for check in ddb.check_fit(idle).against] == ["much data, few requests"]


def test_an_unknown_use_lists_the_known_ones():
    with pytest.raises(InvalidArgument, match="(?s)use='blog'.*gaming"):
        ddb.Needs(use="blog")
