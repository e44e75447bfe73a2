"""A compacted copy under another address: begun, written file by file, verified, and only then open to readers.

It must not touch the originals: they are read, as the versions that the plan names.
"""

from __future__ import annotations

import copy
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakekit.compaction.ahead import work_ahead
from lakekit.compaction.digests import Digest, digest_tables
from lakekit.compaction.marks import carry_marks
from lakekit.compaction.plans import FORMAT, Bin, Plan, describe_types
from lakekit.compaction.records import read_record, survey
from lakekit.compaction.rewriting import copy_bin, write_bin
from lakekit.errors import IncompleteTable, InvalidArgument, RowsDiffer, StaleFile
from lakekit.manifest.listing import COPY_BEGUN, COPY_VERIFIED
from lakekit.progress import Progress
from lakekit.storage import Encryption, Store, open_store, open_writer
from lakekit.table import Table
from lakekit.units import format_bytes, format_count, format_number_of
from lakekit.views.reader import TableReader

if TYPE_CHECKING:
    from lakekit.compaction.records import Survey
    from lakekit.storage import Address, Storage, Writer


@dataclass(frozen=True)
class Outcome:
    """What a run did.

    Attributes:
        url: where the compacted table is.
        rows: how many it holds, in this plan's files.
        files_before, files_after: how many files they were in, and are.
        bytes_before, bytes_after: as stored.
        written: files that this run wrote; the others were there from a run before.
        version: of the Delta table; None for a copy.
        notes: what else is to be known.
    """

    url: str
    rows: int
    files_before: int
    files_after: int
    bytes_before: int
    bytes_after: int
    written: int
    version: int | None = None
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        lines = [
            f"{format_count(self.rows)} rows of {format_number_of(self.files_before, 'file')} "
            f"({format_bytes(self.bytes_before)}) are in {format_count(self.files_after)} "
            f"({format_bytes(self.bytes_after)}) under {self.url}, verified; the originals stay",
            *self.notes,
        ]
        return "\n".join(lines)


def run_copy(plan: Plan, encryption: Encryption | None = None) -> Outcome:
    """Write what is missing of a copy, verify all of it, and open it to readers; see ``run``."""
    writer = open_writer(plan.into, plan.storage, encryption=encryption)
    _check_sources(plan)
    found = _begin(plan, writer)
    digests: dict[str, Digest] = {}
    missing = [bin_ for bin_ in plan.bins if bin_.output not in found.objects]
    if COPY_VERIFIED not in found.records:
        _write_bins(plan, missing, writer, digests)
        told = verify_copy(plan, digests)
        carry_marks(plan, writer)
        writer.put_new(COPY_VERIFIED, json.dumps(told, indent=1).encode())
        _refuse_discarded(plan, writer)
    objects = survey(plan.into, plan.storage).objects
    size_bytes = sum(one.size_bytes for one in objects.values())
    counts = plan.files_before, plan.files_after, plan.size_bytes, size_bytes, len(missing)
    return Outcome(plan.into.url, plan.rows, *counts, notes=plan.notes)


def _check_sources(plan: Plan) -> None:
    """StaleFile where the table was refreshed since the plan was made, and files are others now."""
    etags = dict(plan.table.manifest.entries.select("path", "etag").iter_rows())
    for bin_ in plan.bins:
        for source in bin_.sources:
            if etags.get(source.path) != source.etag:
                what = f"{source.path} of {plan.table.name} is not the version that was planned for."
                raise StaleFile(what, hint="make the plan again.")


