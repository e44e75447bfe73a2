"""What plans of publishing share: how they look, and which tables none is made of.

It must not carry one out.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from lakekit.display import format_html_table, format_text_table
from lakekit.errors import InvalidArgument

if TYPE_CHECKING:
    from lakekit.table import Table


class PublishPlan(ABC):
    """What publishing would change; true where there is anything to do.

    Attributes:
        changes: what it would do, in words: pairs of an action and a subject.
        warnings: sentences, on where other readers differ.
    """

    changes: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...]

    @abstractmethod
    def __bool__(self) -> bool: ...

    @abstractmethod
    def _describe(self) -> str:
        """What is published where, in a line."""

    def _say_to_run(self) -> list[str]:
        return ["Nothing changed yet: .run()"] if self else []

    def __repr__(self) -> str:
        lines = [self._describe()]
        if self.changes:
            lines.append(format_text_table(["action", "what"], self.changes))
        lines += [f"Warning: {text}" for text in self.warnings]
        return "\n".join([*lines, *self._say_to_run()])

    def _repr_html_(self) -> str:
        note = " ".join([*self.warnings, *self._say_to_run()])
        return format_html_table(self._describe(), ["action", "what"], self.changes, note=note)


def refuse_source(table: Table, record: str) -> None:
    """InvalidArgument for a table that is not all that lies under one address now.

    Args:
        table: what is to be published.
        record: what would name its files, such as "a log".
    """
    store = table.store
    if store.address.scheme not in ("file", "s3") or hasattr(store, "places"):
        what = f"{table.url} is no folder or S3 prefix of its own, and {record} names files of one place."
        raise InvalidArgument(what, hint="compact it into one, with lk.compaction.")
    if hasattr(store, "listed_at") or table.options.as_of is not None:
        what = f"{table.name} was opened by an inventory or as of an earlier version, and {record} is of now."
        raise InvalidArgument(what, hint="open it without inventory= and as_of=.")
