"""Simulations against closed forms: constant load, one step, a sawtooth; bursts, doubling, hot keys, slow indexes."""

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakekit import dynamodb as ddb
from lakekit.dynamodb import AccessPattern, Entity, Index, TableDesign, Workload
from lakekit.errors import InvalidArgument

DEFAULT = ddb.ThroughputSettings()
NO_BURST = ddb.ThroughputSettings(burst_s=0)
APART = ddb.ThroughputSettings(burst_s=0, has_backpressure=False)
INSTANT = ddb.ScalingSettings(out_delay_minutes=0, in_delay_minutes=0)


def simulate(write, mode, settings=DEFAULT, *, step_s=60):
    days = len(write) * step_s / 86_400
    demand = ddb.make_demand("t", write=ddb.Recorded(tuple(write), step_s), days=days, step_s=step_s)
    return ddb.simulate_throughput(demand, mode, settings)


def test_a_constant_load_above_the_capacity_loses_the_difference():
    # 12 of 10 units a second for an hour: 2 x 3,600 refused
    simulation = simulate([12] * 60, ddb.Provisioned(1, 10))
    assert simulation.throttled_units == pytest.approx(2 * 3600)
    assert simulation.throttled_share == pytest.approx(2 / 12)
    assert simulation.throttled_minutes == 60


def test_a_constant_load_within_the_capacity_loses_nothing_and_fills_the_bucket():
    lane = simulate([4] * 60, ddb.Provisioned(1, 10)).lane("t", "write")
    assert lane.throttled.sum() == 0
    # 6 a second are left: 360 a minute, until 300 x 10 are saved
    assert lane.bucket.tolist() == [min(3000, 360 * (minute + 1)) for minute in range(60)]


def test_one_step_is_carried_by_the_bucket_for_as_long_as_it_lasts():
    # a full bucket of 3,000; then 20 of 10 takes 10 a second: 300 s, five minutes; after it 10 a second are refused
    lane = simulate([0] * 5 + [20] * 10, ddb.Provisioned(1, 10)).lane("t", "write")
    assert lane.served.tolist() == [0] * 5 + [20] * 5 + [10] * 5
    assert lane.throttled.tolist() == [0] * 10 + [10] * 5


def test_a_bucket_that_runs_dry_within_a_step_serves_what_it_has():
    # 900 saved in 90 s of silence; 40 of 10 takes 30 a second: 30 s, half a minute of it
    lane = simulate([0, 0, 0, 40, 40, 40], ddb.Provisioned(1, 10), step_s=30).lane("t", "write")
    assert lane.served.tolist() == [0, 0, 0, 40, 10, 10]


def test_a_sawtooth_saves_in_the_low_half_what_it_spends_in_the_high_half():
    # two minutes of 4, two of 16, capacity 10: 720 saved and 720 spent in each tooth, so that all is served
    simulation = simulate([4, 4, 16, 16] * 15, ddb.Provisioned(1, 10))
    assert simulation.throttled_units == pytest.approx(0)
    # without a bucket 6 a second are refused in half of the time
    assert simulate([4, 4, 16, 16] * 15, ddb.Provisioned(1, 10), NO_BURST).throttled_units == 6 * 3600 / 2


def test_seconds_show_what_minutes_hide():
    # 60 units in the first second of a minute are 1 a second on average; a capacity of 2 with no bucket refuses 58
    seconds = [60] + [0] * 59
    assert simulate(seconds * 5, ddb.Provisioned(1, 2), NO_BURST, step_s=1).throttled_units == 58 * 5
    assert simulate([1] * 5, ddb.Provisioned(1, 2), NO_BURST).throttled_units == 0


@given(st.lists(st.floats(0, 100), min_size=1, max_size=60), st.integers(1, 100))
def test_what_is_served_and_refused_adds_up_and_never_exceeds_what_was_there(write, capacity):
    lane = simulate(write, ddb.Provisioned(1, capacity)).lane("t", "write")
    assert lane.served + lane.throttled == pytest.approx(lane.demand)
    minutes = np.arange(1, len(write) + 1)
    assert (np.cumsum(lane.served) <= capacity * minutes + 1e-6).all()  # the bucket began empty


