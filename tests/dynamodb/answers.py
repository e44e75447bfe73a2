"""How each kind of worked example is asked of the public functions: one small function a kind.

It must not compute what lakekit should: it only turns the example's words into arguments.
"""

from lakekit import KIB
from lakekit import dynamodb as ddb

KINDS = {}


def answers(*kinds):
    def register(function):
        for kind in kinds:
            KINDS[kind] = function
        return function

    return register


def bytes_of(given, name="item"):
    """A size in whichever unit the example has it."""
    return given[f"{name}_kb"] * KIB if f"{name}_kb" in given else given[f"{name}_bytes"]


TEMPLATES = {
    "IS03": {
        "a": {"S": "a" * 10},
        "b": {"S": "b" * 999},
        "c": {"N": "12.3456"},
        "d": {"B": "AQI="},
        "e": {"BS": ["AQI=", "Ag==", "AQ=="]},
    },
    "IS05": {
        "a": {"S": "a" * 10},
        "bb": {"S": "b" * 3999},
        "ccc": {"N": "12.3456"},
        "dddd": {"B": "AQI="},
        "eeeee": {"BS": ["AQI=", "Ag==", "AQ=="]},
        "ffffff": {"NULL": True},
        "ggggggg": {"BOOL": False},
        "hhhhhhhh": {"L": [{"S": "a"}, {"S": "aa"}, {"S": "bb"}, {"S": "ccc"}]},
        "iiiiiiiii": {"M": {"aa": {"S": "aa"}, "bbb": {"S": "bbb"}}},
    },
    "IS07": {
        "a": {"S": "a" * 10},
        "ab": {"S": "b" * 4026},
        "abc": {"NULL": True},
        "abcd": {"BOOL": True},
        "abcde": {"L": [{"S": "aa"}, {"N": "12.3456"}, {"B": "AQI="}]},
        "abcdef": {"M": {"aa": {"S": "aa"}, "bbb": {"N": "12.3456"}, "cccc": {"B": "AQI="}}},
    },
    "IS08": {"a": {"S": "a" * 10}, "b": {"S": "b" * 409_588}},
}


@answers("item_size_bytes")
def _(given, id):
    return ddb.get_item_bytes(given.get("item") or TEMPLATES[id])


@answers("item_size_limit")
def _(given, id):
    return "accepted" if ddb.check_item(TEMPLATES[id], partition_key="a") else "refused"


@answers("number_value_bytes")
def _(given, id):
    return ddb.get_number_bytes(given["N"])


@answers("storage_bytes_per_item")
def _(given, id):
    return ddb.get_storage_bytes(1, given["item_bytes"], is_global=given.get("global_table", False))


@answers("rcu")
def _(given, id):
    if "strong_reads_per_s" in given:  # two consistencies at once
        strong, eventual = given["strong_reads_per_s"], given["eventual_reads_per_s"]
        size = bytes_of(given)
        strong_units = ddb.count_read_units(size, consistency="strong", count=strong)
        return strong_units + ddb.count_read_units(size, consistency="eventual", count=eventual)
    size = None if "item" in given else bytes_of(given)
    return ddb.count_read_units(size, consistency=given["consistency"], count=given.get("reads_per_s", 1))


@answers("rru_month")
def _(given, id):
    return ddb.count_read_units(bytes_of(given), consistency="strong", count=given["strong_reads"])


@answers("wcu")
def _(given, id):
    transactional = given["transactional"]
    return ddb.count_write_units(bytes_of(given), transactional=transactional, count=given["writes_per_s"])


@answers("max_reads_per_s_single_item")
def _(given, id):
    return ddb.get_most_requests_per_item_per_s(ddb.count_read_units(bytes_of(given), consistency=given["consistency"]))


@answers("provisioned_throughput")
def _(given, id):
    throughput = ddb.get_throughput(given["rcu"], given["wcu"])
    return getattr(throughput, given["ask"].replace("_kb_s", "_bytes_per_s")) / KIB


@answers("batch_get")
def _(given, id):
    sizes = given.get("items_bytes") or given["items"]
    sizes = [given["item_bytes"]] * sizes if isinstance(sizes, int) else sizes
    sizes = [size.get("bytes") if isinstance(size, dict) else size for size in sizes]
    return ddb.count_batch_get_units(sizes, consistency=given["consistency"])


@answers("batch_write")
def _(given, id):
    sizes = given["item_bytes"]
    return ddb.count_batch_write_units([sizes] * given["items"] if "items" in given else sizes)


@answers("query", "read", "scan_page")
def _(given, id):
    if "page_kb" in given or "total_kb" in given:
        total = (given.get("page_kb") or given.get("total_kb")) * KIB
    else:
        total = given.get("items_bytes_total") or given["items"] * bytes_of(given)
    return ddb.count_query_units(total, consistency=given["consistency"])


