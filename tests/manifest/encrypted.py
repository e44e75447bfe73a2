"""Encrypted Parquet files, written by pyarrow with keys that only this module has.

It must not decrypt anything.
"""

import base64
import io
from datetime import timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as pe

ROWS = {"a": [1, 2], "b": ["x", "y"]}


class _Keys(pe.KmsClient):
    """A key service that hides keys as text."""

    def __init__(self, config: pe.KmsConnectionConfig):
        super().__init__()

    def wrap_key(self, key_bytes: bytes, master_key_identifier: str) -> bytes:
        return base64.b64encode(key_bytes)

    def unwrap_key(self, wrapped_key: bytes, master_key_identifier: str) -> bytes:
        return base64.b64decode(wrapped_key)


def encrypt(*columns: str, plaintext_footer: bool = False) -> bytes:
    """A file of two rows and the columns a and b, with these columns encrypted; without any, all of it is."""
    keys = {"column_keys": {"column_key": list(columns)}} if columns else {"uniform_encryption": True}
    config = pe.EncryptionConfiguration(
        footer_key="footer_key", plaintext_footer=plaintext_footer, cache_lifetime=timedelta(minutes=5), **keys
    )
    properties = pe.CryptoFactory(_Keys).file_encryption_properties(pe.KmsConnectionConfig(), config)
    sink, table = io.BytesIO(), pa.table(ROWS)
    with pq.ParquetWriter(sink, table.schema, encryption_properties=properties) as writer:
        writer.write_table(table)
    return sink.getvalue()
