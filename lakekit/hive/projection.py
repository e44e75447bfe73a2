"""Partition projection of Athena: rules from which it works out partitions, where they give exactly those of a table.

It must not project what it cannot prove: NULL keys, escapes and sparse values are left to explicit partitions.

The properties: https://docs.aws.amazon.com/athena/latest/ug/partition-projection-supported-types.html, read 2026-11.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    from lakekit.hive.layout import Partition
    from lakekit.table import Table

MOST_ENUM_VALUES = 100  # "a few dozen or less", says the page
MOST_EMPTY = 10  # projected partitions for each that exists, beyond which Athena would list too many empty ones
FEW = 1_000  # projected partitions that never count as too many


@dataclass(frozen=True)
class Projection:
    """How Athena works out the partitions.

    Attributes:
        properties: table properties by name.
        limits: sentences about values that it will not find when they come.
    """

    properties: dict[str, str]
    limits: tuple[str, ...]


@dataclass(frozen=True)
class _Rule:
    properties: dict[str, str]
    count: int
    texts: dict[Any, str]
    limit: str = ""


def find_projection(table: Table, partitions: Sequence[Partition]) -> Projection | None:
    """The projection that gives the table's partitions; None where there is none that surely does."""
    keys, types = table.manifest.schema.keys, table.manifest.partitioning.types
    if not keys or any(value is None for one in partitions for value in one.values):
        return None
    template = _write_template(table)
    rules = []
    for index, kind in enumerate(types):
        values = sorted({one.values[index] for one in partitions})
        rule = _find_rule(keys[index], kind, values, [one.folder for one in partitions], table)
        if rule is None:
            return None
        rules.append(rule)
    projected = 1
    for rule in rules:
        projected *= rule.count
    if projected > FEW and projected > MOST_EMPTY * len(partitions):
        return None
    for one in partitions:
        texts = [rule.texts[value] for rule, value in zip(rules, one.values, strict=True)]
        if _render(template, keys, texts) != one.folder:
            return None
    properties = {"projection.enabled": "true"}
    for key, rule in zip(keys, rules, strict=True):
        properties |= {f"projection.{key.lower()}.{name}": text for name, text in rule.properties.items()}
    located = re.sub(r"\$\{([^}]*)\}", lambda match: f"${{{match[1].lower()}}}", template)
    properties["storage.location.template"] = f"{table.url}/{located}/"
    return Projection(properties, tuple(rule.limit for rule in rules if rule.limit))


def _write_template(table: Table) -> str:
    if table.template:
        named = re.sub(r"\{([^{}:/]+)(?::[^{}/]+)?\}", r"${\1}", table.template.strip("/"))
        rest = [key for key in table.manifest.schema.keys if f"${{{key}}}" not in named]
    else:
        named, rest = "", list(table.manifest.schema.keys)
    return "/".join([*([named] if named else []), *(f"{key}=${{{key}}}" for key in rest)])


def _render(template: str, keys: Sequence[str], texts: Sequence[str]) -> str:
    for key, text in zip(keys, texts, strict=True):
        template = template.replace(f"${{{key}}}", text)
    return template


def _find_rule(key: str, kind: pa.DataType, values: list[Any], folders: list[str], table: Table) -> _Rule | None:
    if pa.types.is_date32(kind):
        return _project_dates(values, table)
    if pa.types.is_integer(kind) and values[-1] < 2**63:
        span = values[-1] - values[0] + 1
        if span <= max(FEW, MOST_EMPTY * len(values)):
            return _project_integers(key, values, folders, table)
    return _project_names(key, values) if pa.types.is_string(kind) else None


def _project_dates(values: list[date], table: Table) -> _Rule:
    """Each day from the first; up to tomorrow, whenever that is, where no value lies in the future of its files."""
    written = table.manifest.entries["modified_at"].max().date()
    is_past = values[-1] <= written + timedelta(days=1)
    properties = {
        "type": "date",
        "range": f"{values[0]},{'NOW+1DAYS' if is_past else values[-1]}",
        "format": "yyyy-MM-dd",
        "interval": "1",
        "interval.unit": "DAYS",
    }
    limit = "" if is_past else f"Projected days end at {values[-1]}: later ones are not found."
    count = (max(values[-1], written) - values[0]).days + 1 if is_past else (values[-1] - values[0]).days + 1
    return _Rule(properties, count, {value: value.isoformat() for value in values}, limit)


def _project_integers(key: str, values: list[int], folders: list[str], table: Table) -> _Rule:
    properties = {"type": "integer", "range": f"{values[0]},{values[-1]}"}
    texts = {value: str(value) for value in values}
    width = _find_width(table, key, folders) if table.template else 0
    if width and values[0] >= 0:
        properties["digits"] = str(width)
        texts = {value: str(value).zfill(width) for value in values}
    limit = (
        f"Projected values of {key!r} are {values[0]} to {values[-1]}: others are not found until this is run again."
    )
    return _Rule(properties, values[-1] - values[0] + 1, texts, limit)


def _find_width(table: Table, key: str, folders: list[str]) -> int:
    """How many digits the key has in the folders of a template, where that is always the same; else 0."""
    pattern = re.escape(_write_template(table))
    for name in table.manifest.schema.keys:
        group = r"([0-9]+)" if name == key else r"[^/]*?"
        pattern = pattern.replace(re.escape(f"${{{name}}}"), group)
    found = [re.fullmatch(pattern, folder) for folder in folders]
    widths = {len(match[1]) for match in found if match} if all(found) else set()
    return widths.pop() if len(widths) == 1 else 0


def _project_names(key: str, values: list[str]) -> _Rule | None:
    if len(values) > MOST_ENUM_VALUES or any("," in text or not text or text != text.strip() for text in values):
        return None
    limit = f"Projected values of {key!r} are the {len(values)} of today: others are not found until this is run again."
    return _Rule({"type": "enum", "values": ",".join(values)}, len(values), {text: text for text in values}, limit)