def test_autoscaling_follows_a_step_after_two_minutes():
    # 70 of 100 is the target; 140 from minute 10 on. The bucket has 30 x 600 = 18,000, and so carries the first two
    # minutes; with minute 12 there are 140 / 0.7 = 200
    policy = ddb.ScalingPolicy(70, 5, 1000)
    mode = ddb.Autoscaled(policy, policy, start={("t", "write"): 100}, settings=INSTANT)
    lane = simulate([70] * 10 + [140] * 10, mode).lane("t", "write")
    assert lane.capacity.tolist() == [100] * 12 + [200] * 8
    assert lane.throttled.sum() == 0
    dry = simulate([70] * 10 + [140] * 10, mode, NO_BURST).lane("t", "write")
    # without a bucket 100 are consumed, which asks for 143; that is consumed next, and asks for 200 after two more
    assert dry.capacity.tolist() == [100] * 12 + [143] * 2 + [200] * 6
    assert dry.throttled.sum() == 2 * 40


def test_autoscaling_starts_with_what_the_first_minute_needs():
    lane = simulate([70] * 5, ddb.Autoscaled(settings=INSTANT)).lane("t", "write")
    assert lane.capacity.tolist() == [100] * 5


def test_reads_and_writes_share_the_decreases_of_a_table():
    # both fall at once, again and again, every 30 minutes; 4 tokens serve two falls of both, or four of each
    saw = ddb.Recorded(tuple(([700] * 10 + [7] * 20) * 4), 60)
    demand = ddb.make_demand("t", read=saw, write=saw, days=120 / 1440)
    counts = {}
    for shares in (True, False):
        mode = ddb.Autoscaled(settings=ddb.ScalingSettings(0 + 2, 15, 0, 0, shares_decreases=shares))
        lanes = ddb.simulate_throughput(demand, mode).lanes
        counts[shares] = sum(int((np.diff(lane.capacity) < 0).sum()) for lane in lanes.values())
    assert counts == {True: 5, False: 8}  # 4, and one earned within the two hours; 4 of each


def test_on_demand_serves_its_start_at_once_and_doubles_every_half_hour():
    # 30,000 of a new table: 4,000 for 30 minutes, then 8,000, 16,000, and all of it
    demand = ddb.make_demand("t", write=30_000, days=150 / 1440)
    none = ddb.ThroughputSettings(has_partitions=False)
    lane = ddb.simulate_throughput(demand, ddb.OnDemand(), none).lane("t", "write")
    half_hours = [4000, 4000, 8000, 8000, 16_000, 16_000, 30_000, 30_000]
    assert lane.served[[0, 29, 30, 59, 60, 89, 90, 149]].tolist() == half_hours
    assert lane.throttled[0] == 26_000


def test_on_demand_serves_twice_its_peak_at_once_and_no_more_than_its_quota():
    none = ddb.ThroughputSettings(has_partitions=False)
    lane = simulate([5000] * 31 + [10_000] * 30, ddb.OnDemand(write=5000), none).lane("t", "write")
    assert lane.throttled.sum() == 0
    assert simulate([50_000], ddb.OnDemand(write=60_000), none).lane("t", "write").served[0] == 40_000
    assert simulate([500], ddb.OnDemand(most_write=100), none).lane("t", "write").served[0] == 100


def test_a_hot_key_is_found_by_table_partition_and_name():
    keys = {"t": ddb.make_hot_key(0.9, name="BREAKING")}
    table, item = TableDesign("t", "id"), Entity("vote", 200)
    vote = AccessPattern("vote", "PutItem", "vote", rate=2000)
    demand = ddb.compute_demand(Workload(table, (item,), (vote,), keys), days=0.1)
    simulation = ddb.simulate_throughput(demand, ddb.Provisioned(10, 4000))
    # four partitions; the key's has 1,800 and a quarter of 200: 1,850. It goes alone after ten minutes: 1,800
    lane = simulation.lane("t", "write")
    assert lane.by_partition[[0, 9, 10, -1]].tolist() == pytest.approx([850, 850, 800, 800])
    row = simulation.throttles.row(-1, named=True)
    where = [row[name] for name in ("resource", "kind", "reason", "key")]
    assert where == ["t", "write", "a partition at its limit", "BREAKING"]
    assert row["partition"] == simulation.heats["t", "write"].hottest[-1]
    assert "partition" in simulation.text
    assert "'BREAKING'" in simulation.text


