"""DuckDB relations over a lake that raise lakekit's errors and begin again once when a file has changed.

It must not change what a relation answers.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, Protocol

import duckdb
import pyarrow as pa

from lakekit.errors import EngineFailed, LakekitError, StaleFile, TypeConflict
from lakekit.receipts.showing import are_shown
from lakekit.views.names import read_shown
from lakekit.views.sqltypes import quote_name, quote_text

if TYPE_CHECKING:
    from lakekit.receipts.receipt import Receipt

_CONFLICT = "TypeConflict: "  # how views/duckdb.py begins the text of a conflict that DuckDB raises
_HINT = " Hint: "

_SHOWN: list[tuple[_LakeRelation, dict[str, str]]] = []  # the relation that was run to be shown, and what is shown
_FAILED: list[_LakeRelation] = []  # the one whose error was just shown


class QueryHooks(Protocol):
    """What a lake does around a query; ``lock`` is held meanwhile, as a connection runs one query at a time."""

    lock: AbstractContextManager[Any]

    @property
    def receipt(self) -> Receipt | None:
        """Of the last query."""

    def before_query(self, con: duckdb.DuckDBPyConnection) -> None:
        """Bring views up to date."""

    def record_query(self, query: str, *, goes_on: bool = False) -> AbstractContextManager[Any]:
        """While it lasts, and until the next one if it goes on, what is asked of the store is this query's."""

    def narrow_query(self, con: duckdb.DuckDBPyConnection, query: str, values: Any) -> AbstractContextManager[Any]:
        """While it lasts, views list only the files that the query can need; gives the answer if it needs none."""

    def explain_error(self, error: Exception) -> LakekitError | KeyboardInterrupt | None:
        """The error of lakekit, or the Ctrl-C, that stands behind one of DuckDB's, if any."""

    def refresh(self) -> object:
        """List all tables again."""


# By connection, so that a relation finds its hooks by the connection it holds. Hooks must not hold the connection.
_HOOKS: weakref.WeakKeyDictionary[duckdb.DuckDBPyConnection, QueryHooks] = weakref.WeakKeyDictionary()


def hook_queries(con: duckdb.DuckDBPyConnection, hooks: QueryHooks) -> None:
    """Put these hooks around each run of the relations that :func:`wrap_relation` is given of this connection."""
    _HOOKS[con] = hooks


