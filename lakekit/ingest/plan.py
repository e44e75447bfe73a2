"""What a batch will be, noted beside the table before its first file, so that a rerun does the same again.

It must not read rows, nor write data.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from lakekit.errors import InvalidArgument, StaleFile
from lakekit.manifest import batches
from lakekit.manifest.batches import make_token

FORMAT = 2  # another number when the same source would be cut into other files
_ASKED = ("partition_by", "sort_by", "target_file_bytes")


@dataclass(frozen=True)
class Plan:
    """A batch before it is written.

    Attributes:
        batch_id: its id.
        listing: address, size and etag of each source file; None where the source is not files.
        partition_by, sort_by, target_file_bytes: as asked.
        schema: the types of all columns, those of partition keys too.
        widened: what the table has another type for.
        encoded_share: bytes in a file for each byte in memory, by a sample; decides when a file is full.
        begin: a hash of the first rows, where the source is not files.
        reading: how the files are read, in words.
    """

    batch_id: str
    listing: list[list[Any]] | None
    partition_by: tuple[str, ...]
    sort_by: tuple[str, ...]
    target_file_bytes: int
    schema: pa.Schema
    widened: tuple[str, ...]
    encoded_share: float
    begin: str = ""
    reading: str = ""

    @property
    def token(self) -> str:
        """What stands for it in names."""
        return make_token(self.batch_id)

    @property
    def path(self) -> str:
        """Where it is noted, relative to the table."""
        return name_plan(self.batch_id)

    def as_json(self) -> bytes:
        """It as text."""
        told = {"format": FORMAT} | {name: getattr(self, name) for name in self.__dataclass_fields__}
        told["schema"] = base64.b64encode(self.schema.serialize().to_pybytes()).decode()
        return json.dumps(told, indent=1, ensure_ascii=False).encode()


def name_plan(batch_id: str) -> str:
    """Where the plan of a batch is noted, relative to the table.

    Example:
        >>> name_plan("day 1")
        '_batches/_e9732851e0701563.plan.json'
    """
    return batches.name_plan(make_token(batch_id))


def read_plan(text: bytes) -> Plan:
    """The plan that was noted.

    Raises:
        StaleFile: by a lakekit that cuts files otherwise.
    """
    told = json.loads(text)
    if told.pop("format", None) != FORMAT:
        what = f"The batch {told['batch_id']!r} was begun by another version of lakekit, which cuts files otherwise."
        raise StaleFile(what, hint="complete it with that version, or give another batch_id.")
    told["schema"] = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(told["schema"])))
    return Plan(
        **{
            name: tuple(value) if isinstance(value, list) and name != "listing" else value
            for name, value in told.items()
        }
    )


def check_same(plan: Plan, asked: dict[str, Any], listing: list[list[Any]] | None, reading: str) -> None:
    """Raise where a batch that was begun is to be completed from something else, or otherwise.

    Raises:
        StaleFile: the source files are not those that it was begun with.
        InvalidArgument: it was begun with other arguments.
    """
    check_listing(plan.batch_id, plan.listing, listing, "begun")
    check_reading(plan.batch_id, plan.reading, reading, "begun")
    for name in _ASKED:
        before = getattr(plan, name)
        if name in asked and asked[name] != before:
            raise InvalidArgument(
                f"The batch {plan.batch_id!r} was begun with {name}={before!r}, not {asked[name]!r}.",
                hint="complete it as it was begun, or give another batch_id.",
            )


def is_same_asked(plan: Plan, asked: Mapping[str, Any]) -> bool:
    """Whether a batch was begun as it is asked for now."""
    return all(getattr(plan, name) == asked[name] for name in _ASKED if name in asked)


def check_begin(plan: Plan, begin: str) -> None:
    """Raise StaleFile where a batch was begun with data in memory that begins otherwise."""
    if plan.begin not in ("", begin):
        raise StaleFile(
            f"The batch {plan.batch_id!r} was begun with other rows: the first of them differ, or their columns.",
            hint="nothing of the two is mixed. Write the same rows again, or take another batch_id.",
        )


def check_content(batch_id: str, before: str, now: str) -> None:
    """Raise StaleFile where a batch that is complete was written from other data in memory."""
    if before == now:
        return
    rows, now_rows = (int(told.partition("-")[0]) for told in (before, now))
    differ = f"{rows:,} rows then, {now_rows:,} now" if rows != now_rows else f"{rows:,} rows of other values or order"
    raise StaleFile(
        f"The batch {batch_id!r} was written from other rows: {differ}.",
        hint="take another batch_id to write these; a reader that was read before has no rows left: make it anew.",
    )


def check_reading(batch_id: str, before: str, now: str, done: str) -> None:
    """Raise InvalidArgument where the files of a batch are not read as when it was begun or written."""
    if before != now:
        raise InvalidArgument(
            f"The batch {batch_id!r} was {done} from files read as {before}, not {now}.",
            hint="read them as before, or give another batch_id: its rows are then added to those of this one.",
        )


def check_listing(batch_id: str, before: list | None, now: list | None, done: str) -> None:
    """Raise StaleFile where the files of a batch are not those that it was begun or written from."""
    if before == now:
        return
    old, new = ({one[0]: one for one in listing or ()} for listing in (before, now))
    changed = sorted(url for url in old.keys() | new.keys() if old.get(url) != new.get(url))
    what = f"{changed[0]} and {len(changed) - 1} more" if len(changed) > 1 else (changed or ["its source"])[0]
    raise StaleFile(
        f"The batch {batch_id!r} was {done} from another source: {what} changed, came or went since.",
        hint="nothing of the two is mixed. Give another batch_id to write what is there now.",
    )
