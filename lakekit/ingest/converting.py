"""Columns as the type that a table has for them, value by value: what does not fit is told, and nothing is changed.

It must not decide which type that is, nor what becomes of a row that does not fit.
"""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lakekit.digits import is_held
from lakekit.manifest.cast import cast_array, decode_dictionary
from lakekit.manifest.types import describe_type, normalize_type, unify_types

_REFUSED = (pa.ArrowException, TypeError, ValueError, OverflowError)
_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME = r"[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?"
_ZONE = r"(Z|[+-][0-9]{2}:?[0-9]{2})"
_INTEGER = r"^(0|-?[1-9][0-9]*)$"  # no leading zeros: they would be lost
_NUMBER = r"^-?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$|^(NaN|nan|-?inf|-?Infinity)$"
_LONG = r"^-?[0-9]{16,}(\.[0-9]*)?$"  # digits beyond what a double holds
_PRECISE = r"[0-9][0-9.]{15,}|[eE]-0*[0-9]{3}"  # what may have more digits, or be nearer to zero
_PRECISE_SINGLE = r"[0-9][0-9.]{6,}|[eE]-0*[0-9]{2}"  # likewise of a float of 32 bits
_DECIMAL = r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?$"


def convert_column(column: pa.ChunkedArray, kind: pa.DataType) -> tuple[pa.ChunkedArray, np.ndarray | None]:
    """The values as this type, NULL where one does not fit, and where that is; None for nowhere.

    Text becomes numbers and times as `is_text_of` says; empty text is NULL then. Numbers and times become text.

    Example:
        >>> values, is_bad = convert_column(pa.chunked_array([["7", "07", None]]), pa.int8())
        >>> values.to_pylist(), is_bad.tolist()
        ([7, None, None], [False, True, False])
    """
    if pa.types.is_dictionary(column.type):
        column = pa.chunked_array([decode_dictionary(chunk) for chunk in column.chunks or [pa.array([], column.type)]])
    try:
        if not _is_parsed(column.type, kind):
            chunks = [_cast_whole(chunk, kind) for chunk in column.chunks]
            return pa.chunked_array(chunks, kind), None
    except _REFUSED:
        pass
    converted = [_convert_chunk(chunk, kind) for chunk in column.chunks]
    is_bad = np.concatenate([bad for _, bad in converted]) if converted else np.zeros(0, bool)
    return pa.chunked_array([values for values, _ in converted], kind), is_bad if is_bad.any() else None


def _is_parsed(from_type: pa.DataType, kind: pa.DataType) -> bool:
    texts = pa.types.is_string(from_type) or pa.types.is_large_string(from_type) or pa.types.is_string_view(from_type)
    return texts and not (pa.types.is_string(kind) or pa.types.is_binary(kind))


def _convert_chunk(array: pa.Array, kind: pa.DataType) -> tuple[pa.Array, np.ndarray]:
    if not _is_parsed(array.type, kind):
        return _cast_fitting(array, kind)
    array = array.cast(pa.string())
    is_empty = pc.equal(array, "")
    is_text = pc.or_(is_text_of(array, kind), is_empty)
    values = pc.if_else(pc.and_(is_text, pc.invert(is_empty)), array, pa.scalar(None, pa.string()))
    parsed, is_bad = _cast_fitting(values, kind)
    if pa.types.is_floating(kind):  # digits that became infinity
        is_bad |= (
            pc.and_(pc.is_inf(parsed), pc.match_substring_regex(values, "[0-9]"))
            .fill_null(False)
            .to_numpy(zero_copy_only=False)
        )
        parsed = pc.if_else(pa.array(is_bad), pa.scalar(None, kind), parsed)
    return parsed, is_bad | ~is_text.fill_null(True).to_numpy(zero_copy_only=False)


def _cast_whole(array: pa.Array, kind: pa.DataType) -> pa.Array:
    if not _means_the_same(array.type, kind):
        raise pa.ArrowNotImplementedError(f"{array.type} is not {kind}")
    if pa.types.is_string(kind) and pa.types.is_binary(array.type):
        array.cast(pa.string()).validate(full=True)
    if pa.types.is_decimal(array.type):
        array.validate(full=True)  # DuckDB calls a HUGEINT a decimal of 38 digits, also where it has 39
    return cast_array(array, kind)


