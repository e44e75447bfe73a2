"""How paths, partition values, commits and their numbers are written in a log, and commits read.

It must not write one.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import quote

from lakekit.errors import CorruptFile, InvalidArgument

LOG = "_delta_log"
PUBLISHED = "lakekit.published"  # in the configuration of tables whose log lakekit keeps, and among tags of files


def name_commit(number: int) -> str:
    """The path of a commit, relative to its table.

    Example:
        >>> name_commit(7)
        '_delta_log/00000000000000000007.json'
    """
    return f"{LOG}/{number:020}.json"


def encode_commit(actions: Sequence[Mapping[str, Any]]) -> bytes:
    """A commit's content: one action in each line.

    Example:
        >>> encode_commit([{"remove": {"path": "a"}}])
        b'{"remove": {"path": "a"}}'
    """
    return "\n".join(json.dumps(action) for action in actions).encode()


def decode_commit(content: bytes, path: str) -> list[dict[str, Any]]:
    """The actions of a commit, in their order.

    Args:
        content: of the commit.
        path: where it is, for messages.

    Raises:
        CorruptFile: it is no JSON.
    """
    try:
        return [json.loads(line) for line in content.splitlines() if line.strip()]
    except ValueError as exc:
        raise CorruptFile(f"{path} is no commit of a Delta log: {exc}.", hint="mend the log first.") from exc


def encode_path(path: str) -> str:
    """A path as a log has it: percent-encoded, by the Delta protocol, "Add File and Remove File".

    Example:
        >>> encode_path("k=a b%2Fc/x.parquet")
        'k=a%20b%252Fc/x.parquet'
    """
    return quote(path, safe="/=-_.~!$&'()*+,;:@")


def write_value(value: Any) -> str | None:
    """A partition value as text, by the Delta protocol, "Partition Value Serialization".

    Example:
        >>> write_value(date(2024, 1, 5)), write_value(True), write_value(None)
        ('2024-01-05', 'true', None)
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        moment = value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
        return f"{moment:%Y-%m-%d %H:%M:%S.%f}"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes):
        raise InvalidArgument(
            f"The partition value {base64.b64encode(value)!r} is bytes, which lakekit does not write."
        )
    return str(value)
