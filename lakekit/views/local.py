"""Small files of one query as files on this computer's disk, which DuckDB reads without a call to Python for each.

It must not leave a file behind, nor show one that is not the version which the manifest knows.
"""

from __future__ import annotations

import atexit
import contextlib
import glob
import itertools
import os
import shutil
import tempfile
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from lakekit.errors import StaleFile
from lakekit.storage import RangeRequest
from lakekit.units import MIB, format_number_of
from lakekit.views.filesystem import PROTOCOL, WHOLE_FILE_BYTES

if TYPE_CHECKING:
    from lakekit.manifest.manifest import Manifest
    from lakekit.storage import Store
    from lakekit.views.choose import Chosen
    from lakekit.views.duckdb import DuckDBView
    from lakekit.views.plan import Group

LOCAL_BYTES = 256 * MIB  # of a group's files are fetched before a query begins; more are read as it goes

_NUMBERS = itertools.count(1)
_LOCK = threading.Lock()
_MEMORY = "/dev/shm"  # where Linux keeps files that lie in memory alone
_PREFIX, _HELD = "lakekit-shown-", ".held"  # of such folders, and in each the file that its process has locked
_ROOT: list[str] = []
_FOLDERS: set[str] = set()  # that are made


class LocalFiles:
    """Files that are here, named as DuckDB is to see them; with ``with``, the names are gone at its end."""

    def __init__(self) -> None:
        self._links: list[str] = []
        self._shown: list[tuple[Store, list[RangeRequest]]] = []
        self._views: list[DuckDBView] = []
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
        manifest = view.plan.manifest
        positions = _leave_out_altered(manifest, group, np.array(chosen.fetched, np.int64))
        files = manifest.entries.select("path", "size_bytes", "etag")[group.rows[positions]]
        wanted = {
            position: RangeRequest(path, 0, size_bytes, etag)
            for position, (path, size_bytes, etag) in zip(positions.tolist(), files.iter_rows(), strict=True)
            if size_bytes <= WHOLE_FILE_BYTES
        }
        if not wanted or sum(request.length for request in wanted.values()) > LOCAL_BYTES:
            return {}
        names = group.shown.field("filename").take(pa.array(list(wanted))).to_pylist()
        local = store.fetch_local(list(wanted.values()), copies=view.shows_copies)
        self._shown.append((store, list(wanted.values())))
        self._views.append(view)
        keys = len(manifest.schema.keys)
        shown = {}
        for (position, request), name in zip(wanted.items(), names, strict=True):
            folders = name.removeprefix(f"{PROTOCOL}://").split("/")[: keys + 1]
            shown_name = self._show_one(local.get(request.path), [*folders, f"{self._number}-{position}.parquet"])
            if shown_name is not None:
                shown[position] = shown_name
                view.opened.add(request.path)
        return shown

    def check(self) -> None:
        """Raise StaleFile where a file has changed since it was shown; only files of a folder can."""
        for store, requests in self._shown:
            store.check_local(requests)

    def explain(self, error: Exception) -> StaleFile | None:
        """The reason of an error, if what was shown is here no longer; from now on these views are shown copies."""
        lost = [link for link in self._links if not os.path.exists(link)]  # a link to what the cache threw away
        if not lost:
            return None
        for view in self._views:
            view.shows_copies = True
        lost_files = f"{format_number_of(len(lost), 'file')} on this computer {'was' if len(lost) == 1 else 'were'}"
        what = f"{lost_files} thrown away while a query read from there: {error}"
        return StaleFile(what, hint="run the query again; a larger LAKEKIT_CACHE_BYTES makes room for what it reads.")

    def _show_one(self, local: str | memoryview | None, parts: Sequence[str]) -> str | None:
        """The name of a local file, or of one made of these bytes, below folders of these names; None for none."""
        if local is None:
            return None
        try:
            folder = "/".join([find_root(), *parts[:-1]])
            if folder not in _FOLDERS:
                os.makedirs(folder, exist_ok=True)
                _FOLDERS.add(folder)
            name = f"{folder}/{parts[-1]}"
            if isinstance(local, str):
                os.symlink(local, name)
            else:
                _write(name, local)
        except OSError:
            return None
        self._links.append(name)
        return name


def _leave_out_altered(manifest: Manifest, group: Group, positions: np.ndarray) -> np.ndarray:
    """Those of some files that DuckDB may be shown as they are stored."""
    positions = positions[group.plain[positions]]
    altered = [kind.schema_id for kind in manifest.kinds if kind.is_altered]
    if not altered:
        return positions
    ids = manifest.entries["schema_id"].gather(group.rows[positions])
    return positions[~ids.is_in(altered).to_numpy()]


def _write(name: str, data: memoryview) -> None:
    handle = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        while len(data):
            data = data[os.write(handle, data) :]
    except OSError:
        os.unlink(name)
        raise
    finally:
        os.close(handle)


def find_root() -> str:
    """This process's private folder for what is shown: in memory where the system has such a place and room in it."""
    with _LOCK:
        if not _ROOT:
            parent = _MEMORY if _has_room(_MEMORY) else tempfile.gettempdir()
            remove_left(parent)
            _ROOT.append(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))  # mode 0700
            _lock(os.open(f"{_ROOT[0]}/{_HELD}", os.O_RDWR | os.O_CREAT, 0o600))  # until this process ends
            atexit.register(_remove, _ROOT[0], os.getpid())
    if "=" in _ROOT[0]:  # DuckDB would take it for a partition
        raise OSError
    return _ROOT[0]


def _remove(root: str, process: int) -> None:
    if os.getpid() == process:  # and not one that it forked
        shutil.rmtree(root, ignore_errors=True)


def remove_left(parent: str) -> None:
    """Remove the folders of those processes that were killed, and so could not do it themselves."""
    for path in glob.glob(f"{glob.escape(parent)}/{_PREFIX}*/{_HELD}"):
        with contextlib.suppress(OSError):
            handle = os.open(path, os.O_RDWR)
            try:
                if _lock(handle):
                    shutil.rmtree(os.path.dirname(path), ignore_errors=True)
            finally:
                os.close(handle)


def _lock(handle: int) -> bool:
    """Whether nobody else holds the lock of an open file; it is held from now on, until the process ends."""
    try:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (ImportError, OSError):  # Windows has none
        return False
    return True


def _has_room(folder: str) -> bool:
    try:
        return os.access(folder, os.W_OK) and shutil.disk_usage(folder).free > 4 * LOCAL_BYTES
    except OSError:
        return False
