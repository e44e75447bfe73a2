"""What tells the rows of one batch from those of another: a hash of all of them, by value and in their order.

It must not depend on how values lie in memory, nor on how a package encodes them: the same rows hash alike later too.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from lakekit.ingest.quarantine import BadRow
from lakekit.manifest.types import describe_type


class Fingerprint:
    """A hash that grows with the rows that are added.

    Rows must come in the same portions to hash alike, as `MemorySource` gives them.

    Example:
        >>> one, other = Fingerprint(), Fingerprint()
        >>> one.add(pa.table({"n": pa.chunked_array([[1], [2, None]])}))
        >>> other.add(pa.table({"n": [0, 1, 2, None]}).slice(1))
        >>> one.tell() == other.tell(), one.tell().partition("-")[0]
        (True, '3')
    """

    def __init__(self) -> None:
        self.rows = 0
        self._hash = hashlib.sha256()

    def add(self, rows: pa.Table, bad: Sequence[BadRow] = ()) -> None:
        """Take in rows, and what came with them and is none."""
        self.rows += rows.num_rows + sum(not row.part for row in bad)
        kinds = [(field.name, describe_type(field.type)) for field in rows.schema]
        self._put_text(json.dumps([rows.num_rows, kinds]))
        for column in rows.columns:
            self._put(column.chunks, column.type)
        self._put_text(json.dumps([row.as_json() for row in bad]))

    def tell(self) -> str:
        """How many rows they are, and their hash."""
        return f"{self.rows}-{self._hash.hexdigest()}"

    def _put_text(self, text: str) -> None:
        content = text.encode()
        self._hash.update(len(content).to_bytes(8, "big") + content)

    def _put(self, chunks: Sequence[pa.Array], kind: pa.DataType) -> None:
        """Which values are NULL, then the others; where one array ends and the next begins does not count."""
        has_nulls = any(chunk.null_count for chunk in chunks)
        self._hash.update(b"\1" if has_nulls else b"\0")
        if has_nulls:
            for chunk in chunks:
                self._hash.update(chunk.is_valid().to_numpy(zero_copy_only=False))
            chunks = [chunk.drop_null() for chunk in chunks]
        chunks = [chunk for chunk in chunks if len(chunk)]
        types = pa.types
        if types.is_struct(kind):
            for number in range(kind.num_fields):
                self._put([chunk.flatten()[number] for chunk in chunks], kind.field(number).type)
        elif types.is_list(kind) or types.is_map(kind):
            self._put_lists(chunks, kind)
        elif types.is_string(kind) or types.is_binary(kind):
            self._put_texts(chunks)
        else:
            for chunk in chunks:
                self._hash.update(_get_bytes(chunk))

    def _put_lists(self, chunks: Sequence[pa.Array], kind: pa.DataType) -> None:
        """Their lengths, then what is in them; of maps the keys, then the items."""
        ends = [chunk.offsets.to_numpy(zero_copy_only=False) for chunk in chunks]
        for one in ends:
            self._hash.update(np.diff(one))
        inner = (
            {"values": kind.value_type} if pa.types.is_list(kind) else {"keys": kind.key_type, "items": kind.item_type}
        )
        for name, inner_kind in inner.items():
            cut = [getattr(chunk, name)[one[0] : one[-1]] for chunk, one in zip(chunks, ends, strict=True)]
            self._put(cut, inner_kind)

    def _put_texts(self, chunks: Sequence[pa.Array]) -> None:
        offsets = [
            np.frombuffer(chunk.buffers()[1], np.int32)[chunk.offset : chunk.offset + len(chunk) + 1]
            for chunk in chunks
        ]
        for ends in offsets:
            self._hash.update(np.diff(ends))
        for chunk, ends in zip(chunks, offsets, strict=True):
            content = chunk.buffers()[2]
            if content is not None:
                self._hash.update(memoryview(content)[ends[0] : ends[-1]])


def _get_bytes(array: pa.Array) -> memoryview | np.ndarray | bytes:
    """The bytes of values that are all there, and of one width."""
    if pa.types.is_boolean(array.type):
        return array.to_numpy(zero_copy_only=False)
    try:
        width = array.type.bit_width // 8
    except ValueError:  # such as NULL, or a type to come
        return repr(array.to_pylist()).encode()
    return memoryview(array.buffers()[1])[array.offset * width : (array.offset + len(array)) * width]
