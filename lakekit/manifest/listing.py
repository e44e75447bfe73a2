"""Which of the objects under a prefix are data files, which are hidden, and which are something else.

It must not open a file: only names and sizes count here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lakekit.storage import StoredObject

PARQUET_ENDINGS = frozenset({".parquet", ".parq", ".pq"})
FOREIGN_ENDINGS = frozenset(
    ".avro .bz2 .csv .gz .htm .html .jpg .json .jsonl .log .lz4 .md .ndjson .orc .pdf .png .py .sh .sql .tar .tsv .txt"
    " .xlsx .xml .yaml .yml .zip .zst".split()
)  # never Parquet by their names; without this list each of them would cost a request to find that out


@dataclass(frozen=True)
class Listing:
    """The objects under a prefix, sorted into data files, foreign files and hidden ones.

    Attributes:
        files: objects to read as Parquet, sorted by path; those named so must be, the others may be.
        foreign: objects that are not Parquet by their name's ending.
        hidden: how many objects the naming rules hide.
        delta_log: whether a ``_delta_log/`` is among the hidden ones.
    """

    files: tuple[StoredObject, ...]
    foreign: tuple[StoredObject, ...]
    hidden: int
    delta_log: bool

    def describe(self) -> str:
        """What is there, in a few words: ``412 objects there: 400 .json, 12 .gz``."""
        count = len(self.files) + len(self.foreign) + self.hidden
        endings = Counter(_ending(item.path) or "without an ending" for item in self.files + self.foreign)
        kinds = [f"{number:,} {ending}" for ending, number in endings.most_common(5)]
        if self.hidden:
            kinds.append(f"{self.hidden:,} hidden")
        return f"{count:,} object{'' if count == 1 else 's'} there" + (f": {', '.join(kinds)}" if kinds else "")


def sort_objects(objects: Iterable[StoredObject]) -> Listing:
    """The listing of a prefix: its data files, foreign files, and how many are hidden."""
    files, foreign, hidden, delta_log = [], [], 0, False
    for item in objects:
        if is_hidden(item.path, item.size_bytes):
            hidden += 1
            delta_log = delta_log or "_delta_log" in item.path.split("/")[:-1]
        elif _ending(item.path) in FOREIGN_ENDINGS:
            foreign.append(item)
        else:
            files.append(item)
    by_path = sorted(files, key=lambda item: item.path)
    return Listing(tuple(by_path), tuple(sorted(foreign, key=lambda item: item.path)), hidden, delta_log)


def is_hidden(path: str, size_bytes: int) -> bool:
    """Whether Hive, Spark and lakekit pass over this object.

    Hidden is what lies under, or is, a name that begins with "." or "_" (but not a key such as ``_part=1``), folder
    markers (``dir/``, ``dir_$folder$``), checksums (``.crc``), and empty objects that are not named as Parquet.
    An empty ``.parquet`` file is not hidden: something was to be written there.

    Example:
        >>> is_hidden("_SUCCESS", 0), is_hidden("_part=1/a.parquet", 9), is_hidden("b=1/", 0), is_hidden("a.pq", 0)
        (True, False, True, False)
    """
    segments = path.split("/")
    if any(part.startswith(".") or (part.startswith("_") and "=" not in part) for part in segments):
        return True
    name = segments[-1]
    if not name or name.endswith(("_$folder$", ".crc")):
        return True
    return size_bytes == 0 and not is_named_parquet(path)


def is_named_parquet(path: str) -> bool:
    """Whether the name promises Parquet: .parquet, .parq or .pq in any case.

    Example:
        >>> is_named_parquet("a/B.PARQUET"), is_named_parquet("a/part-0")
        (True, False)
    """
    return _ending(path) in PARQUET_ENDINGS


def _ending(path: str) -> str:
    return PurePosixPath(path).suffix.lower()
