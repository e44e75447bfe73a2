"""DynamoDB before the bill: exact item sizes, units, traffic over time, throttling, partitions, cost, and the plan.

It must not talk to AWS, but for `describe_table` and `apply_plan`, when they are called.

Start with `measure_items` for sizes, `count_read_units` and its like for single requests, `Workload` and
`compare_modes` for a month.
"""

import importlib
from typing import Any

_MODULES = {
    "items": ("ItemSize", "check_item", "get_item_bytes", "get_number_bytes", "measure_item"),
    "rows": ("measure_frame", "read_frame"),
    "sizes": ("Sizes", "make_sizes", "measure_items"),
    "units": (
        "count_batch_get_units",
        "count_batch_write_units",
        "count_delete_units",
        "count_failed_write_units",
        "count_fetching_query_units",
        "count_pages",
        "count_put_units",
        "count_query_units",
        "count_read_units",
        "count_scan_units",
        "count_transact_get_units",
        "count_transact_retry_units",
        "count_transact_write_units",
        "count_ttl_delete_units",
        "count_update_units",
        "count_write_units",
    ),
    "design": ("Index", "TableDesign", "check_item_in_table", "get_entry_bytes", "project_entry"),
    "indexes": (
        "INDEX_WRITES",
        "compare_entries",
        "count_index_write_units",
        "count_index_writes",
        "count_item_write",
        "get_stored_entry_bytes",
    ),
    "capacity": (
        "count_global_table_units",
        "count_legacy_global_table_units",
        "get_burst_units",
        "get_bytes_per_read_unit",
        "get_most_requests_per_item_per_s",
        "get_on_demand_after_switch",
        "get_on_demand_capacity",
        "get_requests_per_s",
        "get_throughput",
        "get_warm_throughput",
        "share_capacity",
    ),
    "partitions": (
        "check_hot_key",
        "count_partitions",
        "count_read_shards",
        "count_shards",
        "count_units_per_partition",
        "get_collection_share",
        "plan_write_sharding",
    ),
    "traffic": ("Constant", "Curve", "Daily", "Recorded", "Spike", "Weekly", "read_traffic"),
    "skew": ("Keys", "make_even_keys", "make_hot_key", "make_zipf_keys", "measure_keys"),
    "entities": ("Entity", "Entry", "make_entity"),
    "workload": ("AccessPattern", "Workload", "compute_demand"),
    "pattern_units": ("count_pattern_units",),
    "demand": ("Demand", "make_demand"),
    "autoscaling": (
        "DecreaseBudget",
        "ScalingPolicy",
        "ScalingSettings",
        "clamp_capacity",
        "count_decreases",
        "get_target_capacity",
        "plan_scheduled_scaling",
    ),
    "heat": ("HeatSettings",),
    "throughput": ("Autoscaled", "OnDemand", "Provisioned", "ThroughputSettings", "simulate_throughput"),
    "simulation": ("Simulation",),
    "rates": ("HOURS_PER_MONTH", "Rates", "get_rates", "recognise_price"),
    "bill": ("Bill", "Line"),
    "cost": (
        "Extras",
        "apply_free_tier",
        "count_month_units",
        "get_break_even_utilisation",
        "get_storage_bytes",
        "price_extras",
        "price_on_demand",
        "price_provisioned",
        "price_storage",
    ),
    "table_class": ("compare_table_classes", "get_table_class_break_even", "get_table_class_saving"),
    "reserved": (
        "choose_reserved_blocks",
        "get_reserved_block",
        "get_reserved_month",
        "get_reserved_saving",
        "get_reserved_upfront",
    ),
    "compare": ("CompareOptions", "Comparison", "compare_modes", "provision_for_peak"),
    "sensitivity": ("estimate_sensitivity", "scale_workload"),
    "fit": ("USES", "Needs", "check_fit"),
    "plan": ("TablePlan", "apply_plan", "create_plan"),
    "describe": ("TableDescription", "describe_table", "plan_description"),
    "forecast": ("Growth", "forecast_months"),
    "extras": (
        "count_dax_readback_units",
        "get_dax_normalised_rps",
        "get_dax_target_rps",
        "get_vector_write_bytes",
    ),
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names}

__all__ = sorted([*_HOMES, "limits"])


def __getattr__(name: str) -> Any:
    if name == "limits":
        return importlib.import_module("lakekit.dynamodb.limits")
    if name not in _HOMES:
        raise AttributeError(f"module 'lakekit.dynamodb' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"lakekit.dynamodb.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)
