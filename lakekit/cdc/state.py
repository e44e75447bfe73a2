"""A table as it is now, or was at any time, from the journal of its changes: a view, in DuckDB and in Polars.

It must not write where the journal is: what was stored there stays as it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import duckdb
import polars as pl

from lakekit.arguments import require_choice, require_kind, require_moment, require_text, take_names
from lakekit.cdc.batch import COMMITTED_AT, OP, POSITION, JournalForm
from lakekit.cdc.dms import CsvForm
from lakekit.cdc.journal import Journal, read_journal
from lakekit.cdc.kept import check_kept, read_kept, write_kept
from lakekit.columns import exact_name
from lakekit.errors import InvalidArgument
from lakekit.manifest.type_names import parse_types
from lakekit.storage import Storage, open_store
from lakekit.units import format_count, format_number_of
from lakekit.views.sqltypes import quote_name

if TYPE_CHECKING:
    import pyarrow as pa

    from lakekit.table import Table


def open_state(
    url: str | Path,
    *,
    key: str | Sequence[str],
    format: Literal["dms", "debezium"] = "dms",
    timestamp: str | None = None,
    columns: Mapping[str, Any] | pa.Schema | Iterable[str] | None = None,
    order_by: str | Sequence[str] = (),
    csv: CsvForm | None = None,
    storage: Storage | None = None,
) -> State:
    """The state of one table, from the journal of its changes under a folder or an S3 prefix.

    Every file of the journal is read once, and kept as Parquet in lakekit's private cache on this computer, by its
    etag; a later call reads what is new. Open it again to see what came meanwhile.

    **Order.** Rows of full loads come first: DMS applies to them what was committed while they ran. So do those of
    Debezium's first snapshot; those of a later or incremental one have their place in the log. Then changes come
    in the order of ``order_by``, which a column AR_H_CHANGE_SEQ of DMS is without being named; with Debezium, of the
    log's position; of their commit time; of their files (the moment in DMS's names, else the path); of their lines.
    So no two are equal, and the last of a key decides. A change that was stored twice does no harm. Servers of Debezium
    (``source.name``) follow one another by their times, since positions in two logs tell nothing of each other.

    **What is not told.** PostgreSQL does not log a long value that was not changed, nor Oracle a LOB; Debezium writes
    ``__debezium_unavailable_value``. The state has the former value of the row, or is an error where there is none.

    **What it cannot know.** DMS writes a changed key as a plain update, and the row of the old key stays, unless a
    before-image column (``BI_id``) tells it. The clocks are the source's: MySQL's events bear the second in which
    their statement began. Events that bear no position are in the order of their times, after the rows of all
    snapshots that are not marked as incremental. A number that was declared as a time counts microseconds, and days
    where it is a date, unless the event's schema names another unit.

    Args:
        url: the folder of one table: ``"s3://bucket/dms/hr/employee"``.
        key: the columns that tell its rows apart.
        format: ``"dms"`` (Parquet or CSV, of AWS DMS) or ``"debezium"`` (NDJSON; with or without ``schema`` and
            ``payload``, or flattened by ExtractNewRecordState).
        timestamp: the name of DMS's TimestampColumnName; without it there is no ``as_of``.
        columns: the source's columns in their order, needed for CSV without a header; with types, such as
            ``{"id": "int64", "price": "decimal(10,2)"}``, values that are none are errors. Undeclared types are
            inferred over all files. Parquet has its own.
        order_by: columns (with Debezium: fields, such as ``"source.scn"``) of whole numbers, times or digits that
            tell the order of changes better than their commit time.
        csv: how DMS was told to write CSV.
        storage: region, profile, endpoint or keys; the environment's if not given.

    Raises:
        NoFilesFound: no file of the format.
        InvalidArgument: a column that is not there, an unknown operation, a row without a key, lines without a
            header, files whose order cannot be told, a log whose positions began anew, two servers at the same time,
            two tables.
        TypeConflict: a value that is not of its column's type; names file and line.
        CorruptFile: a file, or a line, that cannot be read.
        AccessDenied, CredentialsExpired, WrongRegion, StorageFailed: the store refuses.

    Example:
        >>> import tempfile, lakekit as lk
        >>> folder = Path(tempfile.mkdtemp())
        >>> _ = (folder / "LOAD00000001.csv").write_text("1,Ada,1815\\n2,Alan,1912\\n")
        >>> _ = (folder / "20241029-113401000.csv").write_text("U,1,Ada L.,1815\\nD,2,Alan,1912\\n")
        >>> state = lk.cdc.open_state(folder, key="id", columns=["id", "name", "born"])
        >>> state.polars().collect().rows()
        [(1, 'Ada L.', 1815)]
    """
    require_choice("format", format, ("dms", "debezium"))
    if format == "debezium" and (timestamp or csv):
        raise InvalidArgument("timestamp= or csv= was given with Debezium's events.", hint="they tell their own time.")
    keys = take_names("key", key, hint='name what tells rows apart, such as key=["id"].')
    if not keys:
        raise InvalidArgument("key= names no column.", hint='name what tells rows apart, such as key=["id"].')
    if timestamp is not None:
        require_text("timestamp", timestamp, hint="give the name that TimestampColumnName has in the DMS endpoint.")
    if csv is not None:
        require_kind("csv", csv, CsvForm, what="a CsvForm", hint='write csv=lk.cdc.CsvForm(delimiter=";").')
    form = JournalForm(
        key=keys,
        format=format,
        columns=parse_types(columns),
        timestamp=timestamp,
        order_by=take_names("order_by", order_by, hint='name columns, such as order_by="source.scn".'),
        csv=csv or CsvForm(),
    )
    return State(read_journal(open_store(url, storage), form))


class State:
    """The rows of a table by key, now and at any time. Made by :func:`open_state`.

    DuckDB and Polars give the same rows, in any order. Both read the journal twice: once for the last position of each
    key, which is what they hold, once for the rows. Four million changes of half a million keys took each of them 0.8
    to 1 GB beside what Python and the packages need; DuckDB keeps to its ``memory_limit`` (300 MB was enough), and
    Polars streams with ``collect(engine="streaming")``. Filters on the commit time leave out files by their
    statistics. The files of the journal themselves were read when the state was opened, which no receipt shows.

    Attributes:
        journal: what it is made from.
    """

    def __init__(self, journal: Journal):
        self.journal = journal
        self._has_every_time: bool | None = None

    @property
    def table(self) -> Table:
        """Every change as a table of lakekit's, with receipts: the rows, and what :meth:`changes` adds."""
        return self.journal.table

    @property
    def skipped(self) -> tuple[str, ...]:
        """Paths of files beside the journal's, which were not read."""
        return self.journal.others

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the source's table."""
        return self.journal.columns

    def polars(self, as_of: datetime | None = None) -> pl.LazyFrame:
        """The rows as a Polars LazyFrame.

        Args:
            as_of: the state after everything that was committed at or before this moment; all if not given. Full
                loads without commit times always count.

        Raises:
            InvalidArgument: a moment without a time zone, a journal without commit times, or a row of which no change
                tells a value.
        """
        condition, kept = self._condition(as_of), self.journal.kept
        if kept:
            check_kept(self.table, self.journal, condition)
            return read_kept(self.table, self.journal, condition, kept).select(map(exact_name, self.columns))
        # two scans, not one that is used twice: Polars would hold what they share in memory
        last = (
            self.table.polars()
            .filter(condition)
            .group_by(map(exact_name, self.journal.form.key))
            .agg(pl.col(POSITION).max())
        )
        rows = self.table.polars().filter(condition & (pl.col(OP) != "D"))
        return rows.join(last.select(POSITION), on=POSITION, how="semi").select(map(exact_name, self.columns))

    def duckdb(
        self, con: duckdb.DuckDBPyConnection | None = None, name: str | None = None, as_of: datetime | None = None
    ) -> duckdb.DuckDBPyRelation:
        """The rows as a DuckDB relation, after creating a temporary view of them, and one of their journal.

        Args:
            con: any DuckDB connection; DuckDB's default one if not given.
            name: the view's name; the journal's if not given. That of the changes is this and ``_changes``.
            as_of: as in :meth:`polars`.

        Raises:
            InvalidArgument: as :meth:`polars`.

        Example:
            >>> import tempfile, lakekit as lk
            >>> folder = Path(tempfile.mkdtemp())
            >>> created = '{"op": "c", "after": {"id": 1}}\\n{"op": "c", "after": {"id": 2}}\\n'
            >>> _ = (folder / "events.ndjson").write_text(created)
            >>> state = lk.cdc.open_state(folder, key="id", format="debezium")
            >>> state.duckdb(duckdb.connect(), "users").aggregate("count(*)").fetchall()
            [(2,)]
        """
        con = con if con is not None else duckdb.default_connection()
        name = name or self.table.name
        condition, kept = self._sql_condition(as_of), self.journal.kept
        self.table.duckdb(con, f"{name}_changes")
        changes = quote_name(f"{name}_changes")
        keys = ", ".join(map(self._sql_key, self.journal.form.key))
        if kept:
            check_kept(self.table, self.journal, self._condition(as_of))
            query = write_kept(changes, condition, keys, self.columns, kept)
        else:
            columns = ", ".join(map(quote_name, self.columns))
            last = f"SELECT max({POSITION}) FROM {changes} WHERE {condition} GROUP BY {keys}"
            query = f"SELECT {columns} FROM {changes} WHERE {condition} AND {OP} <> 'D' AND {POSITION} IN ({last})"
        con.execute(f"CREATE OR REPLACE TEMP VIEW {quote_name(name)} AS {query}")
        return con.sql(f"SELECT * FROM {quote_name(name)}")

    def changes(self) -> pl.LazyFrame:
        """The journal: every change with the row that it left, or of a deletion what is known of the row.

        Columns: those of the source, then ``_op`` (I, U, D; T for all rows), ``_committed_at`` (UTC), ``_file``,
        ``_row`` (line, or row of a Parquet file, from 1), ``_position`` (bytes; sort by it for the order of changes).
        Where events leave out what was not changed, a column ``_kept_…`` more is true beside a NULL that stands for the
        former value.
        """
        return self.table.polars()

    def history(self, key: Any) -> pl.DataFrame:
        """The changes of one row, the first first; columns as :meth:`changes`, without the position.

        Args:
            key: its value; of several columns a tuple, in the order of ``key=``.

        Raises:
            InvalidArgument: not as many values as the key has columns.
        """
        names = self.journal.form.key
        values = tuple(key) if isinstance(key, tuple | list) else (key,)
        if len(values) != len(names):
            what = f"The key has {format_number_of(len(names), 'column')} ({', '.join(names)}), and {key!r} was given."
            raise InvalidArgument(what, hint="give a tuple with a value for each.")
        is_row = pl.all_horizontal(
            [pl.col(exact_name(name)) == value for name, value in zip(names, values, strict=True)]
        )
        found = self.table.polars().filter(is_row | (pl.col(OP) == "T")).collect()
        return found.sort(POSITION).drop(POSITION)

    def _moment(self, as_of: datetime | None) -> datetime | None:
        if as_of is None:
            return None
        require_moment("as_of", as_of)
        form = self.journal.form
        if form.format == "dms" and form.timestamp is None:
            what = f"The journal {self.table.name} has no commit times: it is not known what it was {as_of:%F %T}."
            raise InvalidArgument(what, hint="give timestamp=, the name of DMS's TimestampColumnName.")
        if form.format == "debezium" and not self._tells_every_time():
            what = f"Some events of {self.table.name} bear no time: it is not known what it was {as_of:%F %T}."
            raise InvalidArgument(what, hint="let Debezium add source.ts_ms, or leave as_of= out.")
        return as_of.astimezone(UTC)

    def _tells_every_time(self) -> bool:
        if self._has_every_time is None:
            timeless = self.table.polars().filter(pl.col(COMMITTED_AT).is_null()).select(pl.len())
            self._has_every_time = timeless.collect().item() == 0
        return self._has_every_time

    def _condition(self, as_of: datetime | None) -> pl.Expr:
        moment, after = self._moment(as_of), self._find_truncation(as_of)
        when = pl.lit(True) if moment is None else (pl.col(COMMITTED_AT) <= moment) | pl.col(COMMITTED_AT).is_null()
        return when if after is None else when & (pl.col(POSITION) > after)

    def _sql_condition(self, as_of: datetime | None) -> str:
        moment, after = self._moment(as_of), self._find_truncation(as_of)
        parts = ["true"]
        if moment is not None:
            parts.append(
                f"({COMMITTED_AT} <= TIMESTAMPTZ '{moment:%Y-%m-%d %H:%M:%S.%f}+00' OR {COMMITTED_AT} IS NULL)"
            )
        if after is not None:
            parts.append(f"{POSITION} > from_hex('{after.hex()}')")
        return " AND ".join(parts)

    def _sql_key(self, name: str) -> str:
        """A column to group by; a text as its bytes, since a connection's collation may take "a" for "A"."""
        is_text = str(self.table.schema.field(name).type) == "string"
        return f"encode({quote_name(name)})" if is_text else quote_name(name)

    def _find_truncation(self, as_of: datetime | None) -> bytes | None:
        """The position of the last change that emptied the table; only Debezium tells of such."""
        if self.journal.form.format == "dms":
            return None
        moment = self._moment(as_of)
        found = self.table.polars().filter(pl.col(OP) == "T")
        if moment is not None:
            found = found.filter((pl.col(COMMITTED_AT) <= moment) | pl.col(COMMITTED_AT).is_null())
        return found.select(pl.col(POSITION).max()).collect().item()

    def __repr__(self) -> str:
        files = self.journal.files
        lines = [
            f"State of {self.table.name} by {', '.join(self.journal.form.key)}",
            f"  journal: {format_number_of(len(files), f'{self.journal.kind} file')}, "
            f"{format_count(self.table.manifest.entries['rows'].sum())} changes",
            f"  columns: {', '.join(self.columns)}",
        ]
        if self.skipped:
            lines.append(f"  skipped: {', '.join(self.skipped[:3])}")
        return "\n".join(lines)
