"""The exact size of each row of a frame as an item, for a million rows in about a second.

It must agree with `items` on every row; it must not read files, nor decide which columns become attributes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lakekit.columns import exact_name
from lakekit.dynamodb import limits
from lakekit.dynamodb.items import CONTAINER_BYTES, ELEMENT_BYTES, measure_item
from lakekit.errors import InvalidArgument

if TYPE_CHECKING:
    import polars as pl

REFUSED = -(2**40)  # in place of a size, for a value that DynamoDB refuses; no sum of sizes makes up for it


def measure_frame(frame: Any, *, times: str = "text", nulls: str = "absent") -> pl.Series:
    """The size of each row in bytes, if every column were an attribute and every row an item.

    Args:
        frame: of Polars (also lazy), pandas, an Arrow table or reader, or a DuckDB relation.
        times: how dates and timestamps are stored: as ISO 8601 "text", or as a "number" of seconds since 1970.
        nulls: what NULL becomes: an attribute that is "absent", or one of type "NULL". In lists it is always NULL.

    Returns:
        One Int64 for each row, named "size_bytes", in the order of the rows.

    Raises:
        InvalidArgument: a column of a type DynamoDB has none for, or a value it refuses; names the column.

    Example:
        >>> import polars as pl
        >>> measure_frame(pl.DataFrame({"id": [7, 101], "city": ["Zürich", None]})).to_list()
        [15, 5]
    """
    import polars as pl

    frame = read_frame(frame)
    for name, value, choices in (("times", times, ("text", "number")), ("nulls", nulls, ("absent", "NULL"))):
        if value not in choices:
            raise InvalidArgument(f"{name}={value!r} was given.", hint=f"{' or '.join(map(repr, choices))}.")
    if not frame.width:
        return pl.Series("size_bytes", [0] * frame.height, dtype=pl.Int64)
    attributes = [
        _get_attribute_bytes(name, pl.col(exact_name(name)), dtype, (times, nulls)).alias(name)
        for name, dtype in frame.schema.items()
    ]
    sizes = frame.lazy().select(attributes).collect()  # lazy, so that what expressions share is computed once
    for name in sizes.columns:
        if (sizes[name].min() or 0) < 0:
            _refuse(frame, sizes, name)
    return sizes.sum_horizontal().cast(pl.Int64).alias("size_bytes")


def read_frame(frame: Any) -> pl.DataFrame:
    """Any table as a frame of Polars.

    Raises:
        InvalidArgument: it is no table.
    """
    import polars as pl

    if isinstance(frame, pl.DataFrame):
        return frame
    if isinstance(frame, pl.LazyFrame):
        return frame.collect()
    if hasattr(frame, "pl"):  # DuckDB
        return frame.pl()
    if hasattr(frame, "__arrow_c_stream__") or hasattr(frame, "__dataframe__"):
        return pl.DataFrame(frame)
    raise InvalidArgument(
        f"A {type(frame).__name__} is no table.", hint="Polars, pandas, Arrow or DuckDB; for dicts: measure_items."
    )


def is_table(items: Any) -> bool:
    """Whether it is something that `read_frame` reads, rather than a list of items."""
    return any(hasattr(items, name) for name in ("__arrow_c_stream__", "__dataframe__", "pl", "collect_schema"))


def as_item(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as an item: NULL is an absent attribute, times are ISO 8601 text.

    Example:
        >>> from datetime import date
        >>> as_item({"id": 1, "day": date(2026, 11, 2), "note": None})
        {'id': 1, 'day': '2026-11-02'}
    """
    return {
        name: value.isoformat() if hasattr(value, "isoformat") else value
        for name, value in row.items()
        if value is not None
    }


def _refuse(frame: pl.DataFrame, sizes: pl.DataFrame, name: str) -> None:
    """Raises what `items` says of the first value of a column that is refused."""
    row = int((sizes[name] < 0).arg_max())
    measure_item({name: frame[name][row : row + 1].to_list()[0]}, form="python")
    raise InvalidArgument(f"The attribute {name!r} holds a value DynamoDB refuses, row {row}.", hint="see its limits.")


def _get_attribute_bytes(name: str, value: pl.Expr, dtype: pl.DataType, choices: tuple[str, str]) -> pl.Expr:
    """Bytes of name and value; of an attribute that is absent, none."""
    import polars as pl

    name_bytes = len(name.encode())
    of_null = 0 if choices[1] == "absent" else name_bytes + 1
    if dtype == pl.Null:
        return value.is_null().cast(pl.Int64) * of_null
    filled = name_bytes + _get_value_bytes(value, dtype, name, choices)
    return pl.when(value.is_null()).then(pl.lit(of_null, pl.Int64)).otherwise(filled)


