"""A plan carried out, whichever it is.

It must not plan.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakekit.compaction.copying import run_copy
from lakekit.compaction.retiring import Retirement, run_retirement
from lakekit.errors import InvalidArgument

if TYPE_CHECKING:
    from lakekit.compaction.copying import Outcome
    from lakekit.compaction.plans import Plan
    from lakekit.compaction.retiring import Retired
    from lakekit.storage import Encryption


def run(
    plan: Plan | Retirement, *, encryption: Encryption | None = None, confirm: str | None = None
) -> Outcome | Retired:
    """What was done by carrying out a plan: the new files are written, read back, and compared with the originals.

    A copy is closed to readers until every column of every new file has the rows, NULLs, bounds and checksum of its
    originals. Interrupt it whenever you like, and run it again: what is written is not written twice. Under
    way are at most 64 MiB of files as they are stored, or one larger bin at 192 MiB a time, and a row group of 128 MiB
    in memory for each; where rows are sorted, all of one new file.

    Args:
        plan: as ``plan`` or ``retire`` made it.
        encryption: how S3 encrypts the new files.
        confirm: to retire originals, the name of their table, or their address: what the plan says.

    Raises:
        StaleFile: an original was replaced meanwhile.
        CorruptFile, TypeConflict, AccessDenied, StorageFailed, …: what happened; the table is as it was.
        RowsDiffer: the new files do not hold the same rows; the table is as it was.

    Example:
        >>> import tempfile
        >>> import lakekit as lk
        >>> weather = lk.open_table("data/sample/lake/weather")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     outcome = lk.compaction.run(lk.compaction.plan(weather, into=f"{folder}/weather"))
        ...     lk.open_table(outcome.url).polars().collect().height
        2227
    """
    if isinstance(plan, Retirement):
        return run_retirement(plan, confirm)
    if confirm is not None:
        raise InvalidArgument("confirm= is for retiring originals; this plan removes nothing.")
    if plan.into is None:
        from lakekit.compaction.in_place import run_in_place

        return run_in_place(plan, encryption)
    return run_copy(plan, encryption)
