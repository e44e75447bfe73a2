"""Polars expressions as predicates that files are pruned by.

It must not guess: what it does not understand for certain may be anything.

Polars hands a view its filter with types already agreed: where it casts a column before it compares it, there is a
Cast.
"""

from __future__ import annotations

import io
import json
from typing import Any

import polars as pl
import pyarrow as pa

from lakekit.manifest.cast import cast_array
from lakekit.manifest.ordering import keeps_order
from lakekit.manifest.predicates import (
    ALWAYS,
    FLIPPED,
    NEVER,
    NOT_TRUE,
    NULL,
    UNKNOWN,
    And,
    Comparison,
    In,
    IsNull,
    IsTrue,
    Not,
    Or,
    Predicate,
    StartsWith,
    join_any,
)
from lakekit.manifest.types import MAX_DECIMAL_PRECISION, normalize_type

_COMPARISONS = {"Eq": "=", "NotEq": "<>", "Lt": "<", "LtEq": "<=", "Gt": ">", "GtEq": ">="}
_BETWEEN = {"Both": (">=", "<="), "Left": (">=", "<"), "Right": (">", "<="), "None": (">", "<")}
_UNITS = {"Microseconds": "us", "Nanoseconds": "ns", "Milliseconds": "ms"}
_TYPES = {
    "Int8": pa.int8(),
    "Int16": pa.int16(),
    "Int32": pa.int32(),
    "Int64": pa.int64(),
    "UInt8": pa.uint8(),
    "UInt16": pa.uint16(),
    "UInt32": pa.uint32(),
    "UInt64": pa.uint64(),
    "Float32": pa.float32(),
    "Float64": pa.float64(),
    "Date": pa.date32(),
}
_SAFE_CASTS = ("Strict", "NonStrict", "Overflowing")  # NULL, an error or another value only where it does not fit


def read_polars_expression(expression: pl.Expr, schema: pa.Schema) -> Predicate:
    """What an expression says of the rows of a table.

    Args:
        expression: a filter as Polars hands it to a view.
        schema: the table's columns.

    Example:
        >>> import polars as pl, pyarrow as pa
        >>> frame = pl.LazyFrame(schema={"n": pl.Int32})
        >>> read_polars_expression(pl.col("n") > pl.lit(5, pl.Int32), pa.schema([("n", pa.int32())]))
        n > 5
    """
    try:
        tree = json.loads(expression.meta.serialize(format="json"))
        return _Reader(schema).read(tree)
    except (pl.exceptions.PolarsError, RecursionError):
        return UNKNOWN


