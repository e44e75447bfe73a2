"""Which files of a source the batches of a table have taken in, or begun to: these name files with their versions.

It must not write, nor open a file of the source.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

from lakekit.errors import StaleFile
from lakekit.ingest.place import read_whole
from lakekit.ingest.plan import is_same_asked, name_plan, read_plan
from lakekit.ingest.sources import FileSource
from lakekit.manifest import batches
from lakekit.manifest.batches import FOLDER, SETTLED, find_token
from lakekit.storage import Writer, open_store
from lakekit.units import format_number_of

_READERS = 32  # of small files at a time


def find_earlier(source: FileSource, markers: Sequence[str], writer: Writer) -> frozenset[str]:
    """The addresses of those files that a batch holds already, as they are.

    Args:
        source: the files.
        markers: paths of the markers of batches that are complete.
        writer: of the table.

    Raises:
        StaleFile: a batch holds a file of that address with other content.
    """
    held: dict[str, dict[tuple[int, str], str]] = {}
    for marker in map(json.loads, _read_all(markers, writer)):
        for url, size_bytes, etag in marker.get("listing") or ():
            held.setdefault(url, {})[size_bytes, etag] = marker["batch_id"]
    known = [file for file in source.files if file.url in held]
    changed = [file for file in known if (file.size_bytes, file.etag) not in held[file.url]]
    if changed:
        url = changed[0].url
        more = f", and {format_number_of(len(changed) - 1, 'file')} more" if len(changed) > 1 else ""
        batch_id = next(iter(held[url].values()))
        raise StaleFile(
            f"{url} is not what it was when the batch {batch_id!r} took it into {writer.address.url}{more}.",
            hint="give a batch_id to write it as it is now, beside the rows that it had then; or leave it out.",
        )
    return frozenset(file.url for file in known)


def find_begun(
    source: FileSource, plans: Sequence[str], writer: Writer, asked: Mapping[str, Any]
) -> Iterator[tuple[str, FileSource]]:
    """The batches that were begun with some of the files, and not completed: their ids, and these files.

    Args:
        source: the files.
        plans: paths of the plans of batches that are not complete, the earliest first: it is the one that may go on.
        writer: of the table.
        asked: how to write; batches that were begun otherwise are passed over.
    """
    for text in _read_all(plans, writer):
        try:
            plan = read_plan(text)
        except StaleFile:  # of another version of lakekit
            continue
        is_part = plan.listing is not None and all(one in source.listing for one in plan.listing)
        if is_part and plan.reading == source.reading and is_same_asked(plan, asked):
            rest = source.without([url for url, *_ in plan.listing])
            yield plan.batch_id, source.without([file.url for file in rest.files])
            source = rest


def check_claims(source: FileSource, batch_id: str, writer: Writer, as_of: datetime) -> None:
    """Raise StaleFile where a batch that is not complete was begun earlier with some of these files.

    Of runs with overlapping files each notes its plan, and looks for those of others afterwards and before its marker.
    So of two at least one sees the other, and the order of their plans, by the store's time and then by name, says
    which goes on. What claims nothing, so that nobody is locked out: a plan one of whose files a complete batch holds,
    as it will be refused; one of another version of lakekit; and one that is a day old, whose run has ended.

    Two things remain. A run of more than a day is only seen by its marker. And where two plans are of one moment of
    the store's clock (a second on S3), the earlier by name may come after the other's last look; then both go on where
    that other stands still before its marker for as long as all of the first takes.

    Args:
        source: the files.
        batch_id: of the batch that is to be made of them; its plan may be there, or not yet.
        writer: of the table.
        as_of: now.
    """
    listed = list(open_store(writer.address, writer.storage).list_objects(f"{FOLDER}/"))
    markers, own = [one.path for one in listed if find_token(one.path)], name_plan(batch_id)
    complete = {batches.name_plan(find_token(path)) for path in markers} - {own}
    fresh = [one for one in listed if one.path.endswith(".plan.json") and one.modified_at > as_of - SETTLED]
    plans = [path for _, path in sorted((one.modified_at, one.path) for one in fresh if one.path not in complete)]
    plans = plans[: plans.index(own)] if own in plans else plans
    files = {tuple(one) for one in source.listing}
    for path, text in zip(plans, _read_all(plans, writer), strict=True):
        try:
            plan = read_plan(text)
        except StaleFile:
            continue
        theirs = {tuple(one) for one in plan.listing or ()}
        if files.isdisjoint(theirs) or not theirs.isdisjoint(_list_held(markers, writer)):
            continue
        raise StaleFile(
            f"{min(files & theirs)[0]} is being taken into {writer.address.url} by the batch {plan.batch_id!r}, which"
            " was begun earlier and is not complete.",
            hint="run again when it is done. If its run was killed, the call that began it completes it; where that is"
            f" not wanted any more, delete {path} there, or wait until it is a day old.",
        )


def _list_held(markers: Sequence[str], writer: Writer) -> set[tuple[Any, ...]]:
    """Address, size and etag of all files that complete batches hold."""
    told = map(json.loads, _read_all(markers, writer))
    return {tuple(one) for marker in told for one in marker.get("listing") or ()}


def _read_all(paths: Sequence[str], writer: Writer) -> list[bytes]:
    with ThreadPoolExecutor(_READERS) as pool:
        return list(pool.map(lambda path: read_whole(writer.address, writer.storage, path), paths))
