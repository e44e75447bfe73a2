"""The views of a lake in its DuckDB connection: one of each table, and one that raises of each folder that makes none.

It must not touch what is the user's own: a view is the lake's only by its name and by what it reads or raises.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

import duckdb

from lakekit.views.duckdb import DuckDBView
from lakekit.views.sqltypes import quote_name, select_error

_RAISES = 'CAST("error"('  # in the query of a view that raises, as DuckDB writes it
_THERE = """
    SELECT view_name, sql FROM duckdb_views()
    WHERE NOT internal AND database_name = current_database() AND schema_name = current_schema()
    UNION ALL SELECT table_name, '' FROM duckdb_tables()
    WHERE database_name = current_database() AND schema_name = current_schema()
"""


class LakeViews:
    """Which views of a lake were made, to tell them from the user's own.

    Example:
        >>> con = duckdb.connect()
        >>> LakeViews().align(con, con, {}, {"t": ValueError("no table")})
        >>> con.sql("SELECT view_name FROM duckdb_views() WHERE NOT internal").fetchall()
        [('t',)]
    """

    def __init__(self) -> None:
        self._tokens: dict[str, str] = {}  # by name, of the view that was made last; "" of one that raises

    def align(
        self,
        con: duckdb.DuckDBPyConnection,
        by: duckdb.DuckDBPyConnection,
        tables: Mapping[str, DuckDBView],
        failed: Mapping[str, Exception],
    ) -> None:
        """Create the views that are missing, replace those of former tables, and drop those of tables that are gone.

        What a transaction under way does not allow is left to the next call.

        Args:
            con: the connection.
            by: itself, or a cursor of it, which disturbs nothing that is under way there.
            tables: what the tables show.
            failed: errors of the folders that make no table.
        """
        there = {name.casefold(): sql for name, sql in by.execute(_THERE).fetchall()}
        for name in [name for name in self._tokens if name not in tables and name not in failed]:
            with contextlib.suppress(duckdb.TransactionException):
                if self._is_own(name, there):
                    by.execute(f"DROP VIEW {quote_name(name)}")
                    del there[name.casefold()]
                del self._tokens[name]
        for name, view in tables.items():
            shown = there.get(name.casefold())
            if shown is None or (self._is_own(name, there) and f"'{view.token}'" not in shown):
                self._show(con, by, name, view)
        for name, error in failed.items():
            if name.casefold() not in there or self._is_own(name, there):
                self._raise(by, name, error)

    def _is_own(self, name: str, there: Mapping[str, str]) -> bool:
        """Whether what has this name in the connection is the view that was made for it."""
        token, sql = self._tokens.get(name), there.get(name.casefold(), "")
        return token is not None and (_RAISES in sql or (token != "" and f"'{token}'" in sql))

    def _show(self, con: duckdb.DuckDBPyConnection, by: duckdb.DuckDBPyConnection, name: str, view: DuckDBView) -> None:
        """A view of one table; where DuckDB cannot make it, one that raises why, and the others are there."""
        try:
            view.show_in(con, name, by)
            self._tokens[name] = view.token
        except duckdb.TransactionException:
            return
        except duckdb.ProgrammingError as error:
            self._raise(by, name, error)

    def _raise(self, by: duckdb.DuckDBPyConnection, name: str, error: Exception) -> None:
        raises = select_error(f"{type(error).__name__}: {error}")
        with contextlib.suppress(duckdb.TransactionException):
            by.execute(f"CREATE OR REPLACE VIEW {quote_name(name)} AS {raises}")
            self._tokens[name] = ""