def _means_the_same(from_type: pa.DataType, kind: pa.DataType) -> bool:
    """Whether values of the one may be values of the other; numbers are no times, and truth values no numbers."""
    before = normalize_type(from_type)
    if before.equals(kind) or pa.types.is_null(before) or pa.types.is_duration(kind):
        return pa.types.is_duration(from_type) or not pa.types.is_duration(kind)
    if _is_number(before) and _is_number(kind):
        return True
    if pa.types.is_string(before) or pa.types.is_string(kind):
        return not pa.types.is_nested(before)
    unified = unify_types(kind, before)  # in this order: fields of structs are found by name, and stand as in the type
    return unified is not None and kind.equals(unified)


def _is_number(kind: pa.DataType) -> bool:
    return pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)


def _cast_fitting(array: pa.Array, kind: pa.DataType) -> tuple[pa.Array, np.ndarray]:
    """By halves, until those values stand alone that do not fit."""
    try:
        return _cast_whole(array, kind), np.zeros(len(array), bool)
    except pa.ArrowNotImplementedError:
        return pa.nulls(len(array), kind), array.is_valid().to_numpy(zero_copy_only=False)
    except _REFUSED:
        if len(array) == 1:
            return pa.nulls(1, kind), np.ones(1, bool)
        half = len(array) // 2
        parts = [_cast_fitting(array.slice(0, half), kind), _cast_fitting(array.slice(half), kind)]
        return pa.concat_arrays([values for values, _ in parts]), np.concatenate([bad for _, bad in parts])


def is_text_of(array: pa.Array, kind: pa.DataType) -> pa.Array:
    """Whether each text is one of a value of this type that comes back as it was written; NULL for NULL.

    Whole numbers have no leading zeros nor plus, and none of more than 15 digits is a double; other numbers are
    doubles, or floats of 32 bits, as `is_held` says; times are ISO 8601.

    Example:
        >>> is_text_of(pa.array(["1", "01", "1.5"]), pa.int64()).to_pylist()
        [True, False, False]
        >>> is_text_of(pa.array(["0.1", "0.12345678901234567890"]), pa.float64()).to_pylist()
        [True, False]
    """
    types = pa.types
    if types.is_integer(kind):
        return pc.match_substring_regex(array, _INTEGER)
    if types.is_floating(kind):
        is_long = pc.match_substring_regex(array, _LONG)
        return _drop_unheld(array, pc.and_not(pc.match_substring_regex(array, _NUMBER), is_long), kind)
    if types.is_decimal(kind):
        return pc.match_substring_regex(array, _DECIMAL)
    if types.is_boolean(kind):
        return pc.match_substring_regex(array, "^(true|false|True|False|TRUE|FALSE)$")
    if types.is_date(kind):
        return pc.match_substring_regex(array, f"^{_DATE}$")
    if types.is_timestamp(kind):
        zone = _ZONE if kind.tz else ""
        whole = f"^{_DATE}[ T]{_TIME}{zone}$"
        return pc.match_substring_regex(array, whole if kind.tz else f"{whole}|^{_DATE}$")
    return pa.array([None if text is None else False for text in array.to_pylist()], pa.bool_())


def _drop_unheld(array: pa.Array, is_number: pa.Array, kind: pa.DataType) -> pa.Array:
    """False also where a float of this type would change the number; only those of many digits are looked at."""
    is_double = pa.types.is_float64(kind)
    many = pc.match_substring_regex(array, _PRECISE if is_double else _PRECISE_SINGLE)
    is_doubtful = pc.and_(is_number, many).fill_null(False)
    if not pc.any(is_doubtful).as_py():
        return is_number
    make = float if is_double else kind.to_pandas_dtype()
    with np.errstate(over="ignore"):
        held = pa.array([is_held(text, make) for text in array.filter(is_doubtful).to_pylist()])
    return pc.replace_with_mask(is_number, is_doubtful, held)


def describe_misfit(value: object, name: str, kind: pa.DataType) -> str:
    """Why a row goes to the quarantine, in one sentence."""
    shown = re.sub(r"\s+", " ", repr(value))
    shown = shown if len(shown) <= 60 else f"{shown[:57]}…"
    return f"the column {name!r} is {describe_type(kind)}, and {shown} is not"
