"""Files that a catalog places anywhere, shown as one table: each location is a folder named by its partition's values.

It must not guess: a file belongs to the partition whose location it lies under, and to none else.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from lakekit.errors import NoFilesFound
from lakekit.storage.address import Address
from lakekit.storage.options import Storage
from lakekit.storage.store import Store, StoredObject, open_store
from lakekit.units import format_number_of


@dataclass(frozen=True)
class Placement:
    """One location of a table.

    Attributes:
        folder: what its files are shown under, such as ``dt=2024-01-05``; "" for all of a table without keys.
        url: where they lie.
    """

    folder: str
    url: str


class PlacedStore(Store):
    """The files under some locations, in folders of the catalog's naming.

    Args:
        address: the table's own location, by which it is called.
        storage: with which options.
        list_placements: the locations as they are now; asked at each listing.
        places: where each file is, where that is known already; then it cannot be listed.

    Attributes:
        places: by shown path, the address of the listed place and the path there, of the last listing.
    """

    threads = 64

    def __init__(
        self,
        address: Address,
        storage: Storage,
        list_placements: Callable[[], list[Placement]] = list,
        *,
        places: Mapping[str, tuple[str, str]] | None = None,
    ):
        super().__init__(address, storage)
        self._list_placements = list_placements
        self._stores: dict[str, Store] = {}
        self.places: dict[str, tuple[str, str]] = dict(places or {})

    def list_objects(self, prefix: str = "", *, on_progress: Callable[[int], None] | None = None) -> list[StoredObject]:
        """All files of all locations; see `Store.list_objects`. Those below the table's own are listed at once."""
        placements = self._list_placements()
        root = self.address.url
        inside = [one for one in placements if _is_below(one.url, root)]
        outside = sorted({one.url for one in placements if not _is_below(one.url, root)})
        by_url: dict[str, list[str]] = {}
        for one in placements:
            by_url.setdefault(one.url, []).append(one.folder)
        self.places, found = {}, []
        for url in ([root] if inside else []) + outside:
            found += self._list_place(url, by_url if url == root else {url: by_url[url]})
            if on_progress:
                on_progress(len(found))
        start = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        return sorted((one for one in found if one.path.startswith(start)), key=lambda one: one.path)

    def _list_place(self, url: str, by_url: dict[str, list[str]]) -> list[StoredObject]:
        """The files of one listing, each once for every partition whose location it lies under."""
        store = self._open(url)
        before = store.requests.snapshot()
        objects = store.list_objects()
        asked = store.requests.since(before)
        self.requests.count("LIST", times=asked["LIST"])
        found, astray = [], []
        for one in objects:
            place = _find_place(store.address.join(one.path), by_url)
            if place is None:
                astray.append(one.path)
                continue
            rest = store.address.join(one.path)[len(place) + 1 :].replace("=", "%3D")
            for folder in by_url[place]:
                shown = f"{folder}/{rest}" if folder else store.address.join(one.path)[len(place) + 1 :]
                self.places[shown] = (url, one.path)
                found.append(replace(one, path=shown))
        stray = [path for path in astray if not path.rpartition("/")[2].startswith(("_", ".")) and path[-1:] != "/"]
        if stray:
            warnings.warn(
                f"{format_number_of(len(stray), 'file')} under {url} lie in no partition of the catalog, such as "
                f"{stray[0]}: no engine that asks the catalog sees them.",
                stacklevel=2,
            )
        return found

    def _open(self, url: str) -> Store:
        if url not in self._stores:
            self._stores[url] = open_store(url, self.storage)
        return self._stores[url]

    def _find(self, path: str) -> tuple[Store, str]:
        if path not in self.places:
            raise NoFilesFound(f"{path} is not among the files of {self.address.url}.", hint="refresh the table.")
        url, inner = self.places[path]
        return self._open(url), inner

    def list_folders(self) -> list[str]:
        """The first levels of the locations' folders."""
        return sorted({one.folder.partition("/")[0] for one in self._list_placements() if one.folder})

    def find_root_file(self) -> StoredObject | None:
        """None: a location is a folder."""
        return None

    def read_range(self, path: str, start: int, length: int, *, etag: str | None = None) -> memoryview:
        """The bytes of a range, from where the file lies; see `Store.read_range`."""
        store, inner = self._find(path)
        content = store.read_range(inner, start, length, etag=etag)
        self.requests.count("GET", size_bytes=len(content), path=path, start=start)
        return content

    def is_restored(self, path: str) -> bool:
        """Whether an archived object can be read now; asks its bucket."""
        store, inner = self._find(path)
        return store.is_restored(inner)

    def _find_size(self, path: str) -> int:
        store, inner = self._find(path)
        return store._find_size(inner)


def _is_below(url: str, root: str) -> bool:
    return url == root or url.startswith(f"{root.rstrip('/')}/")


def _find_place(path: str, by_url: dict[str, list[str]]) -> str | None:
    """The deepest location that a file lies under."""
    while "/" in path:
        path = path.rpartition("/")[0]
        if path in by_url:
            return path
    return None