def _begin(plan: Plan, writer: Writer) -> Survey:
    """What is there already, after the record that the copy is not finished; one plan at a time owns an address."""
    found = survey(plan.into, plan.storage)
    if COPY_BEGUN not in found.records and found.objects:
        what = (
            f"{plan.into.url} holds {format_number_of(len(found.objects), 'file')} that came since the plan was made."
        )
        raise InvalidArgument(what, hint="give an address where nothing is.")
    writer.put_new(COPY_BEGUN, plan.as_json())
    begun = read_record(plan.into, plan.storage, COPY_BEGUN)
    if begun["id"] != plan.id:
        what = f"Another copy was begun under {plan.into.url}, of {begun['source']}."
        raise InvalidArgument(what, hint="make the plan again: it says what can be done.")
    found = survey(plan.into, plan.storage)
    foreign = sorted(found.objects.keys() - {bin_.output for bin_ in plan.bins})
    if foreign:
        what = f"{foreign[0]} under {plan.into.url} is no file of the copy: its rows would be taken for the table's."
        raise InvalidArgument(what, hint="take it away, and run the plan again.")
    return found


def _write_bins(plan: Plan, missing: list[Bin], writer: Writer, digests: dict[str, Digest]) -> None:
    label, source = f"Compacting {plan.table.name}", without_cache(plan.table.store)
    with tempfile.TemporaryDirectory(prefix="lakekit-compact-") as folder, Progress(label, len(missing)) as progress:
        work = partial(_write_unless_discarded, plan, source, writer, Path(folder))
        for bin_, digest in work_ahead(missing, work, lambda bin_: bin_.size_bytes):
            if digest is not None:
                digests[bin_.output] = digest
            progress.advance()


def _write_unless_discarded(plan: Plan, source: Store, writer: Writer, folder: Path, bin_: Bin) -> Digest | None:
    digest = write_one(plan, source, writer, folder, bin_)
    _refuse_discarded(plan, writer)
    return digest


def _refuse_discarded(plan: Plan, writer: Writer) -> None:
    """StaleFile where the record that the copy was begun is gone; it is put back, as files lie there, for readers."""
    try:
        open_store(plan.into, plan.storage).read_suffix(COPY_BEGUN, 1)
    except StaleFile as exc:
        writer.put_new(COPY_BEGUN, plan.as_json())
        writer.remove(COPY_VERIFIED)
        what = f"The copy under {plan.into.url} was discarded while it was being made."
        raise StaleFile(
            what, hint="run the plan again, or discard what came since with lk.compaction.discard(…)."
        ) from exc


def write_one(plan: Plan, source: Store, writer: Writer, folder: Path, bin_: Bin) -> Digest | None:
    """Put the file of one bin; the digest of its rows as they were read, None where only bytes were copied."""
    handle, name = tempfile.mkstemp(suffix=".parquet", dir=folder)
    os.close(handle)
    local, digest = Path(name), None
    try:
        if bin_.as_it_is:
            copy_bin(source, bin_, local)
        else:
            digest = write_bin(TableReader(source, plan.table.manifest), bin_, plan.rules.sort_by, local)
        writer.put_new(bin_.output, local)
    finally:
        local.unlink(missing_ok=True)
    return digest


