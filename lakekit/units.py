"""Sizes and how they are written: KiB is 2**10 bytes, MiB 2**20, GiB 2**30, TiB 2**40.

It must not know what the numbers are about.
"""

KIB = 2**10
MIB = 2**20
GIB = 2**30
TIB = 2**40


def format_bytes(size_bytes: int) -> str:
    """A size as text with three digits at most, in binary units.

    Example:
        >>> format_bytes(0), format_bytes(1536), format_bytes(268435456)
        ('0 B', '1.5 KiB', '256 MiB')
    """
    size = float(size_bytes)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(size) < 1024:
            return _with_unit(size, unit)
        size /= 1024
    return _with_unit(size, "TiB")


def _with_unit(size: float, unit: str) -> str:
    digits = 0 if unit == "B" or size >= 100 or size == int(size) else 1
    return f"{size:.{digits}f} {unit}"


def format_count(count: int) -> str:
    """A whole number with thousands separated by commas.

    Example:
        >>> format_count(1234567)
        '1,234,567'
    """
    return f"{count:,}"


def format_number_of(count: int, thing: str) -> str:
    """A count with its noun, in the plural where it is due.

    Example:
        >>> format_number_of(1, "file"), format_number_of(31, "file")
        ('1 file', '31 files')
    """
    return f"{format_count(count)} {thing}{'' if count == 1 else 's'}"
