"""Debezium's change events, one JSON document a line, as changes of rows.

It must not decide types: values stay as JSON has them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from lakekit.cdc.files import JournalFile, open_text
from lakekit.errors import CorruptFile, InvalidArgument

# Debezium documentation, "Change events" and "New record state extraction", read 2026-11: c create, u update,
# d delete, r read (snapshot), t truncate, m message
_OPS = {"c": "I", "r": "I", "u": "U", "d": "D", "t": "T"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FLAT = "__"  # how the fields begin that ExtractNewRecordState adds, unless add.fields.prefix says otherwise
NO_ORDER = (0, 0, 0)


class _NoEvent(ValueError):
    """What an event lacks to be one."""


class Change(NamedTuple):
    """One change of one row.

    Attributes:
        line: where it stands, from 1.
        op: I, U, D; or T for all rows.
        committed_at: when; None where the source does not tell.
        order: numbers that order changes of one moment, as the source has them.
        row: the values by column; of a deletion what is known of the row, at least its key.
        is_second: whether it is the second of one line.
    """

    line: int
    op: str
    committed_at: datetime | None
    order: Sequence[Any]
    row: Mapping[str, Any]
    is_second: bool = True


def read_events(file: JournalFile, local: Path, key: Sequence[str], order_by: Sequence[str]) -> Iterator[Change]:
    """The changes of a file, in its order.

    Args:
        file: the file.
        local: where it lies.
        key: the key's columns; an update that changes them is a deletion and an insertion.
        order_by: fields of the event to order by, such as ``source.gtid_seq``; Debezium's own if empty.

    Raises:
        InvalidArgument: a line that is no event, an unknown op, a deletion without a key.
        CorruptFile: a line that is not JSON.
    """
    lonely, marks_deletes = 0, False
    with open_text(file, local) as lines:
        for line, text in enumerate(lines, 1):
            if not text.strip():
                continue
            event = _parse(text, file, line)
            if event is None:
                lonely = lonely or line
                continue
            try:
                if "op" in event and ("after" in event or "before" in event or event["op"] in ("t", "m")):
                    marks_deletes = True
                    yield from _read_envelope(event, file, line, key, order_by)
                else:
                    marks_deletes = marks_deletes or f"{_FLAT}deleted" in event
                    yield _read_flat(event, file, line, order_by)
            except _NoEvent as exc:
                what = f"{file.path}, line {line}, is no change event of Debezium: {exc}."
                raise InvalidArgument(what, hint="look at that line; nothing of the file was taken.") from exc
    if lonely and not marks_deletes:
        what = f"{file.path}, line {lonely}, is null: a row was deleted, and nothing tells which."
        raise InvalidArgument(what, hint="let ExtractNewRecordState mark them: delete.tombstone.handling.mode=rewrite.")


def _parse(text: str, file: JournalFile, line: int) -> dict[str, Any] | None:
    try:
        event = json.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError) as exc:
        what = f"{file.path}, line {line}, is not JSON: {exc}."
        raise CorruptFile(what, hint="the journal has one event a line; replace the file.") from exc
    if isinstance(event, dict) and "payload" in event and event.keys() <= {"schema", "payload"}:
        event = event["payload"]
    if event is not None and not isinstance(event, dict):
        what = f"{file.path}, line {line}, is no change event but {text.strip()[:60]!r}."
        raise InvalidArgument(what, hint="the journal has the values of Debezium's events, one a line.")
    return event


def _read_envelope(
    event: Mapping[str, Any], file: JournalFile, line: int, key: Sequence[str], order_by: Sequence[str]
) -> Iterator[Change]:
    op = event["op"]
    if op == "m":  # a message in the log, which changes no row
        return
    if not isinstance(op, str) or op not in _OPS:
        raise refuse_op(op, file, line, _OPS)
    for name in ("source", "before", "after"):
        if not isinstance(event.get(name) or {}, Mapping):
            raise _NoEvent(f"its {name!r} is {str(event[name])[:60]!r}")
    source = event.get("source") or {}
    moment = _find_moment(source, event)
    order = _find_order(event, source, order_by)
    before, after = event.get("before"), event.get("after")
    row = {} if op == "t" else before if op == "d" else after
    if row is None:
        side = "before" if op == "d" else "after"
        hint = "let the database log the key: REPLICA IDENTITY, or supplemental logging."
        raise InvalidArgument(f"{file.path}, line {line}, has the op {op!r} and no {side!r}.", hint=hint)
    moved = op == "u" and before and any(before.get(name, row.get(name)) != row.get(name) for name in key)
    if moved:
        yield Change(line, "D", moment, order, before, False)
    yield Change(line, _OPS[op], moment, order, row)


def _read_flat(event: Mapping[str, Any], file: JournalFile, line: int, order_by: Sequence[str]) -> Change:
    added = {name.removeprefix(_FLAT): value for name, value in event.items() if name.startswith(_FLAT)}
    row = {name: value for name, value in event.items() if not name.startswith(_FLAT)}
    op = "d" if str(added.get("deleted", "")).lower() == "true" else added.get("op", "u")
    if not isinstance(op, str) or op not in _OPS:
        raise refuse_op(op, file, line, _OPS)
    source = {name.removeprefix("source_"): value for name, value in added.items() if name != "ts_ms"}
    return Change(line, _OPS[op], _find_moment(source, added), _find_order(event, source, order_by), row)


def refuse_op(op: Any, file: JournalFile, line: int, known: Mapping[str, Any] | Sequence[str]) -> InvalidArgument:
    """The error for an operation that is none."""
    what = f"{file.path}, line {line}, has the operation {op!r}, which is none of {', '.join(known)}."
    return InvalidArgument(what, hint="is it a journal of that format, with its columns in that order?")


def _find_moment(source: Mapping[str, Any], event: Mapping[str, Any]) -> datetime | None:
    """When the source says that it was committed; else when Debezium saw it. To the microsecond, where told."""
    for told in (source, event):
        for name, per_second in (("ts_us", 1_000_000), ("ts_ms", 1_000)):
            if told.get(name) is not None:
                try:
                    return _EPOCH + timedelta(microseconds=int(told[name]) * (1_000_000 // per_second))
                except (ValueError, TypeError, OverflowError) as exc:
                    raise _NoEvent(f"its {name!r} is {str(told[name])[:60]!r}, which is no time") from exc
    return None


def _find_order(event: Mapping[str, Any], source: Mapping[str, Any], order_by: Sequence[str]) -> Sequence[Any]:
    """What orders changes of one moment: the log's position, by whichever names the connector has for it."""
    if order_by:
        return [_dig(event, name) for name in order_by]
    if source.get("sequence"):  # PostgreSQL: the last commit's position, and this change's; PostgreSQL connector
        numbers = re.findall(r"\d+", str(source["sequence"]))
        return (*map(int, numbers[:2]), *NO_ORDER)[:3]
    for names in (("commit_lsn", "change_lsn", "event_serial_no"), ("file", "pos", "row"), ("lsn",)):
        if source.get(names[0]) is not None:
            return (*(_to_number(source.get(name)) for name in names), *NO_ORDER)[:3]
    return (*(_to_number(source.get(name)) for name in ("commit_scn", "scn")), 0)


def _to_number(value: Any) -> int:
    """A number; that in which a name ends (mysql-bin.000003); or one of hexadecimal parts (00000027:00000ac0:0002)."""
    if isinstance(value, int):
        return value
    text = str(value or 0)
    if ":" in text:
        return int(text.replace(":", ""), 16)
    digits = re.search(r"(\d+)$", text)
    return int(digits[1]) if digits else 0


def _dig(event: Any, name: str) -> Any:
    for part in name.split("."):
        event = event.get(part) if isinstance(event, Mapping) else None
    return event