def verify_copy(plan: Plan, digests: Mapping[str, Digest]) -> dict[str, Any]:
    """The record that the copy, read as every reader will, has the rows of its originals, column by column.

    Args:
        plan: of the copy.
        digests: of the originals of a new file, by its path; read again where there is none.

    Raises:
        RowsDiffer: it has not; the copy stays closed.
    """
    options = replace(plan.table.options, allow_incomplete=True)
    made = Table(open_store(plan.into, plan.storage), plan.table.name, options)
    mine, yours = describe_types(made.schema), describe_types(plan.schema)
    if mine != yours:
        what = f"The columns of the copy, {mine}, are not the table's, {yours}."
        raise RowsDiffer(what, hint="the originals are untouched; report this with both schemas.")
    before, after = without_cache(plan.table.store), without_cache(made.store)
    lost = sorted({bin_.output for bin_ in plan.bins} - set(made.manifest.entries["path"]))
    if lost:
        what = f"{lost[0]} is not under {plan.into.url} any more: the copy was discarded, or someone else removed it."
        raise StaleFile(what, hint="run the plan again.")

    def compare(bin_: Bin) -> Digest:
        known = digests.get(bin_.output) or digest_tables(
            TableReader(before, plan.table.manifest).read_files(bin_.paths)
        )
        found = digest_tables(TableReader(after, made.manifest).read_files([bin_.output]))
        difference = known.find_difference(found)
        if difference:
            count = format_number_of(len(bin_.sources), "file")
            what = f"{bin_.output} does not hold the rows of its {count}: {difference}."
            raise RowsDiffer(
                what, hint="the originals are untouched; take the copy away with lk.compaction.discard(…)."
            )
        return found

    told = {}
    with Progress(f"Verifying {plan.table.name}", len(plan.bins)) as progress:
        for bin_, digest in work_ahead(plan.bins, compare, lambda bin_: bin_.size_bytes):
            told[bin_.output] = digest.as_json()
            progress.advance()
    files = made.manifest.entries.select("path", "etag", "size_bytes", "rows").rows()
    if {file[0] for file in files} != told.keys():
        raise RowsDiffer(f"{plan.into.url} holds {len(files)} files, and not the {len(told)} of the plan.")
    return {"format": FORMAT, "id": plan.id, "source": plan.table.url, "outputs": files, "digests": told}


def without_cache(store: Store) -> Store:
    """The same store, which keeps nothing on this computer: a whole table would drive out all else."""
    twin = copy.copy(store)
    twin.cache = twin.amend = None
    return twin


def discard(url: str, storage: Storage | None = None) -> int:
    """Take away a copy that was not finished: its files and its record; how many files went.

    A run of it that is under way ends with an error, and leaves it closed to readers.

    Args:
        url: where the copy is.
        storage: how to reach it.

    Raises:
        InvalidArgument: no copy was begun there, or it is finished: then it may be the table that people read.

    Example:
        >>> import lakekit as lk
        >>> lk.compaction.discard("data/sample/lake/weather")
        Traceback (most recent call last):
        ...
        lakekit.errors.InvalidArgument: No copy was begun under .../data/sample/lake/weather.
    """
    writer = open_writer(url, storage)
    found = survey(writer.address, writer.storage)
    if COPY_BEGUN not in found.records:
        raise InvalidArgument(f"No copy was begun under {writer.address.url}.")
    if COPY_VERIFIED in found.records:
        what = f"The copy under {writer.address.url} is finished, and may be what people read."
        raise InvalidArgument(what, hint="take it away by other means, if it must go.")
    outputs = {bin_[0] for bin_ in read_record(writer.address, writer.storage, COPY_BEGUN)["bins"]}
    gone = [path for path in found.files if path in outputs]
    for path in gone:
        writer.remove(path, etag=found.objects[path].etag)
    for path in sorted(found.marks, key=lambda path: (path.endswith(".plan.json"), path)):  # a marker before its plan
        writer.remove(path)
    for record in (COPY_VERIFIED, COPY_BEGUN):  # a run that is under way may just have put the first
        writer.remove(record)
    return len(gone)


def find_copy(address: Address, storage: Storage | None) -> tuple[dict[str, Any], dict[str, Any], Survey]:
    """The two records of a verified copy, and what lies there now.

    Raises:
        IncompleteTable, InvalidArgument: it is not finished, or none.
    """
    found = survey(address, storage)
    if COPY_BEGUN not in found.records:
        raise InvalidArgument(
            f"{address.url} is no copy that lk.compaction made.", hint="plan(table, into=…) makes one."
        )
    if COPY_VERIFIED not in found.records:
        what = f"The copy under {address.url} is not finished and verified."
        raise IncompleteTable(what, hint="finish it with lk.compaction.run(lk.compaction.plan(table, into=…)).")
    return read_record(address, storage, COPY_BEGUN), read_record(address, storage, COPY_VERIFIED), found
