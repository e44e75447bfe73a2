"""A log read from its very first commit: what it names, and what it ever named.

It must not read a log whose beginning is gone, as that no longer tells which files were removed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import polars as pl

from lakekit.delta.commits import find_commits
from lakekit.delta.writing import PUBLISHED, decode_commit
from lakekit.errors import InvalidArgument, LakekitError
from lakekit.storage import RangeRequest, Store


@dataclass
class History:
    """A log as a whole.

    Attributes:
        version: the last; -1 where there is no log.
        metadata: of the table, as the log has it.
        protocol: likewise.
        adds: the action of each file that is named now, by path.
        removed: paths that were named once, and are not now, though the files may still be there.
        dropped: likewise, since the files were gone: what is there now is new.
    """

    version: int = -1
    metadata: dict[str, Any] = field(default_factory=dict)
    protocol: dict[str, Any] = field(default_factory=dict)
    adds: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)
    dropped: set[str] = field(default_factory=set)

    def take(self, action: Mapping[str, Any]) -> None:
        """Note one more action of the log."""
        if "metaData" in action:
            self.metadata = action["metaData"]
        elif "protocol" in action:
            self.protocol = action["protocol"]
        elif "add" in action:
            path = unquote(action["add"]["path"])
            self.adds[path] = action["add"]
            self.removed.discard(path)
            self.dropped.discard(path)
        elif "remove" in action:
            path = unquote(action["remove"]["path"])
            self.adds.pop(path, None)
            is_gone = PUBLISHED in (action["remove"].get("tags") or {})
            (self.dropped if is_gone else self.removed).add(path)


def read_history(store: Store, listed: pl.DataFrame) -> History:
    """All that the log under a store's address tells; one GET for each of its commits.

    Raises:
        InvalidArgument: its first commits are gone.
        CorruptFile: one is no JSON.
    """
    commits, history = find_commits(listed), History()
    if commits.latest < 0 and not commits.has_new:
        return history
    if sorted(commits.by_version) != list(range(commits.latest + 1)) or not commits.by_version:
        what = f"The log of {store.address.url} has no longer all of its commits, so that removed files look new."
        raise InvalidArgument(what, hint="append by the log, such as with deltalake.")
    found = listed.filter(pl.col("path").is_in(list(commits.by_version.values())))
    asked = [RangeRequest(*row) for row in found.select("path", pl.lit(0), "size_bytes", "etag").iter_rows()]
    contents: dict[str, bytes] = {}
    for request, outcome in store.read_many(asked):
        if isinstance(outcome, LakekitError):
            raise outcome
        contents[request.path] = bytes(outcome)
    for version, path in sorted(commits.by_version.items()):
        actions = decode_commit(contents[path], path)
        for action in sorted(actions, key=lambda action: "add" in action):  # one that it removes and adds is there
            history.take(action)
        history.version = version
    return history
