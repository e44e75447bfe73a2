"""Hot, warm, cold: who reads what, where it should live, what that saves.

    heat → plan → lifecycle → diff_lifecycle → apply_lifecycle;  restore → request → wait

It must not change anything on AWS unless it is told to: only ``apply_lifecycle`` and a restore's ``request`` do.
"""

from lakekit.tiering.archived import find_archived
from lakekit.tiering.classes import get_billed_size, is_move_allowed, is_readable, list_moves
from lakekit.tiering.cloudtrail import read_cloudtrail
from lakekit.tiering.costs import (
    archive_cost,
    break_even_bytes,
    break_even_monitoring_bytes,
    break_even_reads,
    count_objects,
    early_deletion_fee,
    files_cost,
    list_cost,
    monitoring_cost,
    part_size_bytes,
    request_cost,
    retrieval_cost,
    scan_request_cost,
    split_cost,
    storage_cost,
    transition_cost,
)
from lakekit.tiering.journeys import Journey, journey_cost, transition_payback
from lakekit.tiering.lifecycles import (
    Lifecycle,
    LifecycleChange,
    apply_lifecycle,
    diff_lifecycle,
    lifecycle,
    read_lifecycle,
)
from lakekit.tiering.logs import AccessLogLine, parse_access_log_line, read_access_logs
from lakekit.tiering.model import Assumptions, Constraints
from lakekit.tiering.planner import plan
from lakekit.tiering.plans import CompactFirst, Plan
from lakekit.tiering.reads import Reads, make_reads, read_receipts
from lakekit.tiering.restoring import RestorePlan, RestoreRun, restore
from lakekit.tiering.rules import (
    Fault,
    check_lifecycle,
    choose_action,
    does_lifecycle_move,
    find_faults,
    find_step_faults,
    get_lifecycle_date,
)
from lakekit.tiering.services import (
    TablesUse,
    VectorUse,
    access_point_cost,
    analysis_cost,
    batch_cost,
    express_cost,
    internet_out_cost,
    inventory_cost,
    tables_cost,
    vectors_cost,
)
from lakekit.tiering.temperature import Heat, heat
from lakekit.tiering.thresholds import AgeOnly, Thresholds

__all__ = [
    "AccessLogLine",
    "AgeOnly",
    "Assumptions",
    "CompactFirst",
    "Constraints",
    "Fault",
    "Heat",
    "Journey",
    "Lifecycle",
    "LifecycleChange",
    "Plan",
    "Reads",
    "RestorePlan",
    "RestoreRun",
    "TablesUse",
    "Thresholds",
    "VectorUse",
    "access_point_cost",
    "analysis_cost",
    "apply_lifecycle",
    "archive_cost",
    "batch_cost",
    "break_even_bytes",
    "break_even_monitoring_bytes",
    "break_even_reads",
    "check_lifecycle",
    "choose_action",
    "count_objects",
    "diff_lifecycle",
    "does_lifecycle_move",
    "early_deletion_fee",
    "express_cost",
    "files_cost",
    "find_archived",
    "find_faults",
    "find_step_faults",
    "get_billed_size",
    "get_lifecycle_date",
    "heat",
    "internet_out_cost",
    "inventory_cost",
    "is_move_allowed",
    "is_readable",
    "journey_cost",
    "lifecycle",
    "list_cost",
    "list_moves",
    "make_reads",
    "monitoring_cost",
    "parse_access_log_line",
    "part_size_bytes",
    "plan",
    "read_access_logs",
    "read_cloudtrail",
    "read_lifecycle",
    "read_receipts",
    "request_cost",
    "restore",
    "retrieval_cost",
    "scan_request_cost",
    "split_cost",
    "storage_cost",
    "tables_cost",
    "transition_cost",
    "transition_payback",
    "vectors_cost",
]
