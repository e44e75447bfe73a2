"""What the log of a Delta table says of its files: which ones a version names, and with which partition values.

It must not read data, nor write.
"""

from lakekit.delta.package import import_deltalake
from lakekit.delta.putting import put_commit, read_commit
from lakekit.delta.reading import LogReader
from lakekit.delta.writing import (
    LOG,
    PUBLISHED,
    decode_commit,
    encode_commit,
    encode_path,
    name_commit,
    write_value,
)

__all__ = [
    "LOG",
    "PUBLISHED",
    "LogReader",
    "decode_commit",
    "encode_commit",
    "encode_path",
    "import_deltalake",
    "name_commit",
    "put_commit",
    "read_commit",
    "write_value",
]
