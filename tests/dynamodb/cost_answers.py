"""The same as answers.py for the kinds that are about money."""

from lakekit import KIB
from lakekit import dynamodb as ddb
from tests.dynamodb.answers import answers


@answers("cost_on_demand_month")
def _(given, id):
    if "rru" in given or "wru" in given:
        return ddb.price_on_demand(read_units=given.get("rru", 0), write_units=given.get("wru", 0)).usd
    hours = given["seconds"] / 3600 if "seconds" in given else given["hours"]
    read = given.get("rru_per_s", given.get("read_units_per_s", 0))
    write = given.get("wru_per_s", given.get("write_units_per_s", 0))
    if given.get("op", "").startswith("Query"):
        read = given["rps"] * ddb.count_query_units(given["items"] * given["item_bytes"])
    elif given.get("op") == "GetItem":
        read = ddb.count_read_units(given["item_bytes"], consistency=given["consistency"], count=given["rps"])
    elif "rps" in given:
        size = given.get("gsi_entry_bytes", given.get("item_bytes"))
        write = ddb.count_write_units(size, count=given["rps"])
    return ddb.price_on_demand(
        read_units=ddb.count_month_units(read, hours=hours), write_units=ddb.count_month_units(write, hours=hours)
    ).usd


@answers("cost_provisioned_month")
def _(given, id):
    used = given.get("efficiency_pct", 100) / 100
    read = given.get("rcu", given.get("read_units_per_s", 0)) / used
    write = given.get("wcu", given.get("write_units_per_s", 0)) / used
    return ddb.price_provisioned(read_units=read, write_units=write, hours=given["hours"]).usd


@answers("cost_storage_month")
def _(given, id):
    return ddb.price_storage(sum(ddb.get_storage_bytes(items, size) for items, size in given["tables"])).usd


@answers("cost_provisioned_vs_on_demand")
def _(given, id):
    wcu = ddb.count_write_units(given["item_kb"] * KIB, count=given["writes_per_s"])
    capacity = ddb.get_target_capacity(wcu, target_percent=given["target_util"] * 100)
    return {
        "wcu": wcu,
        "provisioned_wcu": capacity,
        "provisioned_month_usd": ddb.price_provisioned(write_units=capacity).usd,
        "on_demand_month_usd": ddb.price_on_demand(write_units=ddb.count_month_units(wcu)).usd,
    }


@answers("break_even_utilisation")
def _(given, id):
    return ddb.limits.AWS_BREAK_EVEN_UTILISATION


@answers("table_class_month")
def _(given, id):
    capacity = (given["rcu"], given["wcu"])
    both = ddb.compare_table_classes(size_bytes=given["gb"] * 2**30, capacity=capacity, hours=given["hours"])
    return {"standard": both.standard.usd, "standard_ia": both.standard_ia.usd, "saving": both.saving_usd}


@answers("table_class_break_even")
def _(given, id):
    return ddb.get_table_class_break_even(given["from"], given["to"])


@answers("table_class_saving")
def _(given, id):
    return ddb.get_table_class_saving(given["throughput_usd"], given["storage_usd"], from_class=given["from"])


@answers("reserved_upfront")
def _(given, id):
    return ddb.get_reserved_upfront(given["rcu"], kind="read", years=given["term_y"], rates=given["region"])


@answers("reserved_saving_pct")
def _(given, id):
    kind = {"RCU": "read", "WCU": "write"}[given["unit"]]
    block = ddb.get_reserved_block(kind, years=given["term_y"], rates=given["region"])
    upfront = given.get("block_upfront", given.get("upfront_per_unit", 0) * 100)
    assert round(upfront, 6) == round(block.upfront_usd, 6)
    return block.saving * 100


@answers("storage_gb_month_growth")
def _(given, id):
    growth = ddb.Growth(given["products_per_month"], given["kb_per_product"] * KIB, has_overhead=False)
    return ddb.forecast_months(growth, months=given["months"])["stored_gib"][-1]


@answers("forecast_rru")
def _(given, id):
    growth = ddb.Growth(given["components_added_per_month"], 0, reads_per_item=given["reads_per_component_month"])
    return ddb.forecast_months(growth, months=given["month"])["reads"][-1]


@answers("cost_compare")
def _(given, id):
    reads, writes = given["reads_per_day"] * 30, given["writes_per_day"] * 30  # strong, up to 4 KB; up to 1 KB
    return {
        "provisioned": ddb.price_provisioned(read_units=given["rcu"], write_units=given["wcu"]).usd,
        "on_demand": ddb.price_on_demand(read_units=reads, write_units=writes).usd,
    }
