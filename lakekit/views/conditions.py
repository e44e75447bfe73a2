"""Conditions in DuckDB's plans as predicates that files are pruned by.

It must not guess: what it does not understand for certain may be anything.

DuckDB shows conditions as SQL that it has already typed, so that a value beside a column is of the column's type, and
wherever the two differ a CAST is shown.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

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
    join_all,
    join_any,
)
from lakekit.views.plantext import parse_conditions

_NO_VALUE = object()
_BYTES = re.compile(r"\\x([0-9A-F]{2})|(.)", re.DOTALL)  # how DuckDB writes a BLOB
_COMPARISONS = {
    "COMPARE_EQUAL": "=",
    "COMPARE_NOTEQUAL": "<>",
    "COMPARE_LESSTHAN": "<",
    "COMPARE_LESSTHANOREQUALTO": "<=",
    "COMPARE_GREATERTHAN": ">",
    "COMPARE_GREATERTHANOREQUALTO": ">=",
}
_TYPES = {
    "BOOLEAN": pa.bool_(),
    "TINYINT": pa.int8(),
    "SMALLINT": pa.int16(),
    "INTEGER": pa.int32(),
    "BIGINT": pa.int64(),
    "HUGEINT": pa.decimal128(38, 0),
    "UTINYINT": pa.uint8(),
    "USMALLINT": pa.uint16(),
    "UINTEGER": pa.uint32(),
    "UBIGINT": pa.uint64(),
    "FLOAT": pa.float32(),
    "DOUBLE": pa.float64(),
    "BLOB": pa.binary(),
    "DATE": pa.date32(),
    "TIME": pa.time64("us"),
    "TIME_NS": pa.time64("ns"),
    "TIMESTAMP": pa.timestamp("us"),
    "TIMESTAMP_NS": pa.timestamp("ns"),
    "TIMESTAMP WITH TIME ZONE": pa.timestamp("us", "UTC"),
    "TIMESTAMPTZ_NS": pa.timestamp("ns", "UTC"),
}


def read_duckdb_conditions(
    texts: Sequence[str], schema: pa.Schema, names: Mapping[str, str] | None = None
) -> Predicate:
    """What conditions of one place in a plan of DuckDB's say together, of the rows of a table.

    The names in them must be those of the table's columns, with the table's types; names that the table does not have
    may be anything. In "Filters" of a scan they are; in an "Expression" they are what the query called columns last.

    Args:
        texts: "Filters", "File Filters" and the "Expression" of FILTER nodes, all of them; a row must meet each.
        schema: the table's columns.
        names: by name in the texts, the column that it means, where that is another.

    Example:
        >>> import pyarrow as pa
        >>> read_duckdb_conditions(["(n > 5)"], pa.schema([("n", pa.int32())]))
        n > 5
    """
    trees = parse_conditions(texts, schema, names or {})
    if trees is None:
        return UNKNOWN
    reader = _Reader(schema)
    try:
        return join_all([UNKNOWN if tree is None else reader.read(tree) for tree in trees])
    except RecursionError:  # far too deep
        return UNKNOWN


class _Reader:
    """Reads expressions of DuckDB's parser.

    Args:
        schema: the columns that names mean.
    """

    def __init__(self, schema: pa.Schema):
        self._fields = {field.name.casefold(): field for field in schema}

    def read(self, tree: Any) -> Predicate:
        """A boolean expression."""
        kind = tree["type"]
        if kind in ("CONJUNCTION_AND", "CONJUNCTION_OR"):
            parts = tuple(self.read(child) for child in tree["children"])
            return And(parts) if kind == "CONJUNCTION_AND" else join_any(parts)
        if kind == "OPERATOR_NOT":
            return Not(self.read(tree["children"][0]))
        if kind in ("OPERATOR_IS_NULL", "OPERATOR_IS_NOT_NULL"):
            return self._read_is_null(tree)
        if kind in ("COMPARE_IN", "COMPARE_NOT_IN"):
            return self._read_in(tree)
        if kind in ("COMPARE_BETWEEN", "COMPARE_NOT_BETWEEN"):
            value = tree["input"]
            between = And((self._compare(value, ">=", tree["lower"]), self._compare(value, "<=", tree["upper"])))
            return between if kind == "COMPARE_BETWEEN" else Not(between)
        if kind in _COMPARISONS:
            return self._compare(tree["left"], _COMPARISONS[kind], tree["right"])
        if kind in ("COMPARE_DISTINCT_FROM", "COMPARE_NOT_DISTINCT_FROM"):
            is_same = self._read_sameness(tree["left"], tree["right"])
            return is_same if kind == "COMPARE_NOT_DISTINCT_FROM" else Not(is_same)
        if kind == "FUNCTION":
            return self._read_function(tree)
        if kind in ("COLUMN_REF", "VALUE_CONSTANT", "OPERATOR_CAST"):
            return self._read_flag(tree)
        return UNKNOWN

    def _read_flag(self, tree: Any) -> Predicate:
        """A boolean column or value."""
        value = _read_value(tree, pa.bool_())
        if value is not None:
            return NULL if not value.is_valid else (ALWAYS if value.as_py() else NEVER)
        operand = self._find_operand(tree)
        is_flag = operand is not None and pa.types.is_boolean(operand[1])
        return Comparison(operand[0], "=", pa.scalar(True)) if is_flag else UNKNOWN

    def _read_is_null(self, tree: Any) -> Predicate:
        field = self._find_field(tree["children"][0])
        if field is None:
            return UNKNOWN
        return IsNull(field.name) if tree["type"] == "OPERATOR_IS_NULL" else Not(IsNull(field.name))

    def _compare(self, left: Any, operator: str, right: Any) -> Predicate:
        operand, other = self._find_operand(left), right
        if operand is None:
            operand, other, operator = self._find_operand(right), left, FLIPPED[operator]
        value = None if operand is None else _read_value(other, operand[1])
        if value is None:
            return UNKNOWN
        return Comparison(operand[0], operator, value) if value.is_valid else NULL

    def _read_sameness(self, left: Any, right: Any) -> Predicate:
        """``left IS NOT DISTINCT FROM right``."""
        flag = _read_value(right, pa.bool_())
        if flag is not None and flag.is_valid and self._find_operand(left) is None:
            part = self.read(left)
            return IsTrue(part) if flag.as_py() else IsTrue(Not(part))
        same = self._compare(left, "=", right)
        return IsTrue(same) if isinstance(same, Comparison) else UNKNOWN

    def _read_in(self, tree: Any) -> Predicate:
        first, *others = tree["children"]
        operand = self._find_operand(first)
        if operand is None:
            return UNKNOWN
        name, kind = operand
        values = _read_values(others, kind)
        if values is None:
            return UNKNOWN
        found: Predicate = In(name, values.drop_null())
        if values.null_count:
            found = Or((found, NULL))
        return found if tree["type"] == "COMPARE_IN" else Not(found)

    def _read_function(self, tree: Any) -> Predicate:
        name, arguments = tree["function_name"], [item["expression"] for item in tree["arguments"]]
        if name == "constant_or_null":
            return self._read_guarded(*arguments)
        if name in ("prefix", "starts_with", "^@", "~~", "!~~") and len(arguments) == 2:
            field, value = self._find_field(arguments[0]), _read_value(arguments[1], pa.string())
            if field is None or value is None or not value.is_valid or not pa.types.is_string(field.type):
                return UNKNOWN
            if name in ("~~", "!~~"):
                like = _read_like(field.name, value.as_py())
                return like if name == "~~" else Not(like)
            return StartsWith(field.name, value.as_py())
        return UNKNOWN

    def _read_guarded(self, constant: Any, *guards: Any) -> Predicate:
        """``constant_or_null``: a constant, or NULL where any of the others is."""
        value = _read_value(constant, pa.bool_())
        operands = [self._find_operand(guard) for guard in guards if guard["class"] != "CONSTANT"]
        if value is None or not value.is_valid or None in operands:
            return UNKNOWN
        if not value.as_py():
            return NOT_TRUE
        return join_all([Or((Not(IsNull(name)), NULL)) for name, _ in operands])

    def _find_field(self, tree: Any) -> pa.Field | None:
        if tree["type"] != "COLUMN_REF" or len(tree["column_names"]) != 1:
            return None
        return self._fields.get(tree["column_names"][0].casefold())

    def _find_operand(self, tree: Any) -> tuple[str, pa.DataType] | None:
        """A column, and the type to which it is cast before it is compared."""
        if tree["type"] != "OPERATOR_CAST" or tree["try_cast"]:
            field = self._find_field(tree)
            return None if field is None else (field.name, field.type)
        field, kind = self._find_field(tree["child"]), _read_type(tree["type_expr"])
        if field is None or kind is None or not keeps_order(field.type, kind):
            return None
        return field.name, kind


def _read_like(column: str, pattern: str) -> Predicate:
    """LIKE without an escape character."""
    prefix = re.split("[%_]", pattern, maxsplit=1)[0]
    if prefix == pattern:
        return Comparison(column, "=", pa.scalar(pattern))
    begins = StartsWith(column, prefix)
    return begins if pattern == f"{prefix}%" else And((begins, UNKNOWN))


def _read_type(tree: Any) -> pa.DataType | None:
    """The Arrow type of a type in a CAST."""
    if tree["type_name"] != "DECIMAL":
        return None if tree["children"] else _TYPES.get(tree["type_name"])
    sizes = [int(child["literal"]["text"]) for child in tree["children"] if child["type"] == "VALUE_CONSTANT"]
    return pa.decimal128(*sizes) if len(sizes) == 2 else None


def _read_value(tree: Any, kind: pa.DataType) -> pa.Scalar | None:
    """A value of this type, perhaps NULL; None for what is none, or not for certain."""
    values = _read_values([tree], kind)
    return None if values is None else values[0]


def _read_values(trees: Sequence[Any], kind: pa.DataType) -> pa.Array | None:
    """Values of this type; None where any is not."""
    texts = [_read_text(tree, kind) for tree in trees]
    if _NO_VALUE in texts:
        return None
    try:
        if pa.types.is_time(kind):  # which Arrow reads with a date alone
            moments = [text and f"1970-01-01 {text}" for text in texts]
            return pa.array(moments, pa.string()).cast(pa.timestamp(kind.unit)).cast(kind)
        return pa.array(texts, pa.binary() if pa.types.is_binary(kind) else pa.string()).cast(kind)
    except (pa.ArrowException, ValueError):
        return None


def _read_text(tree: Any, kind: pa.DataType) -> Any:
    """The text of a value of this type, bytes for binary, None for NULL."""
    cast_to = None
    if tree["type"] == "OPERATOR_CAST":
        cast_to, tree = _read_type(tree["type_expr"]), tree["child"]
        if cast_to is None or not cast_to.equals(kind):
            return _NO_VALUE
    if tree["type"] != "VALUE_CONSTANT":
        return _NO_VALUE
    found, text = tree["literal"]["kind"], tree["literal"].get("text")
    if found == "NULL_LITERAL":
        return None
    if found == "STRING":
        return _read_quoted(text, kind, is_cast=cast_to is not None)
    is_number = pa.types.is_floating(kind) or pa.types.is_decimal(kind) or pa.types.is_integer(kind)
    is_of_kind = is_number if found in ("INTEGER", "NUMERIC") else found == "BOOLEAN" and pa.types.is_boolean(kind)
    return text if is_of_kind and cast_to is None else _NO_VALUE


def _read_quoted(text: str, kind: pa.DataType, *, is_cast: bool) -> Any:
    if pa.types.is_string(kind):
        return _NO_VALUE if is_cast else text
    if not is_cast:
        return _NO_VALUE
    if not pa.types.is_binary(kind):
        return text
    return b"".join(bytes([int(code, 16)]) if code else char.encode() for code, char in _BYTES.findall(text))
