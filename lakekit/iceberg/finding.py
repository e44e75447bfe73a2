"""Which of the files in a table's `metadata/` tells how it is now, by their names alone; and where its parts lie.

It must not guess: where names do not tell which is the newest, that is an error.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from lakekit.errors import IncompleteTable, UnsupportedTable
from lakekit.storage import Address, Store

FOLDER = "metadata"
VERSION_HINT = f"{FOLDER}/version-hint.text"  # of tables without a catalog, as Hadoop's and DuckDB's writers keep it
_METADATA = re.compile(FOLDER + r"/(?:v?(\d+)|(\d+)-[^/]+?|[^/]+?)(?:\.gz)?\.metadata\.json(?:\.gz)?")
_REMAINS = rf"^{FOLDER}/(snap-\d+-.*\.avro|version-hint\.text)$"
_URL = re.compile(r"(.*?)/*" + FOLDER + r"/+([^/]+\.metadata\.json(?:\.gz)?)")
_SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]+):(/*)")
_HINT = 'name it: open_table("…/metadata/….metadata.json"), as the catalog does in metadata_location.'


def split_url(url: str) -> tuple[str, str | None]:
    """The address of a table, and the path below it of its metadata, where that is what the URL names.

    Example:
        >>> split_url("s3://b/t/metadata/v3.metadata.json")
        ('s3://b/t', 'metadata/v3.metadata.json')
        >>> split_url("s3://b/t")
        ('s3://b/t', None)
    """
    found = _URL.fullmatch(url)
    return (found[1] or "/", f"{FOLDER}/{found[2]}") if found else (url, None)


def is_iceberg(store: Store) -> bool:
    """Whether a table of Iceberg lies right under this address; a listing of its `metadata/`."""
    return any(_METADATA.fullmatch(one.path) for one in store.list_objects(FOLDER))


def list_metadata(listed: pl.DataFrame) -> list[str]:
    """The files of metadata right under a table's address, among all that is listed there."""
    paths = listed["path"].filter(listed["path"].str.starts_with(f"{FOLDER}/"))
    return [path for path in paths if _METADATA.fullmatch(path)]


def refuse_remains(listed: pl.DataFrame, url: str) -> None:
    """Raise IncompleteTable where a table of Iceberg lies whose metadata is gone, or is elsewhere."""
    remains = listed["path"].filter(listed["path"].str.contains(_REMAINS))
    if len(remains):
        what = f"{url} holds {remains[0]} of an Iceberg table, and no {FOLDER}/….metadata.json."
        raise IncompleteTable(what, hint="open it by its catalog, such as with lk.open_glue, or restore its metadata.")


def choose_newest(paths: Sequence[str], hint: str | None, url: str) -> str:
    """The path of the newest metadata.

    Args:
        paths: of all that is there.
        hint: the content of `version-hint.text`, where there is one. It may lag behind: later versions count.
        url: the table, for messages.

    Raises:
        UnsupportedTable: it cannot be told.
        IncompleteTable: the hint is of a later one.

    Example:
        >>> choose_newest(["metadata/v9.metadata.json", "metadata/v10.gz.metadata.json"], "9", "t")
        'metadata/v10.gz.metadata.json'
    """
    numbers = {path: _read_number(path) for path in paths}
    told = re.fullmatch(r"\s*v?(\d+)\s*", hint) if hint is not None else None
    if told:  # its writer numbers without gaps, and by "v" alone
        numbers = {path: number for path, number in numbers.items() if re.match(rf"{FOLDER}/v?\d+\.", path)} or numbers
        if max(number or 0 for number in numbers.values()) < int(told[1]):
            what = f"{VERSION_HINT} of {url} tells of version {told[1]}, whose metadata is not there."
            raise IncompleteTable(what, hint="restore it, or open another file: …/metadata/….metadata.json.")
    named = [path for path in paths if hint is not None and hint.strip() and not told and _is_named(path, hint.strip())]
    if len(named) == 1:
        return named[0]
    if None in numbers.values() and len(numbers) > 1:
        strange = next(path for path, number in numbers.items() if number is None)
        what = f"Which metadata of {url} is the newest cannot be told: {strange} has no version in its name."
        raise UnsupportedTable(what, hint=_HINT)
    newest = max(numbers.values(), default=None)
    found = [path for path, number in numbers.items() if number == newest]
    if len(found) > 1:
        what = f"Which metadata of {url} is the newest cannot be told: {found[0]} and {found[1]} are of one version."
        raise UnsupportedTable(f"{what} One of them may be of a commit that failed.", hint=_HINT)
    return found[0]


def _read_number(path: str) -> int | None:
    found = _METADATA.fullmatch(path)
    told = found and (found[1] or found[2])
    return int(told) if told else None


def _is_named(path: str, hint: str) -> bool:
    name = path.rpartition("/")[2]
    return hint.rpartition("/")[2] in (name, name.partition(".")[0])


@dataclass(frozen=True)
class Locations:
    """How the locations that metadata has become paths under a table's address.

    Attributes:
        address: where the table was opened.
        location: where it is by its own metadata; another place where it was moved, or copied.
    """

    address: Address
    location: str

    def find_path(self, location: str) -> str:
        """The path of a file, relative to the address.

        Raises:
            UnsupportedTable: it lies elsewhere.
        """
        wanted = _split(location)
        own = self.address.scheme, "/".join(filter(None, (self.address.bucket, self.address.prefix)))
        for scheme, root in (own, _split(self.location.rstrip("/"))):
            root = f"{root.rstrip('/')}/"
            if wanted[0] == scheme and wanted[1].startswith(root):
                return wanted[1].removeprefix(root)
        what = f"The metadata of {self.address.url} names a file of another place: {location}."
        raise UnsupportedTable(what, hint="rewrite it into the table, or open that place as a table of its own.")


def _split(location: str) -> tuple[str, str]:
    """Scheme and path of a location; nothing in it is percent-decoded, as Iceberg's writers encode nothing."""
    found = _SCHEME.match(location)
    if found is None:
        return "file", location
    scheme, rest = found[1].lower(), location[found.end() :]
    if scheme == "file":
        return "file", f"/{rest}" if len(found[2]) != 2 else f"/{rest.partition('/')[2]}"
    return ("s3" if scheme in ("s3", "s3a", "s3n") else scheme), rest
