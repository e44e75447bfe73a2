"""Compaction of a Delta table where it is: new files beside the old ones, verified, then swapped by one commit.

It must not remove a file, nor commit what was not verified, nor change what others committed meanwhile.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from lakekit.compaction.ahead import work_ahead
from lakekit.compaction.copying import Outcome, without_cache, write_one
from lakekit.compaction.digests import Digest, digest_tables
from lakekit.compaction.leases import hold_lease
from lakekit.compaction.log import Log, Logged, commit, open_log, swap
from lakekit.compaction.plans import Bin, Plan, Rules
from lakekit.delta import encode_path
from lakekit.errors import IncompleteTable, InvalidArgument, RowsDiffer, StaleFile
from lakekit.manifest.batches import FOLDER
from lakekit.manifest.streams import find_checkpoints, is_compacted
from lakekit.progress import Progress
from lakekit.storage import open_store, open_writer
from lakekit.storage.columns import list_columns
from lakekit.table import Table
from lakekit.units import format_number_of
from lakekit.views.reader import TableReader

if TYPE_CHECKING:
    from lakekit.manifest.partitions import Partitioning
    from lakekit.storage import Encryption, Writer


@dataclass(frozen=True)
class Swap:
    """A bin that was written and verified: which files of the log become which one, of this etag."""

    bin: Bin
    adds: Logged
    etag: str
    removes: tuple[Logged, ...]


def plan_in_place(table: Table, rules: Rules, as_of: datetime, left_out: tuple[tuple[str, str], ...]) -> Plan:
    """The plan for a Delta table: only partitions that are closed, only files that gain by it."""
    from lakekit.compaction.planner import note_fresh, pack_bins

    if table.options.as_of is not None:
        what = f"{table.name} was opened as of {table.options.as_of}, and compaction changes the last version."
        raise InvalidArgument(what, hint="open it without as_of=.")
    log = open_log(table.store.address, table.store.storage)
    seen = open_files(table, log.files)
    bins = []
    for bin_ in pack_bins(seen.manifest, rules, as_of, is_copy=False):
        is_done = len(bin_.sources) == 1 and is_compacted(bin_.sources[0].path)
        if bin_.as_it_is or (is_done and rules.sort_by):
            continue
        if len({log.files[path].partition for path in bin_.paths}) > 1:
            what = f"The log of {table.name} puts {bin_.paths[0]} and {bin_.paths[-1]} into different partitions."
            raise InvalidArgument(what, hint="its paths do not tell them: compact with the engine that wrote it.")
        bins.append(bin_)
    checkpoints = sorted(find_checkpoints(seen.manifest.entries["path"]))
    left_out += tuple((path, "the newest file of a stream: it is its checkpoint") for path in checkpoints)
    notes = note_fresh(seen.manifest, rules, as_of)
    return Plan(seen, None, tuple(bins), left_out, rules, notes=notes, version=log.version)


def open_files(table: Table, paths: Iterable[str], *, partitioning: Partitioning | None = None) -> Table:
    """The table of these of its files alone, as they are there now.

    Args:
        table: the table.
        paths: which files.
        partitioning: with the types of its keys; if not given, they are as the values of these files tell.

    Raises:
        IncompleteTable: one is not there.
    """
    wanted, store = set(paths), open_store(table.store.address, table.store.storage)
    listed = list_columns(store)
    path = pl.col("path")
    found = listed.filter(path.is_in(list(wanted)))
    if found.height < len(wanted):
        gone = min(wanted - set(found["path"]))
        what = f"{gone}, which the log of {table.name} names, is not under {table.url}."
        raise IncompleteTable(what, hint="look who removed it; deltalake's restore leads to an earlier version.")
    shown = listed.filter(path.is_in(list(wanted)) | path.str.starts_with(f"{FOLDER}/"))  # with the markers of batches
    store.list_columns = lambda on_progress=None: shown  # and reads as before
    options = replace(table.options, as_of=None)
    if partitioning is not None:
        options = replace(options, partitions=dict(zip(partitioning.keys, partitioning.types, strict=True)))
    made = Table(store, table.name, options)
    missing = wanted - set(made.manifest.entries["path"]) - set(made.skipped["path"])
    if missing:
        what = f"{min(missing)}, which the log of {table.name} names, belongs to a batch that is not complete."
        raise IncompleteTable(what, hint="finish the batch, or look who put it into the log.")
    return made


def run_in_place(plan: Plan, encryption: Encryption | None = None) -> Outcome:
    """Write the new files, verify each, commit the swap, and look again; see ``run``."""
    table, address, storage = plan.table, plan.table.store.address, plan.table.store.storage
    if not plan.bins:
        return Outcome(table.url, 0, 0, 0, 0, 0, 0, version=plan.version, notes=("nothing to compact", *plan.notes))
    writer = open_writer(address, storage, encryption=encryption)
    with hold_lease(address, storage) as renew:
        log = open_log(address, storage)
        bins = [bin_ for bin_ in plan.bins if all(path in log.files for path in bin_.paths)]
        swaps = [one for one in _write_bins(plan, bins, writer, log, renew) if one.adds.path not in log.files]
        version = _commit(log, swaps)
        size_bytes = sum(one.adds.size_bytes for one in swaps)
    skipped = len(plan.bins) - len(swaps)
    left = f"{format_number_of(skipped, 'file')} of the plan not made: others changed their sources"
    notes = (left,) if skipped else ()
    before = [source for one in swaps for source in one.bin.sources]
    counts = len(before), len(swaps), sum(one.size_bytes for one in before), size_bytes, len(swaps)
    return Outcome(table.url, sum(one.rows for one in before), *counts, version=version, notes=notes)


def _write_bins(plan: Plan, bins: list[Bin], writer: Writer, log: Log, renew: Callable[[], None]) -> Iterator[Swap]:
    """Each bin as a verified file beside its sources; until the commit no reader of the log sees it."""
    source = without_cache(plan.table.store)
    label = f"Compacting {plan.table.name}"
    with tempfile.TemporaryDirectory(prefix="lakekit-compact-") as folder, Progress(label, len(bins)) as progress:
        work = partial(write_one, plan, source, writer, Path(folder))
        digests = {}
        for bin_, digest in work_ahead(bins, work, lambda bin_: bin_.size_bytes):
            digests[bin_.output] = digest
            progress.advance()
            renew()
    if not bins:
        return
    made = open_files(plan.table, [bin_.output for bin_ in bins], partitioning=plan.table.manifest.partitioning)
    for bin_ in bins:
        _compare(bin_, digests[bin_.output], made)
        entry = made.manifest.entries.row(made.manifest.find(bin_.output), named=True)
        removes = tuple(replace(log.files[source.path], rows=source.rows) for source in bin_.sources)
        modified_ms = int(entry["modified_at"].timestamp() * 1000)
        partition = removes[0].partition
        added = bin_.output, encode_path(bin_.output), entry["size_bytes"], modified_ms, partition, entry["rows"]
        yield Swap(bin_, Logged(*added), entry["etag"], removes)


def _compare(bin_: Bin, before: Digest, made: Table) -> None:
    reader = TableReader(without_cache(made.store), made.manifest)
    after = digest_tables(reader.read_files([bin_.output]))
    difference = before.find_difference(after)
    if difference:
        what = f"{bin_.output} does not hold the rows of its {len(bin_.sources)} files: {difference}."
        raise RowsDiffer(what, hint="nothing was committed; the table is as it was.")


def _commit(log: Log, swaps: list[Swap]) -> int:
    """The version of the commit; what others took meanwhile is left out, and the rest is looked at again."""
    now = log
    while swaps:
        removes = [one for swap_ in swaps for one in swap_.removes]
        about = {"verified": {one.adds.path: one.etag for one in swaps}}
        if commit(log, now.version + 1, removes, [one.adds for one in swaps], about):
            _look_again(now, swaps)
            return now.version + 1
        now = open_log(log.address, log.storage)
        if now.about != log.about:
            what = f"The schema of {log.address.url} changed meanwhile; nothing was committed."
            raise StaleFile(what, hint="make the plan again.")
        kept = [one for one in swaps if all(each.path in now.files for each in one.removes)]
        swaps[:] = [one for one in kept if one.adds.path not in now.files]
    return now.version


def _look_again(before: Log, swaps: list[Swap]) -> None:
    """Compare the rows of each partition before and after the commit; restore the files before where they differ.

    Raises:
        RowsDiffer: they did; the table names its former files again.
    """
    after = open_log(before.address, before.storage, before.version + 1)
    known = {each.path: each for swap_ in swaps for each in swap_.removes}  # the log may not tell their rows
    one, other = replace(before, files={**before.files, **known}).count_rows(), after.count_rows()
    expected = {*before.files} - {each.path for swap_ in swaps for each in swap_.removes}
    expected |= {swap_.adds.path for swap_ in swaps}
    if one == other and expected == set(after.files):
        return
    originals = [before.files[path] for path in sorted(before.files.keys() - after.files.keys())]
    made = [after.files[path] for path in sorted(after.files.keys() - before.files.keys())]
    about = {"undoes": after.version}
    swap(open_log(before.address, before.storage), made, originals, about)  # what others added since stays
    differing = next((key for key in sorted({*one, *other}, key=str) if one.get(key) != other.get(key)), ())
    what = f"{before.address.url} had {one.get(differing)} rows in {dict(differing)}, and {other.get(differing)} after."
    raise RowsDiffer(what, hint=f"the files of version {before.version} were restored.")
