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
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from lakekit.errors import StaleFile
from lakekit.manifest.floats import hide_in_file
from lakekit.manifest.joined import JOINED_BYTES, JOINED_FILES
from lakekit.storage import RangeRequest
from lakekit.storage.reads import fetch_local
from lakekit.units import MIB, format_number_of
from lakekit.views.filesystem import PROTOCOL, WHOLE_FILE_BYTES

if TYPE_CHECKING:
    import duckdb

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
_ROOTS: dict[int, str] = {}  # by process: one that was forked has its own
_FOLDERS: set[str] = set()  # that are made


@dataclass
class _Run:
    """Files that may be shown as one: small ones that follow each other, of a folder where a query reads keys; or any
    file alone.

    Attributes:
        folders: those below which DuckDB is shown them; they tell it the values of keys, if it reads any.
        schema_id: of their columns.
        is_small: whether they may be shown as one.
        requests: by position in the group, what to fetch.
        contents: what came of it.
        parts: positions of files that are shown as one, with the footer of them all; None for one file as it is.
    """

    folders: list[str]
    schema_id: str
    is_small: bool
    requests: dict[int, RangeRequest] = field(default_factory=dict)
    contents: dict[int, str | memoryview] = field(default_factory=dict)
    parts: list[tuple[list[int], bytes | None]] = field(default_factory=list)

    def may_take(self, other: _Run, *, anywhere: bool) -> bool:
        """Whether small files of another run may be shown together with these; those of other folders, too."""
        is_near = anywhere or self.folders == other.folders
        return self.is_small and other.is_small and self.schema_id == other.schema_id and is_near

    def add(self, position: int, content: str | memoryview, manifest: Manifest) -> bool:
        """Take what came of a file; whether that was the last. The footers are joined while others are under way."""
        self.parts = self.parts or _join(manifest, self)
        self.contents[position] = content
        return len(self.contents) == len(self.requests)

    def take(self, position: int, manifest: Manifest) -> _Run:
        """One file alone."""
        run = _Run(self.folders, self.schema_id, self.is_small, {position: self.requests[position]})
        run.add(position, self.contents[position], manifest)
        return run


_Place = tuple["DuckDBView", "Group", _Run, int]  # the last: the position in the group


