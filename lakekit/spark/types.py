"""Arrow types as Spark has them: the type of the column, and the Arrow type in which its values are handed over.

It must not change a value: what Spark cannot hold is refused, or checked when it is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from lakekit.errors import InvalidArgument
from lakekit.manifest.types import describe_type

if TYPE_CHECKING:
    from pyspark.sql.types import DataType, StructType

_SIGNED = {
    pa.uint8(): pa.int16(),  # Spark has no unsigned numbers: the next type that holds them all
    pa.uint16(): pa.int32(),
    pa.uint32(): pa.int64(),
    pa.uint64(): pa.decimal128(20, 0),
}


def hand_over_type(column: str, kind: pa.DataType, zone: str = "UTC") -> pa.DataType:
    """The Arrow type in which Spark takes a column: signed, to the microsecond.

    Args:
        column: its name, for the error.
        kind: a normalized type.
        zone: of times that have one; the moments stay the same.

    Raises:
        InvalidArgument: Spark has no type that holds it.

    Example:
        >>> import pyarrow as pa
        >>> hand_over_type("n", pa.list_(pa.uint8()))
        ListType(list<element: int16>)
    """
    types = pa.types
    if kind in _SIGNED:
        return _SIGNED[kind]
    if types.is_timestamp(kind):
        return pa.timestamp("us", zone if kind.tz else None)
    if types.is_time(kind):
        what = f"The column {column!r} is {describe_type(kind)}, and Spark Connect has no type for times of day."
        raise InvalidArgument(what, hint="leave it out: columns=[…] names those that are wanted.")
    if types.is_struct(kind):
        return pa.struct([(field.name, hand_over_type(f"{column}.{field.name}", field.type, zone)) for field in kind])
    if types.is_map(kind):
        return pa.map_(hand_over_type(column, kind.key_type, zone), hand_over_type(column, kind.item_type, zone))
    if types.is_list(kind):
        element = hand_over_type(column, kind.value_type, zone)
        return pa.list_(pa.field("element", element))  # Sail compares this name too
    return kind


def spark_schema(schema: pa.Schema) -> StructType:
    """The Spark schema of columns that are handed over; times without a zone are TIMESTAMP_NTZ."""
    from pyspark.sql import types as spark

    return spark.StructType([spark.StructField(field.name, _spark_type(field.type)) for field in schema])


def _spark_type(kind: pa.DataType) -> DataType:
    from pyspark.sql import types as spark

    types = pa.types
    if types.is_decimal(kind):
        return spark.DecimalType(kind.precision, kind.scale)
    if types.is_timestamp(kind):
        return spark.TimestampType() if kind.tz else spark.TimestampNTZType()
    if types.is_struct(kind):
        return spark.StructType([spark.StructField(field.name, _spark_type(field.type)) for field in kind])
    if types.is_map(kind):
        return spark.MapType(_spark_type(kind.key_type), _spark_type(kind.item_type))
    if types.is_list(kind):
        return spark.ArrayType(_spark_type(kind.value_type))
    return getattr(spark, _NAMES[kind])()


_NAMES = {
    pa.null(): "NullType",
    pa.bool_(): "BooleanType",
    pa.int8(): "ByteType",
    pa.int16(): "ShortType",
    pa.int32(): "IntegerType",
    pa.int64(): "LongType",
    pa.float32(): "FloatType",
    pa.float64(): "DoubleType",
    pa.string(): "StringType",
    pa.binary(): "BinaryType",
    pa.date32(): "DateType",
}


def has_zones(kind: pa.Schema | pa.DataType) -> bool:
    """Whether a type is, or holds, times with a zone."""
    if isinstance(kind, pa.Schema):
        return any(has_zones(field.type) for field in kind)
    if pa.types.is_timestamp(kind):
        return kind.tz is not None
    return any(has_zones(kind.field(index).type) for index in range(kind.num_fields))
