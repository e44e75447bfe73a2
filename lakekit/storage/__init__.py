"""Where bytes are: one address and one set of options become the client that every part needs.

It must not know what the bytes mean: Parquet, tables and engines are for those who import this. Importing it loads no
client of S3; each is loaded when it is first used.
"""

from lakekit.storage.address import Address, parse_address
from lakekit.storage.embedded import embedded_aws
from lakekit.storage.faults import translate_error
from lakekit.storage.listed import list_by_inventory
from lakekit.storage.options import Storage, resolve_storage
from lakekit.storage.requests import RequestLog
from lakekit.storage.sandbox import LoggedRequest, Sandbox, embedded_s3
from lakekit.storage.store import RangeRequest, Store, StoredObject, open_store
from lakekit.storage.writer import Encryption, Writer, open_writer

__all__ = [
    "Address",
    "Encryption",
    "LoggedRequest",
    "RangeRequest",
    "RequestLog",
    "Sandbox",
    "Storage",
    "Store",
    "StoredObject",
    "Writer",
    "embedded_aws",
    "embedded_s3",
    "list_by_inventory",
    "open_store",
    "open_writer",
    "parse_address",
    "resolve_storage",
    "translate_error",
]
