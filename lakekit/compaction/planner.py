"""The plan: which files of a table go together, none across partitions, and none that is still being written.

It must not read data, nor write.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa

from lakekit.compaction.plans import SORTED_BYTES, Bin, Plan, Rules, Source, describe_types, read_bins
from lakekit.compaction.records import read_record, survey
from lakekit.errors import ArchivedFile, InvalidArgument
from lakekit.manifest.batches import is_of_batch
from lakekit.manifest.listing import COPY_BEGUN, COPY_VERIFIED
from lakekit.manifest.streams import find_checkpoints
from lakekit.storage.address import Address, parse_address
from lakekit.storage.writer import MOST_PUT_BYTES
from lakekit.table import Table, require_table
from lakekit.units import format_bytes, format_number_of

if TYPE_CHECKING:
    from lakekit.compaction.records import Survey
    from lakekit.manifest.manifest import Manifest
    from lakekit.storage import Storage


def plan(
    table: Table,
    into: str | os.PathLike | None = None,
    *,
    rules: Rules | None = None,
    as_of: datetime | None = None,
    storage: Storage | None = None,
) -> Plan:
    """What compacting a table would do: few big files of one schema in place of many small ones. Nothing is written.

    With ``into``, the plan is a copy of the whole table under another address; files of partitions that are still
    being written are copied one by one. Where an unfinished copy of the same files is there, its plan is taken up
    again. Without, it is for a table that is published as Delta, and only closed partitions change. The newest file
    of each shard of a stream is its checkpoint: it stays as it is in place, and goes into a copy as it is, so that the
    stream can go on there (not where columns changed since: then it goes on in a new table).

    Args:
        table: as ``open_table`` gives it; refresh it first.
        into: an empty folder or S3 prefix.
        rules: how big, sorted by what, and when a partition is closed.
        as_of: when "now" is; the time of the call if not given.
        storage: how to reach ``into``; as the table is reached if not given.

    Raises:
        CorruptFile, EncryptedFile: a file that cannot be read, unless the table was opened to skip such.
        TypeConflict: while it runs, where types cannot become one.
        InvalidArgument: an address that is not empty, or that overlaps the table; a column that cannot be sorted by.

    Example:
        >>> import lakekit as lk
        >>> weather = lk.open_table("data/sample/lake/weather")
        >>> plan = lk.compaction.plan(weather, into="build/weather")
        >>> plan.files_before, plan.files_after, plan.rows
        (31, 31, 2227)
    """
    require_table(table)
    rules = rules or Rules()
    manifest = table.manifest
    _check_columns(manifest, rules)
    left_out = _leave_out(manifest)
    moment = as_of or datetime.now(UTC)
    if moment.tzinfo is None:
        raise InvalidArgument(f"as_of={as_of!r} has no time zone.", hint="give as_of=datetime.now(UTC).")
    if into is None:
        from lakekit.compaction.in_place import plan_in_place

        return plan_in_place(table, rules, moment, left_out)
    address = parse_address(into)
    _refuse_overlap(table.store.address, address)
    if manifest.is_delta:  # a listing holds files, too, that the log took out
        table = _open_logged(table)
        manifest = table.manifest
    storage = storage or table.store.storage
    bins = tuple(pack_bins(manifest, rules, moment, is_copy=True))
    made = Plan(table, address, bins, left_out, rules, storage, note_fresh(manifest, rules, moment))
    return _take_up(made, survey(address, storage))


def _open_logged(table: Table) -> Table:
    """The table of the files alone that its Delta log names now."""
    from lakekit.compaction.in_place import open_files
    from lakekit.compaction.log import open_log

    return open_files(table, open_log(table.store.address, table.store.storage).files)


def pack_bins(manifest: Manifest, rules: Rules, as_of: datetime, *, is_copy: bool) -> Iterator[Bin]:
    """Bins of each partition's files: neighbours by path, as many as stay within the size that files should have.

    Args:
        manifest: of the table.
        rules: sizes, and when a partition is closed.
        as_of: when "now" is.
        is_copy: take every file, those of open partitions one by one; else only closed ones.
    """
    exact = _find_exact(manifest)
    fixed = _find_fixed(manifest, exact if is_copy else None)
    most = min(rules.target_bytes, SORTED_BYTES) if rules.sort_by else rules.target_bytes
    salt = [list(rules.sort_by), describe_types(manifest.schema.arrow)]
    for files in _group_files(manifest):
        is_closed = max(file["modified_at"] for file in files) <= as_of - rules.closed_after
        if not is_closed and not is_copy:
            continue
        free = [file for file in files if file["path"] not in fixed]
        groups = list(_pack(free, most if is_closed and manifest.schema.file_columns else 0))
        groups += [[file] for file in files if is_copy and file["path"] in fixed]
        for group in groups:
            is_same = len(group) == 1 and group[0]["schema_id"] in exact and not (rules.sort_by and is_closed)
            is_same |= group[0]["path"] in fixed
            sources = tuple(Source(one["path"], one["etag"], one["size_bytes"], one["rows"]) for one in group)
            keeps_name = is_same and not is_of_batch(sources[0].path)  # such a name asks for a marker
            output = sources[0].path if keeps_name else _name_output(sources, salt)
            yield Bin(output, sources, is_same)


def note_fresh(manifest: Manifest, rules: Rules, as_of: datetime) -> tuple[str, ...]:
    """A word on the files that are not compacted, as their partition has changed too lately; none where there is none.

    Args:
        manifest, rules, as_of: as for ``pack_bins``.
    """
    since = as_of - rules.closed_after
    fresh = [files for files in _group_files(manifest) if max(file["modified_at"] for file in files) > since]
    if not fresh:
        return ()
    hours = rules.closed_after / timedelta(hours=1)
    return (
        f"not compacted: {format_number_of(sum(map(len, fresh)), 'file')}, as something in their partition changed"
        f" within the last {'hour' if hours == 1 else f'{hours:g} hours'}; closed_after=timedelta(0)"
        " (--closed-after-hours 0) takes them all",
    )


def _pack(files: Sequence[dict[str, Any]], most_bytes: int) -> Iterator[list[dict[str, Any]]]:
    group: list[dict[str, Any]] = []
    held = 0
    for file in files:
        if group and held + file["size_bytes"] > most_bytes:
            yield group
            group, held = [], 0
        group.append(file)
        held += file["size_bytes"]
    if group:
        yield group


def _find_fixed(manifest: Manifest, exact: set[str] | None) -> set[str]:
    """The checkpoints of streams, which keep their bytes and names: the stream goes on from there.

    Args:
        manifest: of the table.
        exact: for a copy, whose files all have one schema: the schemas that may stay; None for all.
    """
    checkpoints = find_checkpoints(manifest.entries["path"])
    if not checkpoints:
        return set()
    schemas = dict(manifest.entries.select("path", "schema_id").iter_rows())
    return {path for path in checkpoints if exact is None or schemas[path] in exact}


def _group_files(manifest: Manifest) -> Iterator[list[dict[str, Any]]]:
    """The readable files of each partition, by path; partitions by their first file."""
    entries = manifest.entries.filter(~pl.col("path").is_in(list(manifest.problems)))
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for file in entries.select("path", "etag", "size_bytes", "rows", "modified_at", "schema_id").iter_rows(named=True):
        if file["size_bytes"] > MOST_PUT_BYTES:
            what = f"{file['path']} has {format_bytes(file['size_bytes'])}, more than one request can put."
            raise InvalidArgument(what, hint="leave it out, or split it.")
        groups.setdefault(manifest.partitioning.values_of(file["path"]), []).append(file)
    yield from groups.values()


def _find_exact(manifest: Manifest) -> set[str]:
    """The schemas that are the table's own: same columns, same order, same types."""
    wanted = [(field.name, field.type) for field in manifest.schema.file_columns]
    keys = set(manifest.schema.keys)
    return {
        kind.schema_id
        for kind in manifest.kinds
        if not kind.is_altered and keys.isdisjoint(kind.types) and list(kind.types.items()) == wanted
    }


