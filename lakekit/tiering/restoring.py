"""A restore of archived files: what it costs and how long it takes, then the requests, then the waiting.

It must not request anything until ``request`` is called; what it shows before is a preview.
"""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from lakekit.display import format_html_table, format_text_table
from lakekit.errors import InvalidArgument, LakekitError, StorageFailed
from lakekit.prices import PriceBook, load_book
from lakekit.progress import Progress
from lakekit.storage import translate_error
from lakekit.tiering.archived import AT_ONCE, ArchivedTable, Where, find_archived, read_state
from lakekit.tiering.classes import DAYS_PER_MONTH, RESTORE_HOURS, check_tier
from lakekit.units import GIB, format_bytes, format_number_of

if TYPE_CHECKING:
    from lakekit.storage import Store

TIERS = ("Expedited", "Standard", "Bulk")
_OUTCOMES = {
    "RestoreAlreadyInProgress": "in progress",  # 409
    "GlacierExpeditedRetrievalNotAvailable": "no expedited capacity",  # 503
    "InvalidObjectState": "not archived",  # 403: restored to STANDARD, or moved, since it was listed
}
_WAITED_FOR = ("requested", "already restored", "in progress")


@dataclass(frozen=True, repr=False)
class RestorePlan:
    """What a restore would do and cost. Nothing has been requested.

    Attributes:
        table: its name.
        files: path, size_bytes, rows, storage_class, state, readable_until of the archived files.
        days: how long the copies are kept.
        tier: "Expedited", "Standard" or "Bulk".
        request_usd, data_usd, copy_usd: for the requests, the GB taken out, and the copies at the STANDARD rate.
        hours: after so many hours, at the earliest and the latest, all of it can be read.
        choices: tier, usd and hours (latest) of each tier that all the files have.
    """

    table: str
    files: pl.DataFrame
    days: int
    tier: str
    request_usd: float
    data_usd: float
    copy_usd: float
    hours: tuple[float, float]
    choices: pl.DataFrame
    store: Store

    @property
    def usd(self) -> float:
        """What it costs in all."""
        return self.request_usd + self.data_usd + self.copy_usd

    def request(self) -> RestoreRun:
        """Asks S3 to restore the files, and returns what it said to each. Copies are charged from then on.

        Raises:
            AccessDenied (s3:RestoreObject) and others: S3 refused every file; one that it took makes a RestoreRun.
        """
        asked = self.files.filter(pl.col("state") != "restoring")
        with ThreadPoolExecutor(AT_ONCE) as threads:
            said = list(threads.map(self._request_one, asked["path"]))
        errors = [one for one in said if isinstance(one, LakekitError)]
        if errors and len(errors) == len(said):
            raise errors[0]
        outcomes = dict.fromkeys(self.files["path"], "in progress") | dict(
            zip(asked["path"], map(_name_outcome, said), strict=True)
        )
        frame = self.files.select(
            "path", "size_bytes", pl.col("path").replace_strict(outcomes, return_dtype=pl.String).alias("outcome")
        )
        return RestoreRun(self.table, frame, self.hours, self.store)

    def _request_one(self, path: str) -> str | LakekitError:
        """ "requested" (202), "already restored" (200), what else S3 said, or an error."""
        address, storage = self.store.address, self.store.storage
        try:
            answer = storage.boto3("s3").restore_object(
                Bucket=address.bucket,
                Key=address.full_path(path),
                RestoreRequest={"Days": self.days, "GlacierJobParameters": {"Tier": self.tier}},
            )
        except Exception as exc:
            code = getattr(exc, "response", {}).get("Error", {}).get("Code", "")
            if code in _OUTCOMES:
                return _OUTCOMES[code]
            url = address.join(path)
            return translate_error(exc, action="s3:RestoreObject", url=url, bucket=address.bucket, storage=storage)
        return "requested" if answer["ResponseMetadata"]["HTTPStatusCode"] == 202 else "already restored"

    def _describe(self) -> str:
        size = format_bytes(self.files["size_bytes"].sum())
        low, high = (_hours(one) for one in self.hours)
        after = low if low == high else f"{low} to {high}"
        return (
            f"Restore of {format_number_of(self.files.height, 'file')} ({size}) of {self.table}, {self.tier}, kept "
            f"{format_number_of(self.days, 'day')}: ${self.usd:,.4f}, readable after {after}"
        )

    def _list_rows(self) -> list[tuple[str, str, str]]:
        return [(tier, f"{usd:,.4f}", _hours(hours)) for tier, usd, hours in self.choices.iter_rows()]

    def __repr__(self) -> str:
        table = format_text_table(["tier", "USD", "within"], self._list_rows())
        return f"{self._describe()}\n{table}\nNothing requested yet: .request()"

    def _repr_html_(self) -> str:
        note = "Nothing requested yet: .request()"
        return format_html_table(self._describe(), ["tier", "USD", "within"], self._list_rows(), note=note)


