"""Bounds of one type as bounds of another, where the cast between the two keeps the order of values.

It must not be exact where engines may differ: there the bounds are moved apart, so that they hold in each.
"""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import polars as pl
import pyarrow as pa

_EXACT_BITS = {32: 24, 64: 53}  # whole numbers of so many bits are exact in a float of so many bits
_FLOAT_STEPS = 4  # neighbouring floats by which engines may differ when they make one of a decimal or a large number
_ZONE = timedelta(days=1)  # more than any time zone is away from UTC
_FAR = 2**62  # microseconds from 1970 up to which a day more fits into 64 bits
_BEFORE, _AFTER = -1, 1


def keeps_order(from_type: pa.DataType, to_type: pa.DataType) -> bool:
    """Whether values cast from one type to the other are in the same order, perhaps with ones that become equal.

    Example:
        >>> import pyarrow as pa
        >>> keeps_order(pa.int32(), pa.float64()), keeps_order(pa.int32(), pa.string())
        (True, False)
    """
    types = pa.types
    if from_type.equals(to_type):
        return not types.is_nested(from_type)
    if types.is_integer(from_type):
        return types.is_integer(to_type) or types.is_decimal(to_type) or types.is_floating(to_type)
    if types.is_decimal(from_type):
        return types.is_floating(to_type) or (types.is_decimal(to_type) and to_type.scale >= from_type.scale)
    if types.is_floating(from_type):
        return types.is_float64(to_type)
    if types.is_date(from_type) or types.is_timestamp(from_type):
        return types.is_date(to_type) or types.is_timestamp(to_type)
    return types.is_time(from_type) and types.is_time(to_type)


def cast_bounds(
    low: pl.Series, high: pl.Series, from_type: pa.DataType, to_type: pa.DataType
) -> tuple[pl.Series, pl.Series]:
    """Bounds of a column cast to another type, where that keeps its order; None where they do not fit into it.

    Args:
        low: lowest values, None where unknown.
        high: highest values, likewise.
        from_type: what they are.
        to_type: what they shall be; :func:`keeps_order`.
    """
    if from_type.equals(to_type):
        return low, high
    return _cast(low, from_type, to_type, _BEFORE), _cast(high, from_type, to_type, _AFTER)


def _cast(values: pl.Series, from_type: pa.DataType, to_type: pa.DataType, side: int) -> pl.Series:
    types = pa.types
    to_dtype = pl.from_arrow(pa.array([], to_type)).dtype
    if values.dtype == pl.Null:  # nothing is known
        return values.cast(to_dtype)
    if types.is_timestamp(from_type) or types.is_date(from_type):
        return _cast_time(values, from_type, to_type, side)
    cast = values.cast(to_dtype, strict=False)
    if types.is_floating(to_type) and not types.is_floating(from_type):
        return _move_floats(cast, to_type.bit_width, side, is_exact=types.is_integer(from_type))
    return cast


def _move_floats(values: pl.Series, bits: int, side: int, *, is_exact: bool) -> pl.Series:
    """The same, a few steps lower or higher where the value may have been rounded."""
    found = values.to_numpy().astype(np.float32 if bits == 32 else np.float64)
    moved = found
    for _ in range(_FLOAT_STEPS):
        moved = np.nextafter(moved, np.array(side * np.inf, found.dtype))
    if is_exact:
        moved = np.where(np.abs(found) < 2.0 ** _EXACT_BITS[bits], found, moved)
    return pl.Series(moved, nan_to_null=True)


def _cast_time(values: pl.Series, from_type: pa.DataType, to_type: pa.DataType, side: int) -> pl.Series:
    """Dates and timestamps; a day lower or higher where a time zone comes between them that is not known here."""
    to_dtype = pl.from_arrow(pa.array([], to_type)).dtype
    from_zone, to_zone = (getattr(kind, "tz", None) for kind in (from_type, to_type))
    moments = values.dt.replace_time_zone(None) if from_zone else values
    if from_zone != to_zone:
        moments = moments.cast(pl.Datetime("us"), strict=False)
        number = moments.to_physical()
        moments = pl.select(pl.when(number.is_between(-_FAR, _FAR)).then(moments)).to_series() + side * _ZONE
    elif pa.types.is_timestamp(from_type) and from_type.unit == "ns" and getattr(to_type, "unit", "ns") == "us":
        moments = moments.cast(pl.Datetime("us"), strict=False) + side * timedelta(microseconds=1)
    if pa.types.is_timestamp(to_type):
        made = moments.cast(pl.Datetime(to_type.unit), strict=False)
        return made.dt.replace_time_zone(to_zone) if to_zone else made
    return moments.cast(to_dtype, strict=False)