def test_a_table_with_a_sort_key_can_split_its_hot_key():
    table = TableDesign("t", "id", "at")
    vote = AccessPattern("vote", "PutItem", "vote", rate=2000)
    workload = Workload(table, (Entity("vote", 200),), (vote,), {"t": ddb.make_hot_key(0.9)})
    lane = ddb.simulate_throughput(ddb.compute_demand(workload, days=0.1), ddb.OnDemand()).lane("t", "write")
    assert lane.throttled[0] > 0
    assert lane.throttled[-1] == 0


def test_an_index_that_cannot_follow_holds_its_table_back():
    table = TableDesign("t", "id", indexes=(Index("by_city", "city"),))
    put = AccessPattern("put", "PutItem", "item", rate=100)
    workload = Workload(table, (Entity("item", 500),), (put,))
    demand = ddb.compute_demand(workload, days=0.1)
    mode = ddb.Provisioned(10, 100, {"by_city": (10, 60)})
    simulation = ddb.simulate_throughput(demand, mode, NO_BURST)
    # the index refuses 40 of 100, and with them the table's writes
    assert simulation.lane("by_city", "write").by_capacity[0] == 40
    assert simulation.lane("t", "write").by_index[0] == pytest.approx(40)
    assert simulation.lane("t", "write").served[0] == pytest.approx(60)
    free = ddb.simulate_throughput(demand, mode, APART)
    assert free.lane("t", "write").served[0] == 100


def simulate_puts(rate, mode, *, indexes=("by_x",), keys=None, settings=NO_BURST):
    table = TableDesign("t", "id", indexes=tuple(Index(name, name) for name in indexes))
    put = AccessPattern("put", "PutItem", "item", rate=rate)
    demand = ddb.compute_demand(Workload(table, (Entity("item", 500),), (put,), keys or {}), days=0.1)
    return ddb.simulate_throughput(demand, mode, settings)


def test_a_write_that_the_table_refuses_reaches_no_index():
    # one key has all 3,000 writes and its partition takes 1,000: the index is written 1,000 times, and billed for them
    hot = simulate_puts(3000, ddb.OnDemand(), keys={"t": ddb.make_hot_key(1.0)})
    table, index = (hot.lane(name, "write") for name in ("t", "by_x"))
    assert (table.served[0], table.by_partition[0]) == (1000, 2000)
    assert (index.served[0], index.by_table[0]) == pytest.approx((1000, 2000))
    assert hot.throttled_share == pytest.approx(4000 / 6000)
    # the cause is told, and not what follows from it
    assert "most of it writes of t: a partition at its limit" in hot.text
    # a table of 10 refuses 90 of 100, whatever the index could take
    small = simulate_puts(100, ddb.Provisioned(1, 10, {"by_x": (1, 1000)}))
    assert small.lane("by_x", "write").served.max() == pytest.approx(10)
    assert small.lane("by_x", "write").by_table[0] == pytest.approx(90)
    assert small.lane("by_x", "write").bucket.max() == 0


def test_a_write_that_one_index_refuses_is_written_to_no_other():
    # slow takes 10 of 100, so the table takes 10, and fast gets 10
    capacity = ddb.Provisioned(1, 200, {"slow": (1, 10), "fast": (1, 200)})
    for names in (("slow", "fast"), ("fast", "slow")):
        lanes = simulate_puts(100, capacity, indexes=names).lanes
        assert [lanes[name, "write"].served[0] for name in ("t", "slow", "fast")] == pytest.approx([10, 10, 10])
        assert lanes["t", "write"].by_index[0] == pytest.approx(90)
        assert lanes["slow", "write"].by_capacity[0] == pytest.approx(90)
        assert lanes["fast", "write"].by_table[0] == pytest.approx(90)
    # without backpressure slow alone loses its 90
    alone = simulate_puts(100, capacity, indexes=("slow", "fast"), settings=APART).lanes
    assert [alone[name, "write"].served[0] for name in ("t", "slow", "fast")] == pytest.approx([100, 10, 100])


def test_an_index_saves_up_what_its_table_keeps_from_it():
    # the table serves 10 of 100: the index of 20 saves 10 a second, 300 s of 20 at most
    settings = ddb.ThroughputSettings()
    capacity = ddb.Provisioned(1, 10, {"by_x": (1, 20)})
    bucket = simulate_puts(100, capacity, settings=settings).lane("by_x", "write").bucket
    assert bucket[[0, 4, 9, 20]].tolist() == pytest.approx([600, 3000, 6000, 6000])