@dataclass(frozen=True, repr=False)
class RestoreRun:
    """What S3 said to the requests of a restore.

    Attributes:
        table: its name.
        frame: path, size_bytes, outcome: "requested" (202), "already restored" (200; the copy is kept longer), "in
            progress" (409), "no expedited capacity" (503; ask again, or take another tier), "not archived", or the
            text of an error.
        hours: as the plan said.
    """

    table: str
    frame: pl.DataFrame
    hours: tuple[float, float]
    store: Store

    def wait(self, *, poll_seconds: float = 300, timeout_hours: float | None = None) -> pl.DataFrame:
        """Waits until every file that S3 took can be read, with a bar; returns path, state and readable_until.

        Args:
            poll_seconds: how long to wait between two looks; each look is one HEAD for each file that is not ready.
            timeout_hours: give up after so long; the restore itself goes on.

        Raises:
            StorageFailed: not ready in time; says how many are.
        """
        taken = self.frame.filter(pl.col("outcome").is_in(_WAITED_FOR))["path"].to_list()
        found: dict[str, tuple] = {}
        until = None if timeout_hours is None else time.monotonic() + timeout_hours * 3600
        with Progress(f"Restoring {self.table}", len(taken)) as progress, ThreadPoolExecutor(AT_ONCE) as threads:
            while True:
                pending = [path for path in taken if path not in found]
                states = zip(pending, threads.map(lambda path: read_state(self.store, path), pending), strict=True)
                found |= {path: state for path, state in states if state[0] == "restored"}
                progress.show(len(found))
                if len(found) == len(taken):
                    break
                if until is not None and time.monotonic() + poll_seconds > until:
                    what = (
                        f"{len(found):,} of {format_number_of(len(taken), 'file')} of {self.table} are restored so far."
                    )
                    raise StorageFailed(what, hint="the restore goes on; call wait() again.")
                time.sleep(poll_seconds)
        rows = [(path, *found[path]) for path in taken]
        schema = {"path": pl.String, "state": pl.String, "readable_until": pl.Datetime("us", "UTC")}
        return pl.DataFrame(rows, schema=schema, orient="row")

    def __repr__(self) -> str:
        counts = Counter(self.frame["outcome"])
        parts = ", ".join(f"{count:,} {outcome}" for outcome, count in sorted(counts.items()))
        low, high = (_hours(one) for one in self.hours)
        return f"Restore of {self.table}: {parts}; readable after {low} to {high}: .wait(), then table.refresh()"