@answers("query_empty")
def _(given, id):
    return ddb.count_query_units(0, consistency=given["consistency"], partitions=given["partitions"])


@answers("gsi_read_kb_per_rcu")
def _(given, id):
    return ddb.get_bytes_per_read_unit(given["consistency"]) / KIB


@answers("lsi_query_with_fetch_kb")
def _(given, id):
    items, entry = given["items"], given["index_entry_bytes"]
    return ddb.count_fetching_query_units(items * entry, [given["table_item_bytes"]] * items).read_bytes / KIB


@answers("lsi_query_with_fetch_rcu")
def _(given, id):
    return ddb.count_fetching_query_units(4096, [4096] * given["items"], consistency=given["consistency"]).units


@answers("put_replace")
def _(given, id):
    return ddb.count_put_units(given["after_bytes"], before_bytes=given["before_bytes"])


@answers("delete")
def _(given, id):
    return ddb.count_delete_units(given["item"])


@answers("conditional_fail")
def _(given, id):
    return ddb.count_failed_write_units(given["existing_kb"] * KIB if "existing_kb" in given else None)


@answers("conditional_fail_measured")
def _(given, id):
    return ddb.count_failed_write_units(1024 if given["item_exists"] else None, count=given["failed_requests"])


@answers("transaction_read")
def _(given, id):
    return ddb.count_transact_get_units([given["item_bytes"]] * given["items"]) * given["tx_per_s"]


@answers("transaction_write")
def _(given, id):
    return ddb.count_transact_write_units([given["item_bytes"]] * given["items"]) * given["tx_per_s"]


@answers("transaction_write_dax_extra_rcu")
def _(given, id):
    return ddb.count_dax_readback_units([given["item_bytes"]] * given["items"]) * given["tx_per_s"]


@answers("gsi_index_writes")
def _(given, id):
    return ddb.count_index_writes(given["event"])


@answers("gsi_write_wcu")
def _(given, id):
    size = given["base_item_kb"] * KIB if "base_item_kb" in given else given["entry_bytes"]
    return ddb.count_index_write_units(given.get("event", "inserted"), size)


@answers("global_table_units")
def _(given, id):
    days = given.get("days") or [[given["regions"], given["writes"]]]
    days = [ddb.count_global_table_units(writes, regions=regions) for regions, writes in days]
    return {"WRU": sum(day.write_units for day in days), "rWRU": sum(day.replicated_units for day in days)}


@answers("global_table_rwcu_per_region")
def _(given, id):
    return ddb.count_global_table_units(given["writes_per_s_by_region"]).replicated_units_per_region


@answers("global_table_legacy_units")
def _(given, id):
    return ddb.count_legacy_global_table_units(given["writes"], regions=given["regions"])


@answers("partitions_by_size", "partitions_min")
def _(given, id):
    return ddb.count_partitions(write_units=given["wcu"], size_bytes=given.get("gb", 0) * 2**30).at_least


@answers("adaptive_capacity")
def _(given, id):
    shared = ddb.share_capacity(given["table_wcu"], given["partition_load"])
    assert len(given["partition_load"]) == given["partitions"]
    return {"static_share": shared.static_share, "hot_partition_served": max(shared.served)}


@answers("write_shards")
def _(given, id):
    items, units = given["items_to_read"], given["rcu_per_partition"]
    return ddb.count_read_shards(items, given["avg_item_bytes"], partition_units=units)


@answers("on_demand_instant_capacity")
def _(given, id):
    return ddb.get_on_demand_capacity(given["sustained_then_peak_reads_s"])


@answers("on_demand_after_switch")
def _(given, id):
    read, write = (given.get(f"past_{name}", given.get(name)) for name in ("rcu", "wcu"))
    after = ddb.get_on_demand_after_switch(past_read_units=read, past_write_units=write)
    return {"wru_s": after["write"], "rru_s": after["read"]}


@answers("autoscaling_target")
def _(given, id):
    return ddb.get_target_capacity(given["consumed"], target_percent=given["target_pct"])


@answers("scale_out_trigger_minutes")
def _(given, id):
    return ddb.ScalingSettings().out_minutes


@answers("scheduled_scaling")
def _(given, id):
    plan = ddb.plan_scheduled_scaling(night=given["night"], day=given["day"], peak=given["peak"])
    return {"night_min": plan.night_min, "day_min": plan.day_min, "max": plan.max}


@answers("dax_normalised_rps")
def _(given, id):
    return ddb.get_dax_normalised_rps(**given)


@answers("dax_target_rps")
def _(given, id):
    utilisation = given["util_pct"]
    return ddb.get_dax_target_rps(given["normalised"], utilisation_percent=utilisation, nodes=given["nodes"])


@answers("vector_write_bytes")
def _(given, id):
    return ddb.get_vector_write_bytes(given["dimensions"])
