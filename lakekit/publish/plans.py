"""How a plan of publishing looks: what it would do, what to beware of, and that nothing was done yet.

It must not carry one out.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from lakekit.display import format_html_table, format_text_table


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
