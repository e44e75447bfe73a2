"""What the log of a Delta table tells of its own past: compactions of lakekit, what they took out, what came since.

It must not write.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from lakekit.compaction.log import open_log
from lakekit.delta import LOG, read_commit
from lakekit.storage import open_store

if TYPE_CHECKING:
    from lakekit.storage import Address, Storage


@dataclass(frozen=True)
class Commit:
    """One commit of a log.

    Attributes:
        number: its version.
        at: when it was made, in UTC.
        about: its own record.
        removes, adds: paths of files that it took out and put in.
    """

    number: int
    at: datetime
    about: dict[str, Any]
    removes: frozenset[str]
    adds: frozenset[str]

    @property
    def is_ours(self) -> bool:
        """Whether it swapped originals for files that lakekit verified."""
        return "verified" in self.about


def read_commits(address: Address, storage: Storage) -> list[Commit]:
    """The commits that the log still holds, the oldest first."""
    numbers = _list_numbers(address, storage)
    return [_read(number, read_commit(address, storage, number)) for number in numbers]


def _list_numbers(address: Address, storage: Storage) -> Iterator[int]:
    for one in open_store(address, storage).list_objects(LOG):
        name = one.path.removeprefix(f"{LOG}/")
        if name.endswith(".json") and name.removesuffix(".json").isdigit():
            yield int(name.removesuffix(".json"))


def _read(number: int, actions: Sequence[dict[str, Any]]) -> Commit:
    about = actions[0].get("commitInfo") or {}
    removes = frozenset(unquote(action["remove"]["path"]) for action in actions if "remove" in action)
    adds = frozenset(unquote(action["add"]["path"]) for action in actions if "add" in action)
    told = about.get("timestamp")  # a commit that does not tell is taken for a new one
    at = datetime.fromtimestamp(told / 1000, UTC) if told else datetime.max.replace(tzinfo=UTC)
    return Commit(number, at, about, removes, adds)


def find_last_swap(commits: Sequence[Commit]) -> Commit | None:
    """The last compaction that was not undone."""
    undone = {commit.about.get("undoes") for commit in commits}
    return next((commit for commit in reversed(commits) if commit.is_ours and commit.number not in undone), None)


def find_retired(address: Address, storage: Storage, commits: Sequence[Commit], before: datetime) -> set[str]:
    """Originals that compactions took out before a moment, and that no snapshot of that moment or later names.

    Args:
        address: of the table.
        storage: how to reach it.
        commits: all of them.
        before: the moment.
    """
    originals: set[str] = set()
    touched: set[str] = set()
    for commit in commits:
        if commit.at > before:
            touched |= commit.removes | commit.adds
        elif commit.is_ours:
            originals |= commit.removes
    return originals - touched - set(open_log(address, storage).files)