def wrap_relation(relation: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """The same relation, and what is derived from it, with its connection's hooks around each run.

    Relations run, and run again, whenever rows are asked of them, through the one method that is wrapped here.
    """
    relation.__class__ = _LakeRelation
    return relation


class _LakeRelation(duckdb.DuckDBPyRelation):
    __slots__ = ()

    def _submit(self, format: str = "rows", *args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True  # notebooks leave this frame out: an error is about the query
        query, values = self._statement()
        is_stream = format == "stream"  # goes on after this returns, and holds the connection meanwhile

        def run() -> Any:
            __tracebackhide__ = True
            narrow = nullcontext() if is_stream else hooks.narrow_query(self._con, query, values)
            with narrow as answer:
                relation = self if answer is None else self._make_row(answer)
                return super(_LakeRelation, relation)._submit(format, *args, **kwargs)

        hooks = _HOOKS[self._con]
        return _run_hooked(self._con, hooks, run, lambda: hooks.record_query(read_shown(query), goes_on=is_stream))

    def to_arrow_reader(self, *args: Any, **kwargs: Any) -> pa.RecordBatchReader:
        return _translate_errors(super().to_arrow_reader(*args, **kwargs), _HOOKS[self._con])

    def _make_row(self, values: Sequence[pa.Scalar]) -> _LakeRelation:
        """A relation of one row with the columns of this one."""
        casts = [
            f"CAST({'NULL' if not value.is_valid else quote_text(str(value.cast(pa.string())))} AS {kind}) AS "
            f"{quote_name(name)}"
            for value, kind, name in zip(values, self.types, self.columns, strict=True)
        ]
        return wrap_relation(self._con.sql(f"SELECT {', '.join(casts)}"))

    def _write(self, *args: Any, **kwargs: Any) -> Any:
        hooks = _HOOKS[self._con]
        query, _ = self._statement()
        return _run_hooked(
            self._con,
            hooks,
            lambda: super(_LakeRelation, self)._write(*args, **kwargs),
            lambda: hooks.record_query(read_shown(query)),
        )

    def run_to_show(self) -> None:
        """Run the query for the first rows now, so that it is the cell that fails where it does, and show them once."""
        _SHOWN[:] = [(self, self._make_bundle())]

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        """The first rows as text and HTML; under them the receipt, where ``lk.show_receipts()`` asks for it."""
        __tracebackhide__ = True
        if _SHOWN and _SHOWN[0][0] is self:
            return _SHOWN.pop()[1]
        try:
            return self._make_bundle()
        except Exception:
            _FAILED[:] = [self]
            raise

    def __repr__(self) -> str:
        if _FAILED and _FAILED[0] is self:  # a notebook that has shown the error asks for a text all the same
            _FAILED.clear()
            return "The query failed, as told above."
        return super().__repr__()

    def _make_bundle(self) -> dict[str, str]:
        __tracebackhide__ = True
        bundle = super()._repr_mimebundle_()
        receipt = _HOOKS[self._con].receipt if are_shown() else None
        if receipt is None:
            return bundle
        return bundle | {
            "text/plain": f"{bundle['text/plain']}\n{receipt!r}",
            "text/html": bundle["text/html"] + receipt._repr_html_(),
        }

    def _derive(self, *args: Any, **kwargs: Any) -> duckdb.DuckDBPyRelation:
        with _HOOKS[self._con].lock:  # it is bound
            return wrap_relation(super()._derive(*args, **kwargs))


def _run_hooked(
    con: duckdb.DuckDBPyConnection,
    hooks: QueryHooks,
    run: Callable[[], Any],
    record: Callable[[], AbstractContextManager[Any]],
) -> Any:
    """What a run gives, after one refresh where a file has changed, with lakekit's error in place of DuckDB's."""
    __tracebackhide__ = True
    with hooks.lock, record():
        for attempt in (1, 2):
            hooks.before_query(con)
            try:
                return run()
            except (duckdb.Error, LakekitError) as exc:
                error = exc if isinstance(exc, LakekitError) else hooks.explain_error(exc)
                if error is None:
                    raise
                if attempt == 1 and isinstance(error, StaleFile):
                    hooks.refresh()
                    continue
                if error is exc:
                    raise
                raise error.with_traceback(None) from exc.with_traceback(None)
    raise AssertionError("unreachable")


def _translate_errors(reader: pa.RecordBatchReader, hooks: QueryHooks) -> pa.RecordBatchReader:
    """The same rows, with lakekit's error where reading on meets one."""

    def batches() -> Iterator[pa.RecordBatch]:
        try:
            yield from reader
        except (OSError, pa.ArrowException) as exc:
            error = hooks.explain_error(exc)
            if error is None:
                raise
            raise error.with_traceback(None) from exc

    return pa.RecordBatchReader.from_batches(reader.schema, batches())


def explain_failure(error: Exception) -> EngineFailed | None:
    """The error to raise where DuckDB met one of its own, after which the connection runs nothing any more."""
    if not isinstance(error, duckdb.InternalException | duckdb.FatalException):
        return None
    what = f"DuckDB met an error of its own, and its connection runs no more queries: {str(error).splitlines()[0]}"
    return EngineFailed(what, hint="open the lake anew, with open_lake; polars() and arrow() still read this one.")


def read_conflict(error: Exception) -> TypeConflict | None:
    """The TypeConflict in the text of an error that a view raised inside DuckDB."""
    text = str(error)
    if _CONFLICT not in text:
        return None
    what, _, hint = text[text.index(_CONFLICT) + len(_CONFLICT) :].partition(_HINT)
    return TypeConflict(what, hint=hint)
