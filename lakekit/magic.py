"""``%load_ext lakekit``: the cell magic ``%%sql`` on the lake of a notebook.

It must not hide errors: a query that fails makes its cell fail.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_TARGET = re.compile(r"\s*([A-Za-z_]\w*)\s*<<\s*")


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Register ``%%sql``.

    A cell that begins with ``%%sql`` is a query on the variable ``lake``; it sees the other variables, too. The
    result is a DuckDB relation; ``%%sql name <<`` keeps it as a Polars frame under that name instead, and shows its
    receipt where ``lk.show_receipts()`` asks for receipts.
    """

    from lakekit.receipts.showing import are_shown

    def sql(line: str, cell: str | None = None) -> Any:
        """Run a query on the lake in the variable ``lake``; ``name <<`` keeps a Polars frame."""
        match = _TARGET.match(line)
        query = (line[match.end() :] if match else line) + "\n" + (cell or "")
        relation = _find_lake(shell)._sql_in_scope(query, None, shell.user_ns, {})
        if match is None:
            if cell is not None and relation is not None:
                relation.run_to_show()
            return relation
        shell.user_ns[match.group(1)] = None if relation is None else relation.pl()
        return _find_lake(shell).receipt if are_shown() else None

    shell.register_magic_function(sql, magic_kind="line_cell", magic_name="sql")


def _find_lake(shell: InteractiveShell) -> Any:
    from lakekit.lake import Lake

    lake = shell.user_ns.get("lake")
    if not isinstance(lake, Lake):
        found = f"a {type(lake).__name__}" if lake is not None else "not set"
        raise NameError(
            f"%%sql queries the lake in the variable `lake`, which is {found}. Hint: lake = lk.open_lake(…)"
        )
    return lake