class _Reader:
    """Reads the parts of serialized expressions.

    Args:
        schema: the columns that names mean.
    """

    def __init__(self, schema: pa.Schema):
        self._types = {field.name: field.type for field in schema}

    def read(self, tree: Any) -> Predicate:
        """A boolean expression."""
        if not isinstance(tree, dict) or len(tree) != 1:
            return UNKNOWN
        ((kind, content),) = tree.items()
        if kind == "BinaryExpr":
            return self._read_pair(content["left"], content["op"], content["right"])
        if kind == "Function":
            return self._read_function(content["function"], content["input"])
        if kind == "Ternary":
            condition = IsTrue(self.read(content["predicate"]))
            truthy, falsy = self.read(content["truthy"]), self.read(content["falsy"])
            return Or((And((condition, truthy)), And((Not(condition), falsy))))
        if kind == "Literal":
            return _read_flag(tree)
        if kind == "Column" and pa.types.is_boolean(self._types.get(content, pa.null())):
            return Comparison(content, "=", pa.scalar(True))
        return UNKNOWN

    def _read_pair(self, left: Any, operator: str, right: Any) -> Predicate:
        if operator in ("And", "LogicalAnd", "Or", "LogicalOr"):
            parts = [self.read(part) for part in _list_parts(left, operator, right)]
            return And(tuple(parts)) if "And" in operator else join_any(parts)
        if operator in ("EqValidity", "NotEqValidity"):
            is_same = self._read_sameness(left, right)
            return is_same if operator == "EqValidity" else Not(is_same)
        return self._compare(left, _COMPARISONS[operator], right) if operator in _COMPARISONS else UNKNOWN

    def _compare(self, left: Any, operator: str, right: Any) -> Predicate:
        operand, other = self._find_operand(left), right
        if operand is None:
            operand, other, operator = self._find_operand(right), left, FLIPPED[operator]
        values = None if operand is None else _agree(_read_values(other), operand[1])
        if values is None or len(values) != 1:
            return UNKNOWN
        return Comparison(operand[0], operator, values[0]) if values[0].is_valid else NULL

    def _read_sameness(self, left: Any, right: Any) -> Predicate:
        same = self._compare(left, "=", right)
        return IsTrue(same) if isinstance(same, Comparison) else UNKNOWN

    def _read_function(self, function: Any, inputs: list[Any]) -> Predicate:
        if function == "FillNull" and len(inputs) == 2:
            return self._read_filled(*inputs)
        if not isinstance(function, dict):
            return UNKNOWN
        if function.get("StringExpr") == "StartsWith":
            return self._read_prefix(*inputs)
        flag = function.get("Boolean")
        if flag == "Not":
            return Not(self.read(inputs[0]))
        if flag in ("IsNull", "IsNotNull"):
            name = inputs[0].get("Column")
            if name not in self._types:
                return UNKNOWN
            return IsNull(name) if flag == "IsNull" else Not(IsNull(name))
        if flag in ("IsNan", "IsNotNan"):
            return self._read_is_nan(inputs[0], is_negated=flag == "IsNotNan")
        if isinstance(flag, dict) and "IsBetween" in flag:
            lower, upper = _BETWEEN[flag["IsBetween"]["closed"]]
            value, low, high = inputs
            return And((self._compare(value, lower, low), self._compare(value, upper, high)))
        if isinstance(flag, dict) and "IsIn" in flag:
            return self._read_in(*inputs, nulls_equal=flag["IsIn"]["nulls_equal"])
        if flag in ("AllHorizontal", "AnyHorizontal"):
            parts = tuple(self.read(part) for part in inputs)
            return And(parts) if flag == "AllHorizontal" else Or(parts)
        return UNKNOWN

    def _read_filled(self, part: Any, filling: Any) -> Predicate:
        read, value = self.read(part), _read_flag(filling)
        if value is NEVER:
            return IsTrue(read)
        return Not(IsTrue(Not(read))) if value is ALWAYS else UNKNOWN

    def _read_prefix(self, value: Any, prefix: Any) -> Predicate:
        name, values = value.get("Column"), _read_values(prefix)
        if values is None or len(values) != 1 or not pa.types.is_string(values.type):
            return UNKNOWN
        is_text = pa.types.is_string(self._types.get(name, pa.null()))
        return StartsWith(name, values[0].as_py()) if is_text and values[0].is_valid else UNKNOWN

    def _read_is_nan(self, value: Any, *, is_negated: bool) -> Predicate:
        name = value.get("Column")
        kind = self._types.get(name, pa.null())
        if not pa.types.is_floating(kind):
            return UNKNOWN
        return Comparison(name, "<>" if is_negated else "=", pa.scalar(float("nan"), kind))

    def _read_in(self, value: Any, listed: Any, *, nulls_equal: bool) -> Predicate:
        operand, values = self._find_operand(value), _read_values(listed)
        if values is not None and pa.types.is_list(values.type) and len(values) == 1 and values[0].is_valid:
            values = values[0].values
        values = None if operand is None else _agree(values, operand[1])
        if values is None:
            return UNKNOWN
        found = In(operand[0], values.drop_null())
        if not nulls_equal:  # NULL where the column is, and perhaps where nothing is found in a list with NULL
            return Or((found, NOT_TRUE)) if values.null_count else found
        return Or((IsTrue(found), IsNull(operand[0]))) if values.null_count else IsTrue(found)

    def _find_operand(self, tree: Any) -> tuple[str, pa.DataType] | None:
        """A column, and the type as which it is compared."""
        if not isinstance(tree, dict):
            return None
        if tree.get("Column") in self._types:
            return tree["Column"], self._types[tree["Column"]]
        cast = tree.get("Cast")
        if cast is not None:
            name, kind = cast["expr"].get("Column"), _read_type(cast["dtype"])
            is_kept = name in self._types and kind is not None and cast["options"] in _SAFE_CASTS
            return (name, kind) if is_kept and keeps_order(self._types[name], kind) else None
        function = tree.get("Function")
        if function is not None and function["function"] == {"TemporalExpr": "Date"}:
            name = function["input"][0].get("Column")
            is_time = pa.types.is_timestamp(self._types.get(name, pa.null()))
            return (name, pa.date32()) if is_time else None
        return None