@given(st.lists(st.floats(0, 3000), min_size=5, max_size=20), st.integers(1, 2000), st.integers(1, 2000))
def test_table_and_index_write_the_same_items(writes, table_capacity, index_capacity):
    curve = ddb.Recorded(tuple(writes))
    table = TableDesign("t", "id", indexes=(Index("by_x", "x"),))
    put = AccessPattern("put", "PutItem", "item", rate=curve)
    workload = Workload(table, (Entity("item", 500),), (put,), {"t": ddb.make_hot_key(0.6)})
    demand = ddb.compute_demand(workload, days=len(writes) / 1440)
    mode = ddb.Provisioned(1, table_capacity, {"by_x": (1, index_capacity)})
    lanes = ddb.simulate_throughput(demand, mode).lanes
    for name in ("t", "by_x"):
        lane = lanes[name, "write"]
        assert lane.served + lane.throttled == pytest.approx(lane.demand, abs=1e-6)
        assert (lane.served >= 0).all()
    # each item is one unit in both
    assert lanes["t", "write"].served == pytest.approx(lanes["by_x", "write"].served, abs=1e-6)


def make_week():
    indexes = tuple(Index(f"by_{number}", f"key{number}") for number in range(5))
    put = AccessPattern("put", "PutItem", "item", ddb.Daily(100, 2000) + ddb.Spike(30, 3000, 10, 60, 30))
    get = AccessPattern("get", "GetItem", "item", ddb.Daily(100, 4000))
    keys = {"t": ddb.make_zipf_keys(100_000)}
    return Workload(TableDesign("t", "id", indexes=indexes), (Entity("item", 900, 1e6),), (put, get), keys)


def test_a_week_of_minutes_with_five_indexes_takes_less_than_a_second():
    demand = ddb.compute_demand(make_week())
    assert (demand.steps, len(demand.resources)) == (7 * 1440, 6)
    seconds = []
    for _ in range(3):
        start = time.process_time()
        ddb.simulate_throughput(demand, ddb.Autoscaled())
        seconds.append(time.process_time() - start)
    assert min(seconds) < 1.0  # of the processor, the quickest of three: the others shared the machine


def test_it_tells_what_happened_as_text_table_and_frame():
    simulation = ddb.simulate_throughput(ddb.compute_demand(make_week(), days=2), ddb.Autoscaled())
    assert "of all units is throttled" in simulation.text
    assert "by_4" in str(simulation)
    assert "by_4" in simulation._repr_html_()
    frame = simulation.to_frame()
    assert frame.height == 2 * 1440 * 6 * 2
    total = simulation.throttles["units_per_s"].sum() * 60
    assert total == pytest.approx(simulation.throttled_units)
    assert simulate([1] * 5, ddb.Provisioned(1, 5)).text == "Nothing is throttled."
    with pytest.raises(InvalidArgument, match="no read of 'x'"):
        simulation.lane("x", "read")


def test_longer_steps_are_taken_minute_by_minute():
    demand = ddb.make_demand("t", write=12, days=1, step_s=3600)
    simulation = ddb.simulate_throughput(demand, ddb.Provisioned(1, 10))
    assert simulation.demand.step_s == 60
    assert simulation.throttled_units == pytest.approx(2 * 86_400)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ddb.Provisioned(0, 5), "read of the table=0"),
        (lambda: ddb.Provisioned(5, 5, {"by_city": (5, 0)}), "write of by_city=0"),
        (lambda: ddb.OnDemand(most_read=0), "most_read=0"),
        (lambda: ddb.ThroughputSettings(burst_filled=2), "burst_filled=2"),
        (lambda: ddb.ThroughputSettings(partitions={"t": 1.5}), "partitions of 't'=1.5"),
        (lambda: ddb.HeatSettings(split_after_minutes=-1), "split_after_minutes=-1"),
        (lambda: simulate([1] * 100, ddb.Provisioned(1, 1), step_s=7), "step_s=7 does not divide a minute"),
    ],
)
def test_what_means_nothing_names_the_parameter(call, message):
    with pytest.raises(InvalidArgument, match=message):
        call()
