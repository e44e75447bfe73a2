"""What every answer of the planning part looks like: facts by label, reasons, and what would change it.

It must not know what the answer is about.
"""

from __future__ import annotations

from collections.abc import Sequence

from lakekit.display import escape_html, format_html_table


class Answer:
    """The base of the frozen results: one text and one HTML table, made of the same parts.

    A subclass gives a title, pairs of a label and a text, and, where it has them, reasons and changes.
    """

    def title(self) -> str:
        """The answer itself, in one line."""
        raise NotImplementedError

    def facts(self) -> Sequence[tuple[str, str]]:
        """What the answer consists of, as pairs of a label and a text."""
        raise NotImplementedError

    def remarks(self) -> Sequence[tuple[str, Sequence[str]]]:
        """Lists of sentences, each with its heading."""
        headings = (("why", "reasons"), ("note", "notes"), ("would change it", "would_change"))
        return [(heading, getattr(self, name, ())) for heading, name in headings]

    def __repr__(self) -> str:
        lines = [self.title()]
        lines += [f"  {label}: {text}" for label, text in self.facts()]
        lines += [f"  {heading}: {text}" for heading, texts in self.remarks() for text in texts]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = list(self.facts())
        table = format_html_table(self.title(), ["", ""] if rows else [], rows)
        lists = [
            f"<div>{escape_html(heading)}:<ul>{''.join(f'<li>{escape_html(text)}</li>' for text in texts)}</ul></div>"
            for heading, texts in self.remarks()
            if texts
        ]
        return f"<div>{table}{''.join(lists)}</div>"


def format_usd(usd: float) -> str:
    """Money as text: cents from one dollar on, and the first two digits that count below.

    Example:
        >>> format_usd(1243), format_usd(0.0914), format_usd(0)
        ('1,243.00 USD', '0.091 USD', '0.00 USD')
    """
    digits = 2
    while 0 < abs(usd) < 10 ** (1 - digits) and digits < 10:
        digits += 1
    return f"{usd:,.{digits}f} USD"


def format_seconds(seconds: float) -> str:
    """A time as text, in the unit that people would say it in.

    Example:
        >>> format_seconds(0.07), format_seconds(90), format_seconds(86400), format_seconds(1_000_000)
        ('70 ms', '90 s', '24 hours', '11.6 days')
    """
    if seconds < 1:
        return f"{seconds * 1000:.3g} ms"
    for limit, unit_seconds, unit in ((180, 1, "s"), (7200, 60, "minutes"), (172_800, 3600, "hours")):
        if seconds < limit:
            return f"{seconds / unit_seconds:.3g} {unit}"
    return f"{format_figure(seconds / 86_400)} days"


def format_share(share: float) -> str:
    """A share as text.

    Example:
        >>> format_share(0.8), format_share(0.025)
        ('80 %', '2.5 %')
    """
    return f"{share * 100:.3g} %"


def format_figure(value: float) -> str:
    """A number with three digits that count, or all digits before the point.

    Example:
        >>> format_figure(4.8828125), format_figure(10), format_figure(1234.5), format_figure(0.00123)
        ('4.88', '10', '1,234', '0.00123')
    """
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
