"""What a capacity can do: bytes and requests, the burst bucket, where on-demand starts, replicas of a global table."""

import pytest

from lakekit import dynamodb as ddb
from lakekit.errors import InvalidArgument


def test_six_units_read_and_write_so_many_bytes():
    six = ddb.get_throughput(6, 6)
    kb = [getattr(six, name) / 1024 for name in six.__dataclass_fields__]
    assert kb == [24, 48, 12, 6, 3]  # strong, eventual, transactional reads; writes, transactional writes


def test_a_read_unit_reads_4_8_or_2_kb():
    assert [ddb.get_bytes_per_read_unit(kind) for kind in ("strong", "eventual", "transactional")] == [4096, 8192, 2048]


def test_requests_are_units_by_units():
    assert ddb.get_requests_per_s(100, 0.5) == 200
    assert ddb.get_most_requests_per_item_per_s(2, kind="write") == 500  # of 1,000


def test_five_minutes_of_unused_capacity_are_kept():
    assert ddb.get_burst_units(100) == 100 * 300


def test_on_demand_starts_at_12_000_and_4_000_and_doubles_its_peak():
    assert ddb.get_warm_throughput() == {"read": 12_000, "write": 4_000}
    assert ddb.get_on_demand_after_switch() == {"read": 12_000, "write": 4_000}
    assert ddb.get_on_demand_after_switch(past_write_units=5000)["write"] == 5000
    assert ddb.get_on_demand_capacity(50_000) == 100_000
    assert ddb.get_on_demand_capacity(3000, kind="read", is_new=True) == 12_000


def test_a_busy_partition_borrows_what_others_leave():
    shared = ddb.share_capacity(400, [50, 50, 50, 150])
    assert shared.static_share == 100
    assert shared.served == (50, 50, 50, 150)


def test_when_all_want_more_each_first_has_its_share():
    # shares of 100; 60 is left by the first, and the others want 100 and 200 more: a third and two thirds of it
    shared = ddb.share_capacity(300, [40, 200, 300])
    assert shared.served == pytest.approx((40, 120, 140))
    assert sum(shared.served) == pytest.approx(300)
    assert shared.throttled == pytest.approx((0, 80, 160))


def test_no_partition_gives_more_than_its_limit():
    assert ddb.share_capacity(10_000, [1500, 0]).served == (1000, 0)
    assert ddb.share_capacity(10_000, [3500, 0], kind="read").served == (3000, 0)


def test_a_global_table_writes_everything_in_every_region():
    three = ddb.count_global_table_units(100, regions=3, index_units=50)
    assert (three.write_units, three.replicated_units, three.replicated_units_per_region) == (150, 300, 100)
    one = ddb.count_global_table_units(100, regions=1, index_units=50)
    assert (one.write_units, one.replicated_units) == (150, 0)
    assert ddb.count_legacy_global_table_units([5, 10, 5]) == 2 * 3 * 20  # the version of 2017


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ddb.get_throughput(-1, 0), "read_units=-1"),
        (lambda: ddb.get_requests_per_s(1, 0), "units_per_request=0"),
        (lambda: ddb.get_most_requests_per_item_per_s(1, kind="scan"), "kind='scan'"),
        (lambda: ddb.share_capacity(10, []), "partition_loads is empty"),
        (lambda: ddb.share_capacity(10, [-1]), "partition_loads=-1"),
        (lambda: ddb.count_global_table_units(5), "regions=None"),
        (lambda: ddb.count_global_table_units(5, regions=1.5), "regions=1.5 was given.*\n.*a whole number"),
        (lambda: ddb.count_global_table_units(5, regions=float("nan")), "regions=nan"),
        (lambda: ddb.count_global_table_units([1, 2], regions=3), "regions=3, and 2 rates"),
    ],
)
def test_what_means_nothing_names_the_parameter(call, message):
    with pytest.raises(InvalidArgument, match=message):
        call()
