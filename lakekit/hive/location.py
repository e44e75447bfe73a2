"""Locations and values of a catalog's partitions as lakekit writes addresses and folders.

It must not ask a catalog or a store.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import quote

from lakekit.errors import InvalidArgument
from lakekit.manifest.partitions import HIVE_NULL
from lakekit.storage import parse_address
from lakekit.storage.secret import scrub_secrets


def name_folder(keys: Sequence[str], values: Sequence[str]) -> str:
    """The folder that tells a partition's values, with escapes for what a path reads specially.

    Example:
        >>> name_folder(["dt", "city"], ["2024-01-05", "a/b"])
        'dt=2024-01-05/city=a%2Fb'
    """
    return "/".join(
        f"{quote(key, safe='')}={value if value == HIVE_NULL else quote(value, safe='-_.~ :')}"
        for key, value in zip(keys, values, strict=True)
    )


def parse_location(text: str) -> str:
    """A catalog's location as lakekit writes addresses: without a slash at its end, s3a:// as s3://.

    Raises:
        InvalidArgument: it is not on S3. Whoever may write an entry would else choose which files of this computer, or
            which web server, its readers ask.

    Example:
        >>> parse_location("s3a://lake/events/")
        's3://lake/events'
    """
    address = parse_address(text) if re.match("s3[an]?://", text, re.IGNORECASE) else None
    if address is None:
        what = f"The catalog leads to {scrub_secrets(text)!r}, which is not on S3."
        raise InvalidArgument(what, hint="open it by its address, with lk.open_table, if that is meant.")
    return address.url
