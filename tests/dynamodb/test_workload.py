"""A workload becomes units a second on the table and on each index, rounded item by item as DynamoDB does."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakekit import dynamodb as ddb
from lakekit.dynamodb import AccessPattern, Entity, Entry, Index, TableDesign, Workload
from lakekit.errors import InvalidArgument

BY_CITY = Index("by_city", "city")
BY_RANK = Index("by_rank", "rank", projection="KEYS_ONLY")
GAMES = TableDesign("games", "id", "at", (BY_CITY, BY_RANK))
PLAYER = Entity(
    "player",
    {500: 1, 1500: 1},  # 1 and 2 write units
    1000,
    {"by_city": Entry(ddb.make_sizes(1500), 0.5), "by_rank": Entry(ddb.make_sizes(60))},
)


def count(operation, table=GAMES, **options):
    pattern = AccessPattern("p", operation, "player", rate=1, **options)
    return ddb.count_pattern_units(pattern, Workload(table, (PLAYER,), (pattern,)))


def test_a_put_writes_the_item_and_its_entries():
    # item 1.5 on average; half of the items have an entry of 2 units in by_city, all one of 1 in by_rank
    assert count("PutItem") == {"games": 1.5, "by_city": 1.0, "by_rank": 1.0}
    assert count("TransactWriteItems") == {"games": 3.0, "by_city": 1.0, "by_rank": 1.0}
    assert count("BatchWriteItem", items=10) == {"games": 15, "by_city": 10, "by_rank": 10}


def test_an_update_writes_what_changes():
    assert count("UpdateItem") == {"games": 1.5, "by_city": 1.0, "by_rank": 0.0}  # keys only: not kept
    moved = {"by_city": "key_changed", "by_rank": "unprojected_changed"}
    assert count("UpdateItem", changes=moved) == {"games": 1.5, "by_city": 2.0, "by_rank": 0.0}
    # it was larger before: 3 units, whatever it is now
    assert count("UpdateItem", before_bytes=2500)["games"] == 3


def test_a_put_that_replaces_writes_indexes_like_an_update():
    assert count("PutItem", replaced_share=1.0) == {"games": 1.5, "by_city": 1.0, "by_rank": 0.0}
    assert count("PutItem", replaced_share=0.5)["by_rank"] == 0.5


def test_a_condition_that_fails_costs_the_table_and_no_index():
    assert count("PutItem", failed_share=0.5) == {"games": 1.5, "by_city": 0.5, "by_rank": 0.5}


def test_a_delete_of_nothing_costs_one_unit():
    assert count("DeleteItem") == {"games": 1.5, "by_city": 1.0, "by_rank": 1.0}
    assert count("DeleteItem", missing_share=1.0) == {"games": 1.0, "by_city": 0.0, "by_rank": 0.0}


def test_local_entries_count_on_the_table():
    table = TableDesign("games", "id", "at", (Index("by_rank", "id", "rank", "KEYS_ONLY", is_local=True),))
    assert count("PutItem", table) == {"games": 1.5 + 1.0}


@pytest.mark.parametrize(
    ("options", "units"),
    [
        ({"operation": "GetItem"}, 0.5),
        ({"operation": "GetItem", "consistency": "strong"}, 1.0),
        ({"operation": "GetItem", "missing_share": 0.5, "consistency": "strong"}, 1.0),
        ({"operation": "BatchGetItem", "items": 40}, 20.0),
        ({"operation": "TransactGetItems", "items": 3}, 6.0),
        ({"operation": "Scan"}, 122.5),  # 1,000 x 1,000 B / 4,096 = 244.1, rounded up once, halved
    ],
)
def test_reads_count_each_in_its_way(options, units):
    assert count(**options) == {"games": units}


def test_a_query_adds_up_before_it_rounds():
    one_size = TableDesign("games", "id")
    for items, steps in ((1, 1), (4, 1), (5, 2), (0, 1)):  # of 1,000 bytes
        pattern = AccessPattern("p", "Query", "player", 1, items=items, consistency="strong")
        workload = Workload(one_size, (Entity("player", 1000),), (pattern,))
        assert ddb.count_pattern_units(pattern, workload) == {"games": steps}


def test_a_query_of_items_of_two_sizes_is_drawn_and_near_the_truth():
    # three items of 2,000 or 5,000 bytes: 6, 9, 12 or 15 thousand bytes are 2, 3, 3 or 4 steps, with 1/8, 3/8, 3/8, 1/8
    pattern = AccessPattern("p", "Query", "player", 1, items=3, consistency="strong")
    workload = Workload(TableDesign("games", "id"), (Entity("player", {2000: 1, 5000: 1}),), (pattern,))
    assert ddb.count_pattern_units(pattern, workload)["games"] == pytest.approx((2 + 3 * 3 + 3 * 3 + 4) / 8, abs=0.05)


def test_an_index_is_read_by_its_entries():
    assert count("Query", index="by_rank", items=100) == {"by_rank": 1.0}  # 6,000 bytes: 2 steps, halved
    # half of 1,000 items with 1,500 bytes: 750,000 / 4,096 = 183.1
    assert count("Scan", index="by_city") == {"by_city": 92.0}


def test_a_scan_reads_all_kinds_of_items_of_the_table_or_index():
    user = Entity("user", 500, 1000, {"by_city": Entry(ddb.make_sizes(100), 0.5)})
    order = Entity("order", 2000, 10_000, {"by_city": Entry(ddb.make_sizes(100), 0.0)})
    users = [AccessPattern("all users", "Scan", "user", rate=1, index=index) for index in (None, "by_city", "by_rank")]
    workload = Workload(GAMES, (user, order), tuple(users))
    units = [ddb.count_pattern_units(pattern, workload) for pattern in users]
    # 1,000 x 500 + 10,000 x 2,000 = 20,500,000 bytes: 19 pages of 256 steps, and ceil(577,056 / 4,096) = 141, halved
    assert units[0] == {"games": (19 * 256 + 141) / 2}
    # half of the users and no order are in by_city: 50,000 bytes are 13 steps; whole items of both are in by_rank
    assert units[1:] == [{"by_city": 6.5}, {"by_rank": (19 * 256 + 141) / 2}]


def test_a_local_index_can_be_read_strongly_and_fetches_items():
    table = TableDesign("games", "id", "at", (Index("by_rank", "id", "rank", "KEYS_ONLY", is_local=True),))
    options = {"index": "by_rank", "items": 10, "consistency": "strong"}
    assert count("Query", table, **options) == {"games": 1.0}  # 10 x 60 bytes
    assert count("Query", table, fetches=True, **options) == {"games": 11.0}  # and 10 items


def test_rates_make_units_a_second():
    patterns = (
        AccessPattern("get", "GetItem", "player", rate=ddb.Daily(0, 100)),
        AccessPattern("put", "PutItem", "player", rate=10),
        AccessPattern("list", "Query", "player", rate=5, index="by_rank", items=100),
    )
    demand = ddb.compute_demand(Workload(GAMES, (PLAYER,), patterns), days=1)
    assert demand.resources == ("games", "by_city", "by_rank")
    assert demand.get("games", "read").mean() == pytest.approx(50 * 0.5)
    assert demand.get("games", "write").tolist() == [15.0] * 1440
    assert demand.get("by_rank", "write")[0] == 10
    assert demand.get("by_rank", "read")[0] == 5.0
    assert demand.sum_units("write") == pytest.approx((15 + 10 + 10) * 86_400)
    assert demand.to_frame().columns == ["seconds", "resource", "read_units", "write_units"]
    assert demand.to_frame().height == 3 * 1440


@given(st.floats(0.1, 100), st.floats(1, 10))
def test_twice_the_rate_is_twice_the_units(rate, factor):
    pattern = AccessPattern("put", "PutItem", "player", rate=rate)
    demand = ddb.compute_demand(Workload(GAMES, (PLAYER,), (pattern,)), days=0.01)
    more = ddb.compute_demand(
        Workload(GAMES, (PLAYER,), (AccessPattern("put", "PutItem", "player", rate=rate * factor),)), days=0.01
    )
    assert more.write == pytest.approx(demand.write * factor)


def test_every_region_writes_all_and_reads_its_part():
    patterns = (AccessPattern("get", "GetItem", "player", 300), AccessPattern("put", "PutItem", "player", 10))
    demand = ddb.compute_demand(Workload(GAMES, (PLAYER,), patterns, regions=3), days=1)
    assert demand.get("games", "read")[0] == 300 * 0.5 / 3
    assert demand.get("games", "write")[0] == 15


def test_storage_has_100_bytes_an_item_and_entry_and_48_in_a_global_table():
    # items 1,000 + 100; by_city half of them, 1,500 + 100; by_rank 60 + 100
    stored = Workload(GAMES, (PLAYER,), ()).get_stored_bytes()
    assert stored == {"games": 1000 * 1100, "by_city": 500 * 1600, "by_rank": 1000 * 160}
    assert Workload(GAMES, (PLAYER,), (), regions=2).get_stored_bytes()["games"] == 1000 * 1148


ITEMS = [{"id": 1, "at": 1, "city": "Rome", "rank": 1}, {"id": 2, "at": 2, "rank": 2, "text": "x" * 100}]


def test_an_entity_is_measured_on_items_and_on_frames_alike():
    made = [ddb.make_entity("player", source, GAMES, count=50) for source in (ITEMS, pl.DataFrame(ITEMS))]
    for entity in made:
        # id 2+2, at 2+2, rank 4+2: 14; city 4+4, text 4+100
        assert entity.sizes.bytes.tolist() == [14 + 8, 14 + 104]
        assert entity.entry("by_city").share == 0.5
        assert entity.entry("by_city").sizes.mean_bytes == 22
        assert entity.entry("by_rank").sizes.bytes.tolist() == [14]
        assert entity.count == 50


@pytest.mark.parametrize("convert", [list, pl.DataFrame], ids=["items", "frame"])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"text": "x" * 500_000}, "'text'"),
        ({"city": ""}, "'city' is empty"),
        ({"id": None}, "'id'"),
        ({"rank": None, "city": "x" * 2049}, "'city' has 2,049 bytes"),
    ],
)
def test_an_item_the_table_would_refuse_is_named_by_its_attribute(convert, change, message):
    items = [*ITEMS, ITEMS[0] | change]
    if convert is pl.DataFrame:
        items = [{name: row.get(name) for name in ("id", "at", "city", "rank", "text")} for row in items]
    else:
        items = [{name: value for name, value in item.items() if value is not None} for item in items]
    with pytest.raises(InvalidArgument, match=message):
        ddb.make_entity("player", convert(items), GAMES)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"operation": "Get"}, "'p' has operation='Get'"),
        ({"operation": "GetItem", "consistency": "weak"}, "'p' has consistency='weak'"),
        ({"operation": "GetItem", "rate": -5}, "'p' has rate=-5"),
        ({"operation": "GetItem", "entity": "guild"}, "no entity 'guild'"),
        ({"operation": "GetItem", "missing_share": 2}, "'p' has missing_share=2"),
        ({"operation": "GetItem", "missing_share": "half"}, "missing_share of 'p'='half'"),
        ({"operation": "GetItem", "items": 5}, "'p' has items=5.*\n.*1 at most in one GetItem"),
        ({"operation": "BatchGetItem", "items": 101}, "'p' has items=101.*\n.*100 at most"),
        ({"operation": "BatchWriteItem", "items": 26}, "'p' has items=26"),
        ({"operation": "TransactWriteItems", "items": 500}, "'p' has items=500"),
        ({"operation": "PutItem", "before_bytes": 5e6}, "'p' has before_bytes=5000000.0.*\n.*409,600"),
        ({"operation": "GetItem", "index": "by_city"}, "only Query and Scan read an index"),
        ({"operation": "Query", "index": "by_name"}, "no index 'by_name'"),
        ({"operation": "Query", "index": "by_city", "consistency": "strong"}, "reads the global index 'by_city' str"),
        ({"operation": "UpdateItem", "changes": {"by_city": "moved"}}, r"changes\['by_city'\]='moved'"),
    ],
)
def test_a_pattern_that_means_nothing_names_itself_and_the_parameter(options, message):
    with pytest.raises(InvalidArgument, match=message):
        pattern = AccessPattern(**({"name": "p", "entity": "player", "rate": 1} | options))
        Workload(GAMES, (PLAYER,), (pattern,))


def test_demand_can_be_made_of_known_units_and_resampled():
    demand = ddb.make_demand("games", read=ddb.Recorded((60, 120), step_s=60), days=2 / 1440)
    assert demand.get("games", "read").tolist() == [60, 120]
    assert demand.resample(30).get("games", "read").tolist() == [60, 60, 120, 120]
    assert demand.scale(2).get("games", "read").tolist() == [120, 240]
    with pytest.raises(InvalidArgument, match="step_s=45 does not divide 60"):
        demand.resample(45)
    with pytest.raises(InvalidArgument, match="no read of 'guilds'"):
        demand.get("guilds", "read")
    with pytest.raises(InvalidArgument, match="days=0 holds no step"):
        ddb.make_demand("games", days=0)


def test_items_above_400_kb_and_half_a_region_are_errors():
    assert Entity("photo", 409_600).sizes.largest_bytes == 409_600
    with pytest.raises(InvalidArgument, match="'photo' has items of 409,601 bytes"):
        Entity("photo", 409_601)
    with pytest.raises(InvalidArgument, match="regions=1.5"):
        Workload(GAMES, (PLAYER,), (), regions=1.5)