def restore(
    table: ArchivedTable, where: Where = None, *, days: int = 7, tier: str = "Standard", book: PriceBook | None = None
) -> RestorePlan:
    """A preview of restoring archived files: which, for how much, after how many hours. ``.request()`` asks for it.

    Args:
        table: from ``lk.open_table``.
        where: which archived files; see ``find_archived``; all of them if not given.
        days: how long the restored copies are kept, 1 or more; they are charged at the STANDARD rate.
        tier: "Expedited" (minutes; not for DEEP_ARCHIVE), "Standard" (hours) or "Bulk" (up to two days).
        book: prices; those of us-east-1 if not given.

    Raises:
        InvalidArgument: nothing there is archived, or the classes there have no such tier.

    Example:
        >>> import lakekit as lk
        >>> storage, day = lk.embedded_aws(), "date=2013-03-01/part-0.parquet"
        >>> s3 = storage.boto3("s3")
        >>> _ = s3.create_bucket(Bucket="a-lake-in-the-cold")
        >>> with open(f"data/sample/lake/flights/{day}", "rb") as file:
        ...     _ = s3.put_object(Bucket="a-lake-in-the-cold", Key=f"t/{day}", Body=file, StorageClass="GLACIER")
        >>> with open("data/sample/lake/flights/date=2013-03-02/part-0.parquet", "rb") as file:
        ...     _ = s3.put_object(Bucket="a-lake-in-the-cold", Key="t/date=2013-03-02/part-0.parquet", Body=file)
        >>> flights = lk.open_table("s3://a-lake-in-the-cold/t", storage=storage)
        >>> preview = restore(flights, "date < '2013-03-02'", days=2)
        >>> preview.hours
        (3, 5)
        >>> preview.request().wait(poll_seconds=0)["state"].to_list()
        ['restored']
    """
    if isinstance(days, bool) or not isinstance(days, int) or days < 1:
        raise InvalidArgument(f"days is {days!r}.", hint="it is a whole number, 1 or more.")
    if tier not in TIERS:
        raise InvalidArgument(f"There is no restore tier {tier!r}.", hint=f"there are {', '.join(TIERS)}.")
    files = find_archived(table, where) if table.store.address.scheme == "s3" else pl.DataFrame()
    if not files.height:
        chosen = "" if where is None else f" where {where}"
        what = f"No file of {table.name}{chosen} is archived."
        raise InvalidArgument(what, hint="see find_archived(table), and table.files for the classes.")
    return price_restore(table, files, days=days, tier=tier, book=book or load_book())


def price_restore(table: ArchivedTable, files: pl.DataFrame, *, days: int, tier: str, book: PriceBook) -> RestorePlan:
    """The preview for files as ``find_archived`` returns them.

    Raises:
        InvalidArgument: the classes there have no such tier.
    """
    for name in files["storage_class"].unique().sort():
        check_tier(name, tier)
    request_usd, data_usd, copy_usd = _add_up(files, tier, days, book)
    choices = [
        (name, sum(_add_up(files, name, days, book)), _find_hours(files, name)[1])
        for name in TIERS
        if all((archive, name) in RESTORE_HOURS for archive in files["storage_class"])
    ]
    return RestorePlan(
        table=table.name,
        files=files,
        days=days,
        tier=tier,
        request_usd=request_usd,
        data_usd=data_usd,
        copy_usd=copy_usd,
        hours=_find_hours(files, tier),
        choices=pl.DataFrame(choices, schema={"tier": pl.String, "usd": pl.Float64, "hours": pl.Float64}, orient="row"),
        store=table.store,
    )


def _add_up(files: pl.DataFrame, tier: str, days: int, book: PriceBook) -> tuple[float, float, float]:
    """USD for requests, data and copies; what is restored already pays for a request and the copy, no data."""
    requested = data = 0.0
    for name, state, size in files.select("storage_class", "state", "size_bytes").iter_rows():
        if state == "restoring":
            continue
        requested += book.cost_usd(f"s3.restore.request.{name}.{tier}", 1)
        if state == "archived":
            data += book.cost_usd(f"s3.restore.data.{name}.{tier}", size / GIB)
    kept_gb = files.filter(pl.col("state") != "restoring")["size_bytes"].sum() / GIB
    return requested, data, book.cost_usd("s3.storage.STANDARD", kept_gb) * days / DAYS_PER_MONTH


def _find_hours(files: pl.DataFrame, tier: str) -> tuple[float, float]:
    """The earliest and latest hour at which all of them can be read."""
    waiting = files.filter(pl.col("state") != "restored")["storage_class"].unique()
    spans = [RESTORE_HOURS[name, tier] for name in waiting]
    return max((low for low, _ in spans), default=0.0), max((high for _, high in spans), default=0.0)


def _name_outcome(said: str | LakekitError) -> str:
    return said.what if isinstance(said, LakekitError) else said


def _hours(hours: float) -> str:
    return f"{hours * 60:.0f} minutes" if hours < 1 else f"{hours:g} hours"
