"""A table as a data source of Spark, by the interface that Spark 4 has for sources written in Python.

It must not hold anything of lakekit's but a scan: Spark sends the source to its workers, which import lakekit there.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from lakekit.spark.scan import Scan, choose_by_keys, tell_version

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql.types import StructType

_COMPARED = {
    "EqualTo": lambda value, wanted: value == wanted,
    "EqualNullSafe": lambda value, wanted: value == wanted,
    "GreaterThan": lambda value, wanted: value > wanted,
    "GreaterThanOrEqual": lambda value, wanted: value >= wanted,
    "LessThan": lambda value, wanted: value < wanted,
    "LessThanOrEqual": lambda value, wanted: value <= wanted,
}
_EPOCH = dt.date(1970, 1, 1)
_KEY_TYPES = (int, str, dt.date)  # of keys whose values Spark compares as Python does


def make_source(name: str, scan: Scan, schema: StructType | pa.Schema, *, pushes: bool) -> type:
    """The class of a data source for a table; made here and not imported, so that Spark sends it whole.

    Args:
        name: what Spark is to call the source; must not have been used for another table.
        scan: what it reads.
        schema: its columns, as Spark has them; Sail takes an Arrow schema as well.
        pushes: whether the session hands conditions over to sources written in Python.
    """
    from pyspark.sql.datasource import DataSource, DataSourceReader, InputPartition

    packed, source_name, load = scan.pack(), name, _make_loader(tell_version())

    class LakekitPartition(InputPartition):
        """What one task reads: its content is no matter for logs."""

        def __repr__(self) -> str:
            return f"LakekitPartition({len(self.value or b'')} bytes)"

    class LakekitReader(DataSourceReader):
        """Reads a scan, a part of it in each task."""

        def __init__(self) -> None:
            self.tests: list[tuple[str, Any]] = []

        def partitions(self) -> Sequence[Any]:
            """The tasks: each is told only of its own files."""
            tasks = load("lakekit.spark.source").plan_tasks(packed, self.tests)
            return [LakekitPartition(task) for task in tasks] or [LakekitPartition(None)]

        def read(self, partition: Any) -> Iterator[pa.RecordBatch]:
            """The rows of one task."""
            if partition.value is not None:
                yield from load("lakekit.spark.scan").Scan.unpack(partition.value).read()

    class PushingReader(LakekitReader):
        """The same where Spark hands its conditions over."""

        def pushFilters(self, filters: list[Any]) -> Iterable[Any]:  # noqa: N802  Spark's name
            """Note what concerns partition keys; Spark applies all of them to the rows all the same."""
            self.tests = load("lakekit.spark.source").note_filters(filters)
            return filters

    chosen = PushingReader if pushes else LakekitReader  # Spark 4.1 refuses the former where it hands nothing over

    class LakekitSource(DataSource):
        """One table."""

        @classmethod
        def name(cls) -> str:
            """What Spark calls it."""
            return source_name

        def schema(self) -> StructType | pa.Schema:
            """Its columns."""
            return schema

        def reader(self, schema: Any) -> LakekitReader:
            """What reads it."""
            return chosen()

    return LakekitSource


def _make_loader(version: str) -> Callable[[str], Any]:
    """What imports a module of lakekit's in a task, or tells which Python lacks it; a closure, to be sent whole."""

    def load(module: str) -> Any:
        import importlib
        import sys

        try:
            return importlib.import_module(module)
        except ImportError as exc:
            where = f"{sys.executable}, Python {sys.version.split()[0]}"
            hint = f"Hint: pip install lakekit=={version} there; PYSPARK_PYTHON names the Python of the tasks."
            raise ImportError(f"Spark's tasks cannot import lakekit ({where}): {exc}.\n{hint}") from exc

    return load


def note_filters(filters: Sequence[Any]) -> list[tuple[str, Any]]:
    """Filters that tell something about one column, as plain values that can be sent: its name, the kind, the value."""
    noted = []
    for one in filters:
        kind, attribute = type(one).__name__, getattr(one, "attribute", ())
        if len(attribute) != 1 or kind not in (*_COMPARED, "In", "IsNull", "IsNotNull"):
            continue
        noted.append((attribute[0], (kind, getattr(one, "value", None))))
    return noted


def plan_tasks(packed: bytes, noted: Sequence[tuple[str, Any]]) -> list[bytes]:
    """The scans of all tasks, packed, of the files whose partition values can meet the filters."""
    scan = Scan.unpack(packed)
    spelled = {key.casefold(): key for key in scan.manifest.schema.keys}
    tests = [(spelled[name.casefold()], _make_test(*what)) for name, what in noted if name.casefold() in spelled]
    if tests:
        scan = scan.keep(choose_by_keys(scan.manifest, scan.manifest.partitioning, tests))
    return [part.pack() for part in scan.split()]


def _make_test(kind: str, wanted: Any) -> Callable[[Any], bool]:
    """Whether rows with a partition value may meet a filter; true wherever that is not certain."""

    def test(value: Any) -> bool:
        if kind == "IsNull":
            return value is None
        if kind == "IsNotNull":
            return value is not None
        if value is None:
            return kind == "EqualNullSafe" and wanted is None
        if kind == "In":
            return any(_compare("EqualTo", value, one) for one in wanted)
        return _compare(kind, value, wanted)

    return test


def _compare(kind: str, value: Any, wanted: Any) -> bool:
    if type(value) is dt.date and type(wanted) is int:  # Sail 0.7.2 gives dates as days since 1970
        wanted = _EPOCH + dt.timedelta(days=wanted)
    if wanted is None or type(value) is not type(wanted) or type(value) not in _KEY_TYPES:
        return True
    return _COMPARED[kind](value, wanted)
