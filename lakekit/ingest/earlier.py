"""Which files of a source the batches of a table have taken in, or begun to: these name files with their versions.

It must not write, nor open a file of the source.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from lakekit.errors import StaleFile
from lakekit.ingest.place import read_whole
from lakekit.ingest.plan import is_same_asked, read_plan
from lakekit.ingest.sources import FileSource
from lakekit.storage import Writer
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
        plans: paths of the plans of batches that are not complete.
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


def _read_all(paths: Sequence[str], writer: Writer) -> list[bytes]:
    with ThreadPoolExecutor(_READERS) as pool:
        return list(pool.map(lambda path: read_whole(writer.address, writer.storage, path), paths))