def _get_value_bytes(value: pl.Expr, dtype: pl.DataType, path: str, choices: tuple[str, str]) -> pl.Expr:
    """Bytes of a value that is not NULL."""
    import polars as pl

    if dtype.base_type() in (pl.Categorical, pl.Enum):
        value, dtype = value.cast(pl.String), pl.String()
    if dtype == pl.String:
        return value.str.len_bytes().cast(pl.Int64)
    if dtype == pl.Binary:
        return value.bin.size().cast(pl.Int64)
    if dtype == pl.Boolean:
        return pl.lit(1, pl.Int64)
    if dtype.is_integer() and dtype not in (pl.Int128, getattr(pl, "UInt128", None)):
        return _get_integer_bytes(value)
    if dtype.is_numeric():
        return _get_decimal_bytes(value.cast(pl.String))
    if dtype in (pl.Date, pl.Datetime):
        return _get_time_bytes(value, dtype, as_text=choices[0] == "text")
    if dtype.base_type() in (pl.List, pl.Array):
        return _get_list_bytes(value, dtype, path, choices)
    if dtype == pl.Struct:
        numbers = [str(number) for number in range(len(dtype.fields))]  # by name, Polars might take one for a pattern
        parts = [value.struct.rename_fields(numbers).struct.field(number) for number in numbers]
        fields = [
            ELEMENT_BYTES * (choices[1] == "NULL" or part.is_not_null())
            + _get_attribute_bytes(field.name, part, field.dtype, choices)
            for field, part in zip(dtype.fields, parts, strict=True)
        ]
        return sum(fields, start=pl.lit(CONTAINER_BYTES, pl.Int64))
    raise InvalidArgument(
        f"The column {path!r} is of type {dtype}, which DynamoDB has no type for.",
        hint="cast it to text or a number first.",
    )


def _get_list_bytes(value: pl.Expr, dtype: pl.DataType, path: str, choices: tuple[str, str]) -> pl.Expr:
    import polars as pl

    if dtype.base_type() is pl.Array:
        value = value.arr.to_list()
    element = pl.element()
    if dtype.inner == pl.Null:
        size = element.is_null().cast(pl.Int64)
    else:
        size = pl.when(element.is_null()).then(pl.lit(1, pl.Int64))
        size = size.otherwise(_get_value_bytes(element, dtype.inner, path, choices))
    return CONTAINER_BYTES + ELEMENT_BYTES * value.list.len().cast(pl.Int64) + value.list.eval(size).list.sum()


def _get_time_bytes(value: pl.Expr, dtype: pl.DataType, *, as_text: bool) -> pl.Expr:
    """Text as Python's isoformat writes it: six digits of a fraction where there is one, an offset with a zone."""
    import polars as pl

    if not as_text:
        seconds = value.cast(pl.Datetime("us")).dt.epoch("us")
        whole = _get_integer_bytes(seconds // 1_000_000)
        fraction = (seconds.cast(pl.Int128) * 1).cast(pl.String)
        return pl.when(seconds % 1_000_000 == 0).then(whole).otherwise(_get_decimal_bytes(fraction + "e-6"))
    if dtype == pl.Date:
        return value.dt.to_string("%Y-%m-%d").str.len_bytes().cast(pl.Int64)
    text = value.dt.to_string("%Y-%m-%dT%H:%M:%S").str.len_bytes().cast(pl.Int64)
    zone = 6 if dtype.time_zone else 0
    return text + 7 * (value.dt.nanosecond() // 1000 != 0).cast(pl.Int64) + zone


def _get_integer_bytes(value: pl.Expr) -> pl.Expr:
    """Pairs of digits down to the last pair that is not 00; no text is made, for this is what most columns are."""
    import polars as pl

    size = value.cast(pl.Int128).abs().cast(pl.UInt64)
    pairs = pl.lit(1, pl.Int64)
    for power in range(1, 10):
        step = pl.lit(100**power, pl.UInt64)
        pairs = pairs + (size >= step).cast(pl.Int64) - (size % step == 0).cast(pl.Int64)
    return pl.when(size == 0).then(pl.lit(1, pl.Int64)).otherwise(1 + pairs + (value < 0).cast(pl.Int64))


def _get_decimal_bytes(text: pl.Expr) -> pl.Expr:
    """The same for numbers written as text, with a point or an exponent; REFUSED for NaN and what is out of range."""
    import polars as pl

    at = text.str.find("e", literal=True)  # in bytes, as all of it is ASCII
    mantissa = text.str.slice(0, pl.coalesce(at, pl.lit(400, pl.UInt32))).str.strip_prefix("-")
    power = text.str.slice(at + 1).str.strip_prefix("+").cast(pl.Int64, strict=False).fill_null(0)
    point = mantissa.str.find(".", literal=True)
    decimals = (mantissa.str.len_bytes() - 1 - point).cast(pl.Int64).fill_null(0)
    digits = mantissa.str.replace(".", "", literal=True).str.strip_chars_start("0")
    significant = digits.str.strip_chars_end("0")
    count = significant.str.len_bytes().cast(pl.Int64)
    last = power - decimals + digits.str.len_bytes().cast(pl.Int64) - count
    first = last + count - 1
    pairs = (first // 2) - (last // 2) + 1
    size = pl.min_horizontal(
        1 + pairs + text.str.starts_with("-").cast(pl.Int64), pl.lit(limits.NUMBER_BYTES, pl.Int64)
    )
    is_refused = (count > limits.NUMBER_DIGITS) | ~first.is_between(*limits.NUMBER_EXPONENTS)
    checked = pl.when(is_refused).then(pl.lit(REFUSED, pl.Int64)).otherwise(size)
    is_number = mantissa.str.slice(0, 1).is_in(list("0123456789."))  # not NaN, not inf
    return pl.when(~is_number).then(pl.lit(REFUSED, pl.Int64)).when(count == 0).then(1).otherwise(checked)
