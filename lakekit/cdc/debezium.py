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
from typing import TYPE_CHECKING, Any, NamedTuple

from lakekit.cdc.files import JournalFile, open_text
from lakekit.cdc.meanings import find_names, is_unavailable, read_times
from lakekit.errors import CorruptFile, InvalidArgument

if TYPE_CHECKING:
    from lakekit.cdc.batch import JournalForm

# Debezium documentation, "Change events" and "New record state extraction", read 2026-11: c create, u update,
# d delete, r read (snapshot), t truncate, m message
_OPS = {"c": "I", "r": "I", "u": "U", "d": "D", "t": "T"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FLAT = "__"  # how the fields begin that ExtractNewRecordState adds, unless add.fields.prefix says otherwise
NO_ORDER = (0, 0, 0)
# Of what bears one position of the log: a snapshot shows the rows before it; an incremental one is read while changes
# go on, and sent after those it has seen. Debezium's SnapshotRecord and design document DDD-3, read 2026-11
SNAPSHOT, CHANGE, INCREMENTAL = 0, 1, 2


class _NoEvent(ValueError):
    """What an event lacks to be one."""


class Change(NamedTuple):
    """One change of one row.

    Attributes:
        line: where it stands, from 1.
        op: I, U, D; or T for all rows.
        committed_at: when; None where the source does not tell.
        order: numbers that tell its place in the log, as the source has them; or what it is to be ordered by.
        row: the values by column; of a deletion what is known of the row, at least its key.
        is_second: whether it is the second of one line.
        kept: columns that were not changed, and whose values are not told.
        phase: whether it is of a snapshot, an incremental one, or a change.
        server: the name of the database's server.
        table: the names of the database, the schema and the table, as far as they are told.
    """

    line: int
    op: str
    committed_at: datetime | None
    order: Sequence[Any]
    row: Mapping[str, Any]
    is_second: bool = True
    kept: Sequence[str] = ()
    phase: int = CHANGE
    server: str = ""
    table: tuple[str, ...] = ()


def read_events(file: JournalFile, local: Path, form: JournalForm) -> Iterator[Change]:
    """The changes of a file, in its order.

    Args:
        file: the file.
        local: where it lies.
        form: with the key's columns, of which an update that changes them is a deletion and an insertion; and fields
            of the event to order by, such as ``source.gtid_seq``; Debezium's own if there are none.

    Raises:
        InvalidArgument: a line that is no event, an unknown op, a deletion without a key.
        TypeConflict: a number that is not the time which its column was declared as.
        CorruptFile: a line that is not JSON.
    """
    lonely, marks_deletes = 0, False
    with open_text(file, local) as lines:
        for line, text in enumerate(lines, 1):
            if not text.strip():
                continue
            event, schema = _parse(text, file, line)
            if event is None:
                lonely = lonely or line
                continue
            try:
                if "op" in event and ("after" in event or "before" in event or event["op"] in ("t", "m")):
                    marks_deletes = True
                    names = find_names(schema, "before" if event["op"] == "d" else "after") if form.columns else {}
                    changes = _read_envelope(event, file, line, form)
                else:
                    marks_deletes = marks_deletes or f"{_FLAT}deleted" in event
                    names = find_names(schema, None) if form.columns else {}
                    changes = iter([_read_flat(event, file, line, form)])
                for change in changes:
                    row = read_times(change.row, names, form.columns, f"{file.path}, line {line}")
                    yield change._replace(row=row)
            except _NoEvent as exc:
                what = f"{file.path}, line {line}, is no change event of Debezium: {exc}."
                raise InvalidArgument(what, hint="look at that line; nothing of the file was taken.") from exc
    if lonely and not marks_deletes:
        what = f"{file.path}, line {lonely}, is null: a row was deleted, and nothing tells which."
        raise InvalidArgument(what, hint="let ExtractNewRecordState mark them: delete.tombstone.handling.mode=rewrite.")


def _parse(text: str, file: JournalFile, line: int) -> tuple[dict[str, Any] | None, Any]:
    """The event, and its schema if it has one."""
    schema = None
    try:
        event = json.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError) as exc:
        what = f"{file.path}, line {line}, is not JSON: {exc}."
        raise CorruptFile(what, hint="the journal has one event a line; replace the file.") from exc
    if isinstance(event, dict) and "payload" in event and event.keys() <= {"schema", "payload"}:
        event, schema = event["payload"], event.get("schema")
    if event is not None and not isinstance(event, dict):
        what = f"{file.path}, line {line}, is no change event but {text.strip()[:60]!r}."
        raise InvalidArgument(what, hint="the journal has the values of Debezium's events, one a line.")
    return event, schema


