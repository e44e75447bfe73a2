"""The files that a stream keeps in its table, by their names: which folder they are of, and which is the newest there.

It must not ask a store for anything, nor open a file. The newest file of each folder is the checkpoint of its shard:
whoever removes it lets the stream begin anew, and each row comes twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_RANGE = re.compile(r"((?:kinesis|kafka|memory)-[^/]+/[^/]+)/(?:after|from)-\d+\.parquet")
_COMPACTED = re.compile(r"(?:^|/)compact-[0-9a-f]{24}\.parquet$")


def find_stream_folder(path: str) -> str | None:
    """The folder of the shard that a file of a stream belongs to; None for any other file.

    Args:
        path: relative to the table.

    Example:
        >>> find_stream_folder("kafka-orders/0/from-00000000000000000012.parquet")
        'kafka-orders/0'
        >>> find_stream_folder("kafka-orders/0/compact-0123456789abcdef01234567.parquet")
    """
    match = _RANGE.fullmatch(path)
    return match[1] if match else None


def find_checkpoints(paths: Iterable[str]) -> frozenset[str]:
    """The newest file of each shard of each stream, from which the stream goes on.

    Example:
        >>> sorted(find_checkpoints(["kafka-o/0/from-07.parquet", "kafka-o/0/from-10.parquet", "day=1/a.parquet"]))
        ['kafka-o/0/from-10.parquet']
    """
    newest: dict[str, str] = {}
    for path in paths:
        folder = find_stream_folder(path)
        if folder is not None:
            newest[folder] = max(newest.get(folder, ""), path)  # names are as long as each other
    return frozenset(newest.values())


def is_compacted(path: str) -> bool:
    """Whether a file has the name of one that compaction made of others.

    Example:
        >>> is_compacted("day=1/compact-0123456789abcdef01234567.parquet"), is_compacted("day=1/part-0.parquet")
        (True, False)
    """
    return _COMPACTED.search(path) is not None