class LocalFiles:
    """Files that are here, named as DuckDB is to see them; with ``with``, the names are gone at its end."""

    def __init__(self) -> None:
        self._made: list[str] = []
        self._paths: dict[str, list[str]] = {}  # by name, the files that it shows
        self._shown: list[tuple[Store, list[RangeRequest]]] = []
        self._views: list[DuckDBView] = []
        self._number = next(_NUMBERS)

    def __enter__(self) -> LocalFiles:
        return self

    def __exit__(self, *exc_info: object) -> None:
        for name in self._made:
            with contextlib.suppress(OSError):
                os.unlink(name)

    def show(self, parts: Sequence[tuple[DuckDBView, Group, Chosen]]) -> dict[int, dict[int, str]]:
        """By number of the group, and position in it, the local name of those files that are small and can be had
        here; fetches them, those of all groups of all views at once, or of as many as LOCAL_BYTES hold.

        The smallest share a name: to open such a file costs DuckDB more than to read it.

        Raises:
            StaleFile, AccessDenied, …: as reading the files would.
        """
        views = list(dict.fromkeys(view for view, _, _ in parts))
        limits = {view: _find_limits(view, [chosen for of, _, chosen in parts if of is view]) for view in views}
        listed = ((view, group, _list_runs(view, group, chosen, *limits[view])) for view, group, chosen in parts)
        shown: dict[int, dict[int, str]] = {group.number: {} for _, group, _ in parts}
        for places in _put_together(listed):
            wanted: dict[DuckDBView, list[RangeRequest]] = {}
            for view, _, run, position in places.values():
                wanted.setdefault(view, []).append(run.requests[position])
            asked = [(view.source.store, requests, limits[view][1]) for view, requests in wanted.items()]
            for store, request, content in fetch_local(asked):
                view, group, run, position = places[store, request.path]
                if run.add(position, content, view.plan.manifest):
                    shown[group.number] |= self._show_run(group, run)
            for view, group, run, position in places.values():
                if position in run.contents and len(run.contents) < len(run.requests):  # the cache has no room for all
                    shown[group.number] |= self._show_run(group, run.take(position, view.plan.manifest))
            for store, requests, copied_bytes in asked:
                self._shown.append((store, [request for request in requests if request.length > copied_bytes]))
        self._views += views
        for view, group, _ in parts:
            view.opened.update(group.paths[position] for position in shown[group.number])
        return shown

    def _show_run(self, group: Group, run: _Run) -> dict[int, str]:
        """By position, the names of files that are all here."""
        shown: dict[int, str] = {}
        for positions, footer in run.parts:
            contents = [run.contents[position] for position in positions]
            if footer is not None and all(len(run.contents[at]) == run.requests[at].length for at in positions):
                shown |= self._make(group, run, positions, b"".join([*contents, footer]))
                continue
            for position, content in zip(positions, contents, strict=True):
                content = content if isinstance(content, str) else hide_in_file(content)
                shown |= self._make(group, run, [position], content)
        return shown

    def check(self) -> None:
        """Raise StaleFile where a file has changed since it was shown; only files of a folder can."""
        for store, requests in self._shown:
            store.check_local(requests)

    def explain(self, error: Exception) -> StaleFile | None:
        """The reason of an error, if what was shown is here no longer; from now on these views are shown copies."""
        lost = [link for link in self._made if not os.path.exists(link)]  # a link to what the cache threw away
        if not lost:
            return None
        for view in self._views:
            view.shows_copies = True
        lost_files = f"{format_number_of(len(lost), 'file')} on this computer {'was' if len(lost) == 1 else 'were'}"
        what = f"{lost_files} thrown away while a query read from there: {error}"
        return StaleFile(what, hint="run the query again; a larger LAKEKIT_CACHE_BYTES makes room for what it reads.")

    def name_files(self, error: duckdb.Error) -> duckdb.Error:
        """The same error, with the files of the table in place of what they are shown by."""
        text = str(error)
        for name, (first, *others) in self._paths.items():
            if name in text:
                text = text.replace(name, f"{first} … {others[-1]}" if others else first)
        return error if text == str(error) else type(error)(text)

    def _make(
        self, group: Group, run: _Run, positions: Sequence[int], content: str | bytes | memoryview
    ) -> dict[int, str]:
        """By position, the name of a link to a file, or of a new file of these bytes; nothing if there can be none."""
        try:
            folder = "/".join([find_root(), *run.folders])
            if folder not in _FOLDERS:
                os.makedirs(folder, exist_ok=True)
                _FOLDERS.add(folder)
            name = f"{folder}/{self._number}-{positions[0]}.parquet"
            if isinstance(content, str):
                os.symlink(content, name)
            else:
                _write(name, content)
        except OSError:
            return {}
        self._made.append(name)
        self._paths[name] = [group.paths[position] for position in positions]
        return dict.fromkeys(positions, name)


def _find_limits(view: DuckDBView, choices: Sequence[Chosen]) -> tuple[int, int]:
    """Up to which size files are shown, and up to which as copies; the others by links."""
    if view.source.store.cache is not None:
        return WHOLE_FILE_BYTES, WHOLE_FILE_BYTES if view.shows_copies else JOINED_BYTES
    if any(chosen.reads_floats for chosen in choices):  # the files themselves tell DuckDB of bounds without NaN
        return JOINED_BYTES, JOINED_BYTES
    return WHOLE_FILE_BYTES, 0