def _list_parts(left: Any, operator: str, right: Any) -> list[Any]:
    """The parts of ``((a and b) and c)``, however many there are."""
    parts = [right]
    while isinstance(left, dict) and left.get("BinaryExpr", {}).get("op") == operator:
        parts.append(left["BinaryExpr"]["right"])
        left = left["BinaryExpr"]["left"]
    return [left, *reversed(parts)]


def _agree(values: pa.Array | None, kind: pa.DataType) -> pa.Array | None:
    """Values as a column of this type is compared with them; None where that is not sure."""
    if values is None or values.type.equals(kind):
        return values
    if pa.types.is_decimal(kind) and pa.types.is_decimal(values.type):  # their scales may differ
        if values.type.scale >= kind.scale:
            return values
        try:
            return values.cast(pa.decimal128(MAX_DECIMAL_PRECISION, kind.scale))
        except pa.ArrowInvalid:
            return None
    return values if pa.types.is_time(kind) and pa.types.is_time(values.type) else None  # Polars' have nanoseconds


def _read_type(dtype: Any) -> pa.DataType | None:
    """The Arrow type of a type in a Cast."""
    found = dtype.get("Literal") if isinstance(dtype, dict) else None
    if isinstance(found, str):
        return _TYPES.get(found)
    if isinstance(found, dict) and "Decimal" in found:
        return pa.decimal128(*found["Decimal"])
    if isinstance(found, dict) and "Datetime" in found:
        unit, zone = found["Datetime"]
        return pa.timestamp(_UNITS[unit], "UTC" if zone else None) if _UNITS[unit] != "ms" else None
    return None


def _read_flag(tree: Any) -> Predicate:
    """A boolean literal."""
    value = tree["Literal"].get("Scalar") if isinstance(tree, dict) and "Literal" in tree else None
    return {"True": ALWAYS, "False": NEVER}.get(str(value.get("Boolean")), NULL) if _is_flag(value) else UNKNOWN


def _is_flag(value: Any) -> bool:
    return isinstance(value, dict) and ("Boolean" in value or value.get("Null") in ("Boolean", "Null"))


def _read_values(tree: Any) -> pa.Array | None:
    """What a literal holds, of a normalized type; None for what is none, or is not told for certain."""
    while isinstance(tree, dict) and "Alias" in tree:
        tree = tree["Alias"][0]
    literal = tree.get("Literal") if isinstance(tree, dict) else None
    scalar = literal.get("Scalar") if isinstance(literal, dict) else None
    if scalar is None or None in [
        scalar.get("Float32", 0),
        scalar.get("Float64", 0),
    ]:  # NaN and the infinities are null
        return None
    try:
        found = pl.select(pl.Expr.deserialize(io.BytesIO(json.dumps(tree).encode()), format="json")).to_series()
        array = found.to_arrow()
        return cast_array(array, normalize_type(array.type))
    except (pl.exceptions.PolarsError, pa.ArrowException, ValueError):
        return None
