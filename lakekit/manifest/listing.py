"""Which of the objects under a prefix are data files, which are hidden, and which are something else.

It must not open a file: only names and sizes count here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from lakekit.errors import IncompleteTable
from lakekit.manifest.batches import FOLDER, Batches, find_batches
from lakekit.storage.columns import list_columns

if TYPE_CHECKING:
    import polars as pl

    from lakekit.manifest.logged import LoggedFiles, ReadLog
    from lakekit.storage import Store

PARQUET_ENDINGS = frozenset({".parquet", ".parq", ".pq"})
FOREIGN_ENDINGS = frozenset(
    ".avro .bz2 .csv .gz .htm .html .jpg .json .jsonl .log .lz4 .md .ndjson .orc .pdf .png .py .sh .sql .tar .tsv .txt"
    " .xlsx .xml .yaml .yml .zip .zst".split()
)  # never Parquet by their names; without this list each of them would cost a request to find that out

RECORDS = "_lakekit/"  # where compaction keeps what it knows of a copy, hidden like all names with a "_"
COPY_BEGUN, COPY_VERIFIED, RETIRED = (RECORDS + name for name in ("copy.json", "verified.json", "retired.json"))


@dataclass(frozen=True)
class Listing:
    """The objects under a prefix, sorted into data files, foreign files and hidden ones.

    Attributes:
        files: objects to read as Parquet, sorted by path; those named so must be, the others may be.
        foreign: objects that are not Parquet by their name's ending.
        hidden: how many objects the naming rules hide.
        delta_log: whether a ``_delta_log/`` is among the hidden ones, and was not read.
        records: the paths of those that lakekit keeps beside data, see RECORDS.
        batches: what is told of batches; the files of incomplete ones are not among ``files``.
        log: what the table's log tells, where it was read; then ``files`` are those that it names.
    """

    files: pl.DataFrame
    foreign: pl.DataFrame
    hidden: int
    delta_log: bool
    records: frozenset[str] = frozenset()
    batches: Batches = field(default_factory=Batches)
    log: LoggedFiles | None = None

    def refuse_incomplete(self, url: str) -> None:
        """Raise IncompleteTable where the files are a copy that is not verified yet, or originals that were retired."""
        refuse_records(self.records, url)

    def describe(self) -> str:
        """What is there, in a few words: ``412 objects there: 400 .json, 12 .gz``."""
        paths = [*self.files["path"], *self.foreign["path"]]
        count = len(paths) + self.hidden
        endings = Counter(_ending(path) or "without an ending" for path in paths)
        kinds = [f"{number:,} {ending}" for ending, number in endings.most_common(5)]
        if self.hidden:
            kinds.append(f"{self.hidden:,} hidden")
        return f"{count:,} object{'' if count == 1 else 's'} there" + (f": {', '.join(kinds)}" if kinds else "")


def refuse_records(records: frozenset[str], url: str) -> None:
    """Raise IncompleteTable where records say that a copy is not verified yet, or that originals were retired."""
    if COPY_BEGUN in records and COPY_VERIFIED not in records:
        raise IncompleteTable(
            f"{url} is a compacted copy that is not finished and verified: rows may be missing from it.",
            hint="finish it with lk.compaction.run(lk.compaction.plan(table, into=…)), or take it away with "
            "lk.compaction.discard(…); the originals are all where they were.",
        )
    if RETIRED in records:
        raise IncompleteTable(
            f"Files under {url} were retired: a compacted copy has taken their place.",
            hint=f"open that copy; {RETIRED} there names it.",
        )


def list_table(
    store: Store, *, on_progress: Callable[[int], None] | None = None, read_log: ReadLog | None = None
) -> Listing:
    """What lies under a table's address, sorted; of a batch all files or none. Where a log names files, those.

    A listing is no snapshot: a batch that is completed meanwhile may be seen in part. Such a one has fewer files than
    its marker counts, and then everything is listed once more: what is missing still has been removed since. Under an
    inventory, which stays the same, such a batch waits for the next report.
    """
    import polars as pl

    listed = list_columns(store, on_progress=on_progress)
    log = read_log(store, listed) if read_log is not None else None
    if log is not None:
        records = frozenset(listed.filter(pl.col("path").str.starts_with(RECORDS))["path"])
        return Listing(log.files, listed.clear(), listed.height - log.files.height, False, records, log=log)
    reported_at = getattr(store, "listed_at", None)
    batches = find_batches(listed, as_of=reported_at or datetime.now(UTC))
    if batches.incomplete and not batches.markers and "=" in store.address.name:
        return sort_objects(listed, find_batches(pl.concat([listed, _list_markers(store)])))
    if batches.doubtful and reported_at is None:
        listed = list_columns(store, on_progress=on_progress)
        batches = find_batches(listed, settled=frozenset(batches.markers or ()))
    return sort_objects(listed, batches)


def _list_markers(store: Store) -> pl.DataFrame:
    """The markers of the table that a partition belongs to, where that is opened by itself."""
    import polars as pl

    from lakekit.storage import open_store

    root = store.address
    while "=" in root.name and root.parent is not None:
        root = root.parent
    found = list_columns(open_store(root.child(FOLDER), store.storage))
    return found.with_columns(path=pl.lit(f"{FOLDER}/") + pl.col("path"))


def sort_objects(listed: pl.DataFrame, batches: Batches | None = None) -> Listing:
    """The listing of a prefix: its data files, foreign files, and how many are hidden.

    Args:
        listed: the columns of :func:`lakekit.storage.columns.list_columns`.
        batches: what it tells of batches, if that is known.
    """
    import polars as pl

    path = pl.col("path")
    judged = listed.select(_is_hidden().alias("hidden"), ending=_find_ending(path))
    hidden, ending = judged["hidden"], judged["ending"]
    foreign = ~hidden & ending.is_in(sorted(FOREIGN_ENDINGS)).fill_null(False)
    unseen = listed.filter(hidden)
    is_log = unseen.select(path.str.contains("(^|/)_delta_log/").any()).item() or False
    records = frozenset(unseen.filter(path.str.starts_with(RECORDS))["path"])
    is_file = ~hidden & ~foreign
    batches = batches if batches is not None else find_batches(listed)
    if batches.incomplete:
        is_file &= ~listed["path"].is_in(list(batches.incomplete))
    files = listed if is_file.all() else listed.filter(is_file)
    if not files["path"].is_sorted():
        files = files.sort("path")
    return Listing(files, listed.filter(foreign).sort("path"), int(hidden.sum()), is_log, records, batches)


def _is_hidden() -> pl.Expr:
    """:func:`is_hidden` over the columns path and size_bytes."""
    import polars as pl

    path = pl.col("path")
    begins = path.str.contains(r"(^|/)(\.|_[^=/]*(/|$))")
    ends = path.str.ends_with("/") | (path == "") | path.str.ends_with("_$folder$") | path.str.ends_with(".crc")
    is_empty = pl.col("size_bytes") == 0
    return begins | ends | (is_empty & ~_find_ending(path).is_in(sorted(PARQUET_ENDINGS)).fill_null(False))


def _find_ending(path: pl.Expr) -> pl.Expr:
    """The ending of each name with its dot, in small letters; NULL for none."""
    return path.str.extract(r"[^/](\.[^./]+)$").str.to_lowercase()


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
