"""What gzip packed, unpacked whole in memory, and no more of it than fits there.

It must not guess at what is damaged.
"""

import zlib

from lakekit.units import MIB, format_bytes

MOST_BYTES = 256 * MIB  # that any content may have unpacked
MOST_TIMES = 100  # its packed size: a long one may have so many; texts of logs and lists have 10 to 30


def unpack_gzip(content: bytes | memoryview) -> bytes:
    """The content of all members, one after the other (RFC 1952).

    Raises:
        ValueError: it would take too much memory.
        EOFError: it ends early.
        zlib.error: it is no gzip, or damaged.

    Example:
        >>> import gzip
        >>> unpack_gzip(gzip.compress(b"one, ") + gzip.compress(b"two"))
        b'one, two'
    """
    parts, most_bytes = [], find_most(content)
    left_bytes = most_bytes
    while content:
        unpacker = zlib.decompressobj(wbits=31)
        parts.append(unpacker.decompress(content, left_bytes + 1))
        left_bytes -= len(parts[-1])
        if left_bytes < 0:
            raise ValueError(f"it holds more than {format_bytes(most_bytes)} when unpacked")
        if not unpacker.eof:
            raise EOFError("it ends early")
        content = unpacker.unused_data.lstrip(b"\0")  # padding of tapes
    return b"".join(parts)


def find_most(content: bytes | memoryview) -> int:
    """How many bytes a packed content may have when it is unpacked."""
    return max(MOST_BYTES, MOST_TIMES * len(content))
