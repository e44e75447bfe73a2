"""The partition values of a view's folders, of which DuckDB itself says which meet a condition.

It must not read a file, nor see anything of the user's connection but the settings by which conditions are meant.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

import duckdb
import numpy as np
import pyarrow as pa

from lakekit.manifest.partitions import Partitioning
from lakekit.views.groups import Group
from lakekit.views.names import own_database
from lakekit.views.sqltypes import quote_name, quote_text

_SETTINGS = ("TimeZone", "ieee_floating_point_ops", "error_on_division_by_zero")  # the others are seen in a plan


def read_settings(con: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """The settings of a session that say what a condition means."""
    query = f"SELECT {', '.join(f'current_setting({quote_text(name)})' for name in _SETTINGS)}"
    return dict(zip(_SETTINGS, map(str, con.execute(query).fetchall()[0]), strict=True))


class KeyValues:
    """The values of the keys in the folders of a table, by group; each group's are tabulated once.

    Args:
        partitioning: of the table.
    """

    def __init__(self, partitioning: Partitioning):
        self._partitioning = partitioning
        self._con: duckdb.DuckDBPyConnection | None = None
        self._settings: Mapping[str, str] = {}
        self._known: set[int] = set()
        self._lock = threading.Lock()

    def find_folders(self, group: Group, conditions: Sequence[str], settings: Mapping[str, str]) -> list[np.ndarray]:
        """For each condition, and each of a group's samples, whether its folder meets the condition.

        Args:
            group: of the table.
            conditions: SQL over keys, by their names.
            settings: of the session in which they are meant, see :func:`read_settings`.

        Raises:
            duckdb.Error: one of them asks for more than keys, or means nothing.
        """
        name = f"folders-{group.number}"
        with self._lock:
            if self._con is None:
                self._con = own_database().cursor()
            if settings != self._settings:
                for setting, value in settings.items():
                    self._con.execute(f"SET SESSION {setting} = {quote_text(value)}")
                self._settings = settings
            if group.number not in self._known:
                self._con.register(name, self._tabulate(group))
                self._known.add(group.number)
            query = " UNION ALL ".join(
                f'SELECT {number} AS " number", " folder" FROM {quote_name(name)} WHERE {condition}'
                for number, condition in enumerate(conditions)
            )
            met = self._con.execute(query).fetchnumpy()
        found = np.zeros((len(conditions), len(group.samples)), bool)
        found[met[" number"].astype(np.int64), met[" folder"].astype(np.int64)] = True
        return list(found)

    def _tabulate(self, group: Group) -> pa.Table:
        """A column for each key, and " folder", which counts the samples."""
        values = [self._partitioning.values_of(group.paths[position]) for position in group.samples]
        columns = {
            key: pa.array([row[index] for row in values], kind)
            for index, (key, kind) in enumerate(zip(self._partitioning.keys, self._partitioning.types, strict=True))
        }
        return pa.table(columns | {" folder": pa.array(range(len(values)), pa.int64())})