def _read_envelope(event: Mapping[str, Any], file: JournalFile, line: int, form: JournalForm) -> Iterator[Change]:
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
    phase, order = _find_order(event, source, op, form.order_by)
    before, after = event.get("before"), event.get("after")
    row = {} if op == "t" else before if op == "d" else after
    if row is None:
        side = "before" if op == "d" else "after"
        hint = "let the database log the key: REPLICA IDENTITY, or supplemental logging."
        raise InvalidArgument(f"{file.path}, line {line}, has the op {op!r} and no {side!r}.", hint=hint)
    moved = op == "u" and before and any(before.get(name, row.get(name)) != row.get(name) for name in form.key)
    server, table = str(source.get("name") or ""), _name_table(source)
    if moved:
        yield Change(line, "D", moment, order, _take_known(before, {})[0], False, (), phase, server, table)
    row, kept = _take_known(row, before or {})
    yield Change(line, _OPS[op], moment, order, row, True, () if op == "d" else kept, phase, server, table)


def _name_table(source: Mapping[str, Any]) -> tuple[str, ...]:
    told = (source.get("db"), source.get("schema"), source.get("table") or source.get("collection"))
    return tuple(str(name or "") for name in told)


def _take_known(row: Mapping[str, Any], before: Mapping[str, Any]) -> tuple[Mapping[str, Any], list[str]]:
    """The row, with NULL for what is not told, nor told of the row before; and the names of these columns."""
    untold = [name for name, value in row.items() if is_unavailable(value)]
    if not untold:
        return row, []
    known = {name: None if is_unavailable(before.get(name)) else before.get(name) for name in untold}
    return {**row, **known}, [name for name in untold if known[name] is None]


def _read_flat(event: Mapping[str, Any], file: JournalFile, line: int, form: JournalForm) -> Change:
    added = {name.removeprefix(_FLAT): value for name, value in event.items() if name.startswith(_FLAT)}
    row = {name: value for name, value in event.items() if not name.startswith(_FLAT)}
    op = "d" if str(added.get("deleted", "")).lower() == "true" else added.get("op", "u")
    if not isinstance(op, str) or op not in _OPS:
        raise refuse_op(op, file, line, _OPS)
    source = {name.removeprefix("source_"): value for name, value in added.items() if name != "ts_ms"}
    phase, order = _find_order(event, source, op, form.order_by)
    row, kept = _take_known(row, {})
    told, server = () if op == "d" else kept, str(source.get("name") or "")
    return Change(
        line, _OPS[op], _find_moment(source, added), order, row, True, told, phase, server, _name_table(source)
    )


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


def _find_order(
    event: Mapping[str, Any], source: Mapping[str, Any], op: str, order_by: Sequence[str]
) -> tuple[int, Sequence[Any]]:
    """The phase, and what orders changes: the log's position, then the phase; or the fields that were asked for."""
    if order_by:
        return CHANGE, [_dig(event, name) for name in order_by]
    told = str(source.get("snapshot") or "").lower()
    is_read = told not in ("", "false") or (op == "r" and not told)
    phase = CHANGE if not is_read else INCREMENTAL if told == "incremental" else SNAPSHOT
    first, second, third = _find_position(source, is_read)
    is_known = first or second or third
    return phase, (first, second, 3 * third + (phase if is_known or phase == SNAPSHOT else CHANGE))


def _find_position(source: Mapping[str, Any], is_read: bool) -> tuple[int, int, int]:
    """The log's position, by whichever names the connector has for it; zeros if it tells none.

    PostgreSQL's ``sequence`` is where the last commit is, and where this change is, which may be logged long before it
    is committed itself: what was read stands right after the last commit.
    """
    if source.get("sequence"):
        numbers = [int(digits) for digits in re.findall(r"\d+", str(source["sequence"]))[: 1 if is_read else 2]]
        return (*numbers, *NO_ORDER)[:3]
    for names in (("commit_lsn", "change_lsn", "event_serial_no"), ("file", "pos", "row"), ("lsn",)):
        if source.get(names[0]) is not None:
            return (*(_to_number(source.get(name)) for name in names), *NO_ORDER)[:3]
    scn = _to_number(source.get("scn"))  # Oracle; a snapshot has no commit, and sees what was committed until there
    return (_to_number(source.get("commit_scn")) or scn, scn, 0)


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