def _name_output(sources: Sequence[Source], salt: list[Any]) -> str:
    """In the folder of the first source; equal for equal sources and rules, and never that of other ones."""
    told = json.dumps([salt, [[source.path, source.etag] for source in sources]])
    folder, slash, _ = sources[0].path.rpartition("/")
    return f"{folder}{slash}compact-{hashlib.sha256(told.encode()).hexdigest()[:24]}.parquet"


def _check_columns(manifest: Manifest, rules: Rules) -> None:
    types = {field.name: field.type for field in manifest.schema.file_columns}
    lost = {name for kind in manifest.kinds for name in kind.types} - types.keys() - set(manifest.schema.keys)
    if lost:
        what = f"The schema that {manifest.name} was opened with leaves out {min(lost)!r}: it would be lost."
        raise InvalidArgument(what, hint="open the table without schema=, and compact that.")
    for name in rules.sort_by:
        if name not in types or pa.types.is_nested(types[name]):
            what = "a nested column" if name in types else f"no column of the files of {manifest.name}"
            flat = ", ".join(name for name, kind in types.items() if not pa.types.is_nested(kind))
            raise InvalidArgument(f"sort_by names {name!r}, {what}.", hint=f"these can be sorted by: {flat}.")


def _leave_out(manifest: Manifest) -> tuple[tuple[str, str], ...]:
    """Archived files, and those that the table skips; any other that cannot be read is an error."""
    for error in manifest.problems.values():
        if not isinstance(error, ArchivedFile):
            raise error
    archived = [(path, error.what) for path, error in manifest.problems.items()]
    return tuple(sorted(archived + list(manifest.skipped.select("path", "reason").iter_rows())))


