"""All keys under an S3 prefix: page after page, and from many places at once when there are many pages.

It must not know what a listed key becomes: it fetches pages through the functions it is given, and plans the ranges.

S3 lists in the order of keys and tells only where the next page starts, so one listing is one page at a time. After a
few pages the folders below the prefix are asked for; their names cut the rest into ranges of keys, which are listed at
the same time. Where the cuts lie matters for speed alone: the ranges always cover every key once.
"""

from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from os.path import commonprefix
from typing import Protocol

from lakekit.errors import StorageFailed

FLAT_PAGES = 4  # read one after another before it is worth asking for folders
RANGE_PAGES = 4  # the least that a range of its own is made for; its last page is half empty
LISTING_THREADS = 16
ENOUGH_FOLDERS = 8  # to cut at; with fewer, look one level deeper
DEEPEST_LEVEL = 3
MOST_IDLE_PAGES = 10_000  # in a row, without a later key: S3 may give many where much was deleted, not without end
_WAKE_SECONDS = 1.0


class Key(Protocol):
    """Anything with the key it stands for."""

    key: str


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a listing: what was found, in order of keys, and the token of the next page if there is one.

    The address is what is listed, for messages.
    """

    found: list[Key]
    next_token: str | None
    url: str


@dataclass(slots=True)
class KeyRange:
    """Keys greater than `after`, and at most `until` where that is given, and how far they are listed.

    Attributes:
        idle_pages: the latest ones, in a row, that held no later key.
        expected_pages: how many it was made for; None where nothing was guessed.
    """

    after: str
    until: str | None
    token: str | None = None
    pages: int = 0
    idle_pages: int = 0
    may_split: bool = True
    expected_pages: int | None = None
    seen: list[Key] = field(default_factory=list)

    @property
    def is_worth_splitting(self) -> bool:
        """Whether folders may be worth asking for: not where it is, as was expected, about to end."""
        if not self.may_split or self.pages < FLAT_PAGES:
            return False
        left = None if self.expected_pages is None else self.expected_pages - self.pages
        return left is None or not -FLAT_PAGES < left < 2 * RANGE_PAGES

    def take(self, page: Page) -> int:
        """Adds a page's keys; returns how many lie in the range.

        Raises:
            StorageFailed: it would go on for ever.
        """
        found = page.found
        self.idle_pages = 0 if found and found[-1].key > self.after else self.idle_pages + 1
        refuse_endless(page.url, self.token, page.next_token, self.idle_pages)
        last_key = found[-1].key if found else self.after
        ended = self.until is not None and last_key >= self.until
        if ended:
            found = [stored for stored in found if stored.key <= self.until]
        self.seen.extend(found)
        self.after, self.pages = last_key, self.pages + 1
        self.token = None if ended else page.next_token
        return len(found)


def refuse_endless(url: str, token: str | None, next_token: str | None, idle_pages: int) -> None:
    """StorageFailed where a listing leads to the page that it has just shown, or shows nothing new for too long."""
    if next_token and (next_token == token or idle_pages > MOST_IDLE_PAGES):
        what = f"The listing of {url} does not end: "
        what += "the next page is the same again." if next_token == token else f"{idle_pages:,} pages held nothing new."
        raise StorageFailed(what, hint="look at endpoint_url: is it S3?")


FetchPage = Callable[[KeyRange], Page]
FindFolders = Callable[[str, str], tuple[list[str], bool]]


class Listing:
    """One listing of a prefix; `run` gives all its keys in order.

    Args:
        prefix: "" or ending with "/".
        fetch_page: the next page of a range; called in threads.
        find_folders: of a prefix and a key to start after, the folders (common prefixes) right below, one page of
            them, and whether there are more.
        page_keys: how many keys a full page holds.
        on_progress: called with the number of keys so far, in the thread that runs.
    """

    def __init__(
        self,
        prefix: str,
        *,
        fetch_page: FetchPage,
        find_folders: FindFolders,
        page_keys: int,
        on_progress: Callable[[int], None] | None = None,
    ):
        self.prefix = prefix
        self.fetch_page = fetch_page
        self.find_folders = find_folders
        self.page_keys = page_keys
        self.on_progress = on_progress
        self.ranges: list[KeyRange] = []
        self.count = 0

    def run(self) -> list[Key]:
        """Every key under the prefix, each once, in order."""
        first = self._add_range("", None)
        while self._take(first, self.fetch_page(first)) and first.pages < FLAT_PAGES:
            pass
        if first.token:
            self._list_in_parallel(first)
        found = [stored for key_range in self.ranges for stored in key_range.seen]
        return sorted(found, key=lambda stored: stored.key)

    def _add_range(self, after: str, until: str | None) -> KeyRange:
        key_range = KeyRange(after, until)
        self.ranges.append(key_range)
        return key_range

    def _take(self, key_range: KeyRange, page: Page) -> bool:
        """Adds a page to its range; returns whether there is more."""
        self.count += key_range.take(page)
        if self.on_progress:
            self.on_progress(self.count)
        return key_range.token is not None

    def _list_in_parallel(self, first: KeyRange) -> None:
        """Lists the rest with many threads; all decisions are taken here, in the calling thread."""
        threads = ThreadPoolExecutor(LISTING_THREADS, thread_name_prefix="lakekit-list")
        running: dict[Future, KeyRange] = {}

        def go_on(key_range: KeyRange) -> None:
            free = LISTING_THREADS - len(running)
            if key_range.is_worth_splitting and free > LISTING_THREADS // 2:
                future = threads.submit(find_cuts, self.prefix, key_range.after, key_range.until, self.find_folders)
            else:
                future = threads.submit(self.fetch_page, key_range)
            running[future] = key_range

        try:
            go_on(first)
            while running:
                done, _ = wait(running, timeout=_WAKE_SECONDS, return_when=FIRST_COMPLETED)
                for future in done:
                    key_range, result = running.pop(future), future.result()
                    if isinstance(result, Page):
                        if self._take(key_range, result):
                            go_on(key_range)
                    else:
                        for part in self._split(key_range, *result):
                            go_on(part)
        finally:
            threads.shutdown(wait=False, cancel_futures=True)

    def _split(self, key_range: KeyRange, cuts: list[str], more: bool) -> list[KeyRange]:
        """The range itself, ending at the first cut, and one new range for each cut after it."""
        least = RANGE_PAGES // 2 if more else RANGE_PAGES  # with more to come, waiting costs more than a page
        seen = key_range.seen or self.ranges[0].seen
        chosen = choose_cuts(cuts, seen, least * self.page_keys)
        if not chosen:
            key_range.may_split = False
            return [key_range]
        ends = [*chosen[1:], key_range.until]
        key_range.until, key_range.pages = chosen[0], 0
        parts = [key_range, *(self._add_range(after, until) for after, until in zip(chosen, ends, strict=True))]
        expected_keys = guess_keys(cuts, seen) // len(parts)
        for part in parts:
            part.expected_pages = -(-expected_keys // self.page_keys)
        if more:  # the last one holds folders that were not told: ask again as soon as threads are free
            parts[-1].pages, parts[-1].expected_pages = FLAT_PAGES, None
        return parts


def find_cuts(prefix: str, after: str, until: str | None, find_folders: FindFolders) -> tuple[list[str], bool]:
    """Names of folders under a prefix that lie between two keys, sorted, and whether there are more behind them.

    These are where the keys between may be cut. Looks a level deeper as long as there are fewer than ENOUGH_FOLDERS,
    down to DEEPEST_LEVEL levels.

    Args:
        prefix: "" or ending with "/"; `after` is "" or starts with it.
        after, until: only folders after the one key, and before the other where that is given.
        find_folders: see `Listing`.
    """
    if until is not None:
        common = commonprefix([after, until])
        prefix = max(prefix, common[: common.rfind("/") + 1], key=len)
    level, cuts, more = [prefix], set(), False
    for _ in range(DEEPEST_LEVEL):
        below = set()
        for folder in level:
            inside = after.startswith(folder)
            found, more = find_folders(folder, after if inside else "")
            below.update(found)
            if inside and "/" in after[len(folder) :]:
                below.add(folder + after[len(folder) :].partition("/")[0] + "/")
        level = sorted(folder for folder in below if until is None or folder < until)
        cuts.update(folder for folder in level if folder > after)
        level = [folder for folder in level if folder > after or after.startswith(folder)]
        if len(cuts) >= ENOUGH_FOLDERS or not level:
            break
    return sorted(cuts), more


def guess_keys(cuts: list[str], seen: list[Key]) -> int:
    """How many keys the folders with these names hold, if they hold as many as those seen.

    Example:
        >>> from types import SimpleNamespace
        >>> guess_keys(["d=2/", "d=3/"], [SimpleNamespace(key="d=1/a"), SimpleNamespace(key="d=1/b")])
        4
    """
    depth = cuts[-1].count("/")
    folders_seen = len({tuple(stored.key.split("/")[:depth]) for stored in seen})
    return len(cuts) * len(seen) // folders_seen


def choose_cuts(cuts: list[str], seen: list[Key], range_keys: int) -> list[str]:
    """Some of the cuts, evenly apart, so that each range between them holds that many keys; none if they are too few.

    How many keys a folder holds is guessed from those seen.

    Example:
        >>> choose_cuts(["d=3/", "d=4/", "d=5/"], [], range_keys=10)
        []
    """
    if not cuts or not seen:
        return []
    parts = min(LISTING_THREADS, guess_keys(cuts, seen) // range_keys, len(cuts) + 1)
    if parts < 2:
        return []
    return [cuts[len(cuts) * part // parts] for part in range(1, parts)]
