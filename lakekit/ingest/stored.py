"""What a stream has stored in a table: its ranges from first to last, and the records that became no row.

It must not read a stream, nor count what no stored range names: a run that was killed may have left that behind.
"""

from __future__ import annotations

import base64
import json
import os
from typing import TYPE_CHECKING

from lakekit.ingest.chain import read_range
from lakekit.ingest.quarantine import FOLDER
from lakekit.manifest.streams import is_compacted
from lakekit.storage import Storage, Store, open_store

if TYPE_CHECKING:
    import polars as pl

KINDS = ("kinesis-", "kafka-", "memory-")


def list_ranges(table_url: str | os.PathLike, *, storage: Storage | None = None) -> pl.DataFrame:
    """One row for each range that is stored, sorted by path: the checkpoints of every stream into this table.

    Columns: path (of the file, relative to the table), stream, shard, begin and end (positions; begin is NULL for the
    first), records, rows, quarantined, skipped (i64; records is the sum of the others), quarantine (the folder of its
    bad records, "" for none), arrived_at (text, ISO 8601), is_ended (the shard ends there), writer. Ranges whose files
    were compacted and then retired are no longer among them.

    Raises:
        CorruptFile: a file in the folder of a stream was not written by one.
        AccessDenied, CredentialsExpired, WrongRegion, StorageFailed: the store refuses.

    Example:
        >>> import tempfile
        >>> import lakekit as lk
        >>> table = tempfile.mkdtemp()
        >>> _ = lk.ingest.stream(lk.ingest.MemorySource("orders", {"0": [b'{"id": 1}', b"?"]}), table)
        >>> lk.ingest.list_ranges(table).select("shard", "records", "rows", "quarantined").rows()
        [('0', 2, 1, 1)]
    """
    import polars as pl

    store = open_store(table_url, storage)
    there = [one.path for one in store.list_objects() if one.path.startswith(KINDS) and one.path.endswith(".parquet")]
    paths = [path for path in there if not is_compacted(path)]
    found = [{"path": path, **vars(read_range(store, path)[0])} for path in sorted(paths)]
    text, whole = pl.String, pl.Int64
    schema = {"path": text, "stream": text, "shard": text, "begin": text, "end": text, "records": whole, "rows": whole}
    schema |= {"quarantined": whole, "skipped": whole, "quarantine": text, "arrived_at": text}
    return pl.DataFrame(found, schema=schema | {"is_ended": pl.Boolean, "writer": text}, orient="row")


def read_quarantined(table_url: str | os.PathLike, *, storage: Storage | None = None) -> pl.DataFrame:
    """One row for each record of a stream that became no row, sorted by shard and position.

    Columns: shard (its folder in the table), position (sequence number or offset), reason, data (its bytes).

    Raises: as `list_ranges`.

    Example:
        >>> import tempfile
        >>> import lakekit as lk
        >>> table = tempfile.mkdtemp()
        >>> _ = lk.ingest.stream(lk.ingest.MemorySource("orders", {"0": [b'{"id": 1}', b"?"]}), table)
        >>> lk.ingest.read_quarantined(table).rows()
        [('memory-orders/0', '00000000000000000001', 'not JSON: Expecting value at 0', b'?')]
    """
    import polars as pl

    store = open_store(table_url, storage)
    folders = list_ranges(table_url, storage=storage).filter(pl.col("quarantine") != "")["quarantine"].to_list()
    lie = sorted(one.path for one in store.list_objects(FOLDER)) if folders else []
    found: dict[tuple[str, str], list] = {}
    for path in (path for path in lie if path.rpartition("/")[0] in set(folders)):
        for line in _read_lines(store, path):
            shard, _, position = line["file"].rpartition("/")
            data = base64.b64decode(line["base64"]) if "base64" in line else line["text"].encode()
            known = found.setdefault((shard, position), [line["reason"], b""])
            known[1] += data  # the pieces of a long one stand in order
    rows = [(*where, *told) for where, told in sorted(found.items())]
    schema = {"shard": pl.String, "position": pl.String, "reason": pl.String, "data": pl.Binary}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _read_lines(store: Store, path: str) -> list[dict]:
    size_bytes = next(one.size_bytes for one in store.list_objects(path.rpartition("/")[0]) if one.path == path)
    return [json.loads(line) for line in bytes(store.read_range(path, 0, size_bytes)).splitlines()]