def _refuse_overlap(source: Address, into: Address) -> None:
    if (source.scheme, source.bucket) != (into.scheme, into.bucket):
        return
    places = [address.prefix for address in (source, into)]
    if source.scheme == "file":  # one folder may have two names, by links
        places = [os.path.realpath(place) for place in places]
    one, other = (f"{place}/".lstrip("/") for place in places)
    if one.startswith(other) or other.startswith(one):
        what = f"{into.url} and the table's own {source.url} overlap: rows would be counted twice."
        raise InvalidArgument(what, hint="give an address beside the table.")


def _take_up(made: Plan, found: Survey) -> Plan:
    """The plan, or the one that was begun there before; an error where something else is there."""
    if COPY_BEGUN not in found.records:
        if found.files:
            what = f"{made.into.url} holds {format_number_of(len(found.files), 'file')}, such as {found.files[0]}."
            raise InvalidArgument(what, hint="give an address where nothing is.")
        return made
    told = read_record(made.into, made.storage, COPY_BEGUN)
    if told["id"] == made.id:
        return made
    if COPY_VERIFIED in found.records:
        what = f"{made.into.url} holds a finished copy of {told['source']} as it was then."
        raise InvalidArgument(what, hint="give another address, and switch to that copy when it is finished.")
    now = {path: etag for path, etag in made.table.manifest.entries.select("path", "etag").iter_rows()}
    bins = read_bins(told)
    gone = [one.path for bin_ in bins for one in bin_.sources if now.get(one.path) != one.etag]
    if told["source"] != made.table.url or gone or told["schema"] != describe_types(made.schema):
        why = f"{gone[0]} has changed since" if gone else "the source or its columns are others now"
        what = f"{made.into.url} holds an unfinished copy of {told['source']} that cannot be finished: {why}."
        raise InvalidArgument(what, hint="take it away with lk.compaction.discard(…), or give another address.")
    since = len(now) - sum(len(bin_.sources) for bin_ in bins) - len(told["left_out"])
    note = f"taken up again; {format_number_of(max(since, 0), 'file')} came since and will not be in the copy"
    left_out = tuple(tuple(pair) for pair in told["left_out"])
    return Plan(made.table, made.into, bins, left_out, made.rules, made.storage, (note,))
