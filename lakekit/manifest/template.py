"""Layouts whose folders have no key names, such as ``2024/01/05/13/``, read by a template that names them.

It must not know what the values mean: it cuts paths.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lakekit.errors import InvalidArgument, PartitionMismatch

_PLACEHOLDER = re.compile(r"\{([^{}:/]+)(?::([^{}/]+))?\}")
_HINT = (
    'the template names the folders below the root, one {key:type} each, such as "{year:int}/{month:int}/{day:int}".'
)


@dataclass(frozen=True)
class Template:
    """A parsed template.

    Attributes:
        text: as it was given.
        levels: for each folder below the root, a pattern with a group for each key.
        keys: the keys of each level.
        types: the types that the template declares, by key.
    """

    text: str
    levels: tuple[re.Pattern[str], ...]
    keys: tuple[tuple[str, ...], ...]
    types: Mapping[str, str]

    def match(self, segments: Sequence[str], path: str) -> list[tuple[str, str]]:
        """Keys and values, as they stand in the path, of the first folders of a file.

        Raises:
            PartitionMismatch: a folder is missing, or is not as the template has it.
        """
        found: list[tuple[str, str]] = []
        for position, (level, keys) in enumerate(zip(self.levels, self.keys, strict=True)):
            match = level.fullmatch(segments[position]) if position < len(segments) else None
            if match is None:
                what = f"{path} does not lie where the template {self.text!r} says (level {position + 1})."
                raise PartitionMismatch(what, hint=_HINT)
            found += zip(keys, match.groups(), strict=True)
        return found


def parse_template(text: str) -> Template:
    """The template that this text writes.

    Raises:
        InvalidArgument: it names no key, one twice, or has braces that are not a key's.

    Example:
        >>> parse_template("{year:int}/m{month}").match(["2024", "m05"], "2024/m05/a.parquet")
        [('year', '2024'), ('month', '05')]
    """
    levels, keys, types = [], [], {}
    for segment in text.strip("/").split("/"):
        literals = _PLACEHOLDER.split(segment)[::3]
        if any(brace in literal for literal in literals for brace in "{}"):
            raise InvalidArgument(f"The template {text!r} has a brace that is not a key's, in {segment!r}.", hint=_HINT)
        levels.append(re.compile("(.*?)".join(map(re.escape, literals))))
        keys.append(tuple(match.group(1) for match in _PLACEHOLDER.finditer(segment)))
        types |= {match.group(1): match.group(2) for match in _PLACEHOLDER.finditer(segment) if match.group(2)}
    named = [key for level in keys for key in level]
    if not named or len(set(named)) < len(named):
        raise InvalidArgument(f"The template {text!r} names {'a key twice' if named else 'no key'}.", hint=_HINT)
    return Template(text, tuple(levels), tuple(keys), types)