def _list_runs(view: DuckDBView, group: Group, chosen: Chosen, most_bytes: int, copied_bytes: int) -> list[_Run]:
    """Those files of a group that a query reads, and that DuckDB may be shown on this computer."""
    if not chosen.fetched or not all(how in ("file", "missing") for _, how in group.layout):
        return []  # of a column that cannot be shown, an error names the file as DuckDB sees it
    manifest = view.plan.manifest
    positions = _leave_out_altered(manifest, group, np.array(chosen.fetched, np.int64))
    files = manifest.entries.select("path", "size_bytes", "etag", "schema_id")[group.rows[positions]]
    names = group.shown.field("filename").take(pa.array(positions)).to_pylist()
    keys = len(manifest.schema.keys)
    before = dict(itertools.pairwise(reversed(chosen.listed)))  # of each file, the one that DuckDB is told of before it
    runs: list[_Run] = []
    for position, name, (path, size_bytes, etag, schema_id) in zip(
        positions.tolist(), names, files.iter_rows(), strict=True
    ):
        if size_bytes > most_bytes:
            continue
        folders = name.removeprefix(f"{PROTOCOL}://").split("/")[: keys + 1]
        run = _Run(folders, schema_id, is_small=size_bytes <= min(copied_bytes, JOINED_BYTES))
        last = runs[-1] if runs else run
        follows = before.get(position) in last.requests and len(last.requests) < JOINED_FILES
        if follows and last.may_take(run, anywhere=not chosen.reads_keys):
            run = last
        else:
            runs.append(run)
        run.requests[position] = RangeRequest(path, 0, size_bytes, etag)
    return runs


def _put_together(listed: Iterable[tuple[DuckDBView, Group, list[_Run]]]) -> Iterator[dict[tuple[Store, str], _Place]]:
    """By store and path, the place of each file, for the groups that are fetched at once; a group that is too large is
    left out.
    """
    places: dict[tuple[Store, str], _Place] = {}
    held_bytes = 0
    for view, group, runs in listed:
        size_bytes = sum(request.length for run in runs for request in run.requests.values())
        if size_bytes > LOCAL_BYTES:
            continue
        if places and held_bytes + size_bytes > LOCAL_BYTES:
            yield places
            places, held_bytes = {}, 0
        store = view.source.store
        places |= {(store, one.path): (view, group, run, at) for run in runs for at, one in run.requests.items()}
        held_bytes += size_bytes
    if places:
        yield places


def _join(manifest: Manifest, run: _Run) -> list[tuple[list[int], bytes | None]]:
    """The parts of a run: files of one kind that follow each other go together."""
    positions = iter(run.requests)
    if not run.is_small:
        return [([position], None) for position in positions]
    files = tuple((request.path, request.etag, request.length) for request in run.requests.values())
    joined = manifest.footers.join(files)
    return [(list(itertools.islice(positions, len(groups))), footer) for groups, footer in joined]


def _leave_out_altered(manifest: Manifest, group: Group, positions: np.ndarray) -> np.ndarray:
    """Those of some files that DuckDB may be shown as they are stored."""
    positions = positions[group.plain[positions]]
    altered = [kind.schema_id for kind in manifest.kinds if kind.is_altered]
    if not altered:
        return positions
    ids = manifest.entries["schema_id"].gather(group.rows[positions])
    return positions[~ids.is_in(altered).to_numpy()]


def _write(name: str, data: bytes | memoryview) -> None:
    handle = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        data = memoryview(data)
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
        process = os.getpid()
        if process not in _ROOTS:
            parent = _MEMORY if _has_room(_MEMORY) else tempfile.gettempdir()
            remove_left(parent)
            _ROOTS[process] = root = tempfile.mkdtemp(prefix=_PREFIX, dir=parent)  # mode 0700
            _lock(os.open(f"{root}/{_HELD}", os.O_RDWR | os.O_CREAT, 0o600))  # until this process ends
            atexit.register(_remove, root, process)
        root = _ROOTS[process]
    if "=" in root:  # DuckDB would take it for a partition
        raise OSError
    return root


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
