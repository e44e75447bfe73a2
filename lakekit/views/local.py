"""Small files of one query as files on this computer's disk, which DuckDB reads without a call to Python for each.

It must not leave a file behind, nor show one that is not the version which the manifest knows.
"""

from __future__ import annotations

import atexit
import contextlib
import itertools
import os
import shutil
import tempfile
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from lakekit.storage import RangeRequest
from lakekit.units import MIB
from lakekit.views.filesystem import PROTOCOL, WHOLE_FILE_BYTES

if TYPE_CHECKING:
    from lakekit.storage import Store
    from lakekit.views.choose import Chosen
    from lakekit.views.duckdb import DuckDBView
    from lakekit.views.plan import Group

LOCAL_BYTES = 256 * MIB  # of a group's files are fetched before a query begins; more are read as it goes

_NUMBERS = itertools.count(1)
_LOCK = threading.Lock()
_ROOTS: dict[str | None, str] = {}
_FOLDERS: set[str] = set()  # that are made


class LocalFiles:
    """Links to files that are here, named as DuckDB is to see them; with ``with``, gone at its end."""

    def __init__(self) -> None:
        self._links: list[str] = []
        self._shown: list[tuple[Store, list[RangeRequest]]] = []
        self._number = next(_NUMBERS)

    def __enter__(self) -> LocalFiles:
        return self

    def __exit__(self, *exc_info: object) -> None:
        for link in self._links:
            with contextlib.suppress(OSError):
                os.unlink(link)

    def show(self, view: DuckDBView, group: Group, chosen: Chosen) -> dict[int, str]:
        """By position, the local name of those files that are small and can be had here; fetches them.

        Raises:
            StaleFile, AccessDenied, …: as reading the files would.
        """
        store = view.source.store
        if not all(how in ("file", "missing") for _, how in group.layout):  # an error names the file as DuckDB sees it
            return {}
        if store.cache is None and chosen.reads_floats:  # the files themselves tell DuckDB of bounds without NaN
            return {}
        positions = np.array(chosen.fetched, np.int64)
        positions = positions[group.plain[positions]]
        files = view.plan.manifest.entries.select("path", "size_bytes", "etag")[group.rows[positions]]
        wanted = {
            position: RangeRequest(path, 0, size_bytes, etag)
            for position, (path, size_bytes, etag) in zip(positions.tolist(), files.iter_rows(), strict=True)
            if size_bytes <= WHOLE_FILE_BYTES
        }
        if not wanted or sum(request.length for request in wanted.values()) > LOCAL_BYTES:
            return {}
        names = group.shown.field("filename").take(pa.array(list(wanted))).to_pylist()
        local = store.fetch_local(list(wanted.values()))
        self._shown.append((store, list(wanted.values())))
        keys = len(view.plan.manifest.schema.keys)
        shown = {}
        for (position, request), name in zip(wanted.items(), names, strict=True):
            folders = name.removeprefix(f"{PROTOCOL}://").split("/")[: keys + 1]
            link = self._link(store, local.get(request.path), [*folders, f"{self._number}-{position}.parquet"])
            if link is not None:
                shown[position] = link
                view.opened.add(request.path)
        return shown

    def check(self) -> None:
        """Raise StaleFile where a file has changed since it was shown; only files of a folder can."""
        for store, requests in self._shown:
            store.check_local(requests)

    def _link(self, store: Store, local: str | None, parts: Sequence[str]) -> str | None:
        """The name of a link to a local file, below folders of these names; None where there can be none."""
        if local is None:
            return None
        try:
            folder = "/".join([_find_root(store), *parts[:-1]])
            if folder not in _FOLDERS:
                os.makedirs(folder, exist_ok=True)
                _FOLDERS.add(folder)
            name = f"{folder}/{parts[-1]}"
            (os.symlink if store.cache is None else os.link)(local, name)
        except OSError:
            return None
        self._links.append(name)
        return name


def _find_root(store: Store) -> str:
    """This process's folder for links: beside the cached bytes, which a link keeps, else a temporary one."""
    beside = None if store.cache is None else store.cache.links_folder
    with _LOCK:
        if beside not in _ROOTS:
            root = tempfile.mkdtemp(prefix="lakekit-", dir=beside)  # mode 0700
            atexit.register(shutil.rmtree, root, ignore_errors=True)
            _ROOTS[beside] = root
    if "=" in _ROOTS[beside]:  # DuckDB would take it for a partition
        raise OSError
    return _ROOTS[beside]
