"""The archived files of a table: which, how large, whether a copy of them can be read now.

It must not request a restore; it lists, and asks the state of what is archived.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Protocol

import polars as pl

from lakekit.columns import exact_name
from lakekit.errors import InvalidArgument
from lakekit.manifest.listing import sort_objects
from lakekit.manifest.manifest import Manifest
from lakekit.manifest.partitions import folder_of, read_partitions
from lakekit.storage import StoredObject, translate_error
from lakekit.storage.columns import list_columns
from lakekit.tiering.classes import ARCHIVES

if TYPE_CHECKING:
    from lakekit.storage import Store

Where = str | pl.Expr | Mapping[str, Any] | None
SCHEMA = {
    "path": pl.String,
    "size_bytes": pl.Int64,
    "rows": pl.Int64,
    "storage_class": pl.String,
    "state": pl.String,
    "readable_until": pl.Datetime("us", "UTC"),
}
AT_ONCE = 32
_EXPIRY = re.compile(r'expiry-date="([^"]+)"')


class ArchivedTable(Protocol):
    """A table with a manifest: what ``lk.open_table`` returns."""

    name: str
    store: Store
    manifest: Manifest


def find_archived(table: ArchivedTable, where: Where = None) -> pl.DataFrame:
    """The data files of a table that are in GLACIER or DEEP_ARCHIVE now, also those left out with on_archived="skip".

    The prefix is listed anew, and each archived file is asked for its state with a HEAD request.

    Args:
        table: from ``lk.open_table``.
        where: which of them: SQL over partition columns, path and size_bytes, such as ``"date < '2024-01-01'"``; a
            Polars expression; or values by column, such as ``{"year": [2022, 2023]}``; all if not given.

    Returns:
        path, size_bytes, rows (NULL unless the footer was read before it was archived), storage_class, state
        ("archived", "restoring", or "restored": it can be read), readable_until (of a restored copy); sorted by path.

    Raises:
        InvalidArgument: where names a column that is not there, or is no condition.
        AccessDenied and others: the store refuses.
    """
    files = [StoredObject(*row) for row in sort_objects(list_columns(table.store)).files.iter_rows()]
    archived = [item for item in files if item.storage_class in ARCHIVES]
    archived = _choose(table, archived, [item.path for item in files], where)
    with ThreadPoolExecutor(AT_ONCE) as threads:
        states = list(threads.map(lambda item: read_state(table.store, item.path), archived))
    rows = [
        (item.path, item.size_bytes, _find_rows(table, item), item.storage_class, *state)
        for item, state in zip(archived, states, strict=True)
    ]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row").sort("path")


def read_state(store: Store, path: str) -> tuple[str, datetime | None]:
    """Whether an archived object is "archived", "restoring" or "restored", and until when; one HEAD request."""
    address = store.address
    try:
        answer = store.storage.boto3("s3").head_object(Bucket=address.bucket, Key=address.full_path(path))
    except Exception as exc:
        raise translate_error(
            exc, action="s3:GetObject", url=address.join(path), bucket=address.bucket, storage=store.storage
        ) from exc
    return parse_restore(answer.get("Restore"))


def parse_restore(header: str | None) -> tuple[str, datetime | None]:
    """The state that the header x-amz-restore tells.

    Example:
        >>> parse_restore(None), parse_restore('ongoing-request="true"')
        (('archived', None), ('restoring', None))
        >>> parse_restore('ongoing-request="false", expiry-date="Fri, 21 Dec 2012 00:00:00 GMT"')[1].isoformat()
        '2012-12-21T00:00:00+00:00'
    """
    if not header:
        return "archived", None
    if 'ongoing-request="true"' in header:
        return "restoring", None
    found = _EXPIRY.search(header)
    return "restored", parsedate_to_datetime(found[1]).astimezone(UTC) if found else None


def _find_rows(table: ArchivedTable, item: StoredObject) -> int | None:
    """The rows of a file whose footer was read before; one that is archived cannot be asked."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    footer = table.manifest.footers.find_kept(item.path, item.etag)
    try:
        return None if footer is None else pq.read_metadata(io.BytesIO(b"PAR1" + footer)).num_rows
    except (pa.ArrowException, OSError):  # a footer that was damaged already
        return None


def _choose(
    table: ArchivedTable, archived: Sequence[StoredObject], paths: Sequence[str], where: Where
) -> list[StoredObject]:
    if where is None or not archived:
        return list(archived)
    keys = table.manifest.partitioning
    known = dict(keys.values)
    if any(folder_of(item.path) not in known for item in archived):  # folders of which every file was left out
        known = dict(read_partitions(paths, declared=dict(zip(keys.keys, keys.types, strict=True))).values) | known
    values = [dict(zip(keys.keys, known[folder_of(item.path)], strict=False)) for item in archived]
    facts = [
        {"path": item.path, "size_bytes": item.size_bytes, "storage_class": item.storage_class} for item in archived
    ]
    frame = pl.DataFrame([value | fact for value, fact in zip(values, facts, strict=True)], infer_schema_length=None)
    chosen = _ask(frame, where, table.name)
    return [item for item, is_chosen in zip(archived, chosen, strict=True) if is_chosen]


def _ask(frame: pl.DataFrame, where: Where, name: str) -> list[bool | None]:
    """Whether each row is meant; NULL is no."""
    import duckdb

    try:
        if isinstance(where, str):  # DuckDB compares dates with text, as everyone writes them
            con = duckdb.connect()
            con.register("files", frame.with_row_index("#").to_arrow())
            mask = con.sql(f'SELECT ({where}) AS chosen FROM files ORDER BY "#"').pl()["chosen"]
        else:
            mask = frame.with_columns(_make_condition(where, frame).alias("is chosen"))["is chosen"]
    except (pl.exceptions.PolarsError, duckdb.Error, TypeError) as exc:
        what = f"where={where!r} cannot be asked of the files of {name}: {exc}"
        raise InvalidArgument(what, hint=f"its columns are {', '.join(frame.columns)}.") from exc
    if mask.dtype != pl.Boolean:
        raise InvalidArgument(
            f"where={where!r} is {mask.dtype}, no condition.", hint="such as \"date < '2024-01-01'\"."
        )
    return mask.to_list()


def _make_condition(where: Where, frame: pl.DataFrame) -> pl.Expr:
    if isinstance(where, Mapping):
        return pl.all_horizontal(list(_list_conditions(where, frame)) or [pl.lit(True)])
    if isinstance(where, pl.Expr):
        return where
    what = f"where={where!r} is a {type(where).__name__}."
    raise InvalidArgument(what, hint="it is SQL, an expression or a mapping.")


def _list_conditions(where: Mapping[str, Any], frame: pl.DataFrame) -> Iterator[pl.Expr]:
    for name, value in where.items():
        if name not in frame.columns:
            raise InvalidArgument(f"There is no column {name!r}.", hint=f"there are {', '.join(frame.columns)}.")
        many = list(value) if isinstance(value, list | tuple | set | frozenset) else [value]
        yield pl.col(exact_name(name)).is_in(_cast(pl.Series(many), frame.schema[name]).implode())


def _cast(values: pl.Series, kind: pl.DataType) -> pl.Series:
    """Values as a column's type; dates and times may be written as text."""
    if values.dtype == pl.String and kind == pl.Date:
        return values.str.to_date()
    return (
        values.str.to_datetime().cast(kind) if values.dtype == pl.String and kind.is_temporal() else values.cast(kind)
    )
