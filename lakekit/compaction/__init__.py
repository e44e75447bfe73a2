"""Few big files in place of many small ones: planned, written beside the originals, verified, and only then read.

    plan → run → lake.switch;  retire → run;  undo

It must not lose a row, and it deletes nothing unless ``retire`` is asked to by the table's name.
"""

from lakekit.compaction.acting import run
from lakekit.compaction.copying import Outcome, discard
from lakekit.compaction.planner import plan
from lakekit.compaction.plans import Bin, Plan, Rules
from lakekit.compaction.retiring import Retired, Retirement, retire
from lakekit.compaction.switching import switch
from lakekit.compaction.undoing import undo

__all__ = [
    "Bin",
    "Outcome",
    "Plan",
    "Retired",
    "Retirement",
    "Rules",
    "discard",
    "plan",
    "retire",
    "run",
    "switch",
    "undo",
]
