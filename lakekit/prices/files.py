"""Price books as JSON files: those that come with lakekit, one a region, and the user's own.

It must not ask AWS; a file that is not a price book is an error that names the entry.
"""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Mapping
from datetime import UTC, date, datetime
from importlib import resources
from pathlib import Path
from typing import Any

from lakekit.errors import InvalidArgument
from lakekit.prices.book import Price, PriceBook, StalePrices, Tier, read_date

_PARTS = ("sources", "prices", "numbers", "unpriced")


def list_regions() -> list[str]:
    """The regions that have a price book here; us-east-1 has every service, the others mostly DynamoDB.

    Example:
        >>> "eu-central-1" in list_regions()
        True
    """
    return sorted(item.name.removesuffix(".json") for item in _folder().iterdir() if item.name.endswith(".json"))


def load_book(
    region: str = "us-east-1", *, file: str | Path | None = None, as_of: date | str | None = None
) -> PriceBook:
    """The price book of a region, or of a file of your own.

    Args:
        region: such as ``"us-east-1"``; see ``list_regions``. With ``file`` it must be the region of that file.
        file: a JSON file to use instead, in the form that ``save_book`` writes.
        as_of: the day on which the prices are to hold; today if not given. A book that is then older than a year is
            returned with a StalePrices warning.

    Raises:
        InvalidArgument: no book for that region, or the file is not a price book.

    Example:
        >>> load_book("eu-west-1", as_of="2026-11-25").usd("dynamodb.storage.STANDARD")  # GB-month
        0.283
    """
    day = read_day(as_of) if as_of is not None else datetime.now(UTC).date()
    if file is not None:
        book = _read_own(Path(file), region)
    elif region in list_regions():
        book = parse_book(json.loads((_folder() / f"{region}.json").read_text(encoding="utf-8")), where=region)
    else:
        what = f"There is no price book for the region {region!r}."
        hint = f"there is one for {', '.join(list_regions())}; or give your own with file=, see save_book."
        raise InvalidArgument(what, hint=hint)
    if book.is_stale(day):
        message = (
            f"The price book of {book.region} is of {book.as_of}, {book.age_days(day):,} days before {day}. "
            "Hint: install a newer lakekit, or refresh it: lakekit.prices.refresh_book(book)."
        )
        warnings.warn(message, StalePrices, stacklevel=2)
    return book


def save_book(book: PriceBook, file: str | Path) -> Path:
    """Writes a book as JSON, to be edited and given to ``load_book(file=…)``; returns the path.

    Example:
        >>> import tempfile
        >>> book = load_book(as_of="2026-11-25")
        >>> path = save_book(book, tempfile.mkdtemp() + "/ours.json")
        >>> load_book(file=path, as_of="2026-11-25") == book
        True
    """
    entries = [*book.prices.values(), *book.numbers.values()]
    names = {url: f"source-{number:02d}" for number, url in enumerate(sorted({entry.source for entry in entries}), 1)}
    content = {
        "region": book.region,
        "name": book.name,
        "currency": "USD",
        "as_of": book.as_of.isoformat(),
        "sources": {name: url for url, name in names.items()},
        "prices": {id: _write_entry(book.prices[id], names) for id in book.ids()},
        "numbers": {id: _write_entry(book.numbers[id], names) for id in sorted(book.numbers)},
        "unpriced": dict(book.unpriced),
    }
    path = Path(file)
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def read_day(day: date | str) -> date:
    """A day given as a date, a datetime or ISO text.

    Raises:
        InvalidArgument: it is none of them.
    """
    try:
        if isinstance(day, datetime):
            return day.astimezone(UTC).date() if day.tzinfo else day.date()
        return day if isinstance(day, date) else date.fromisoformat(day)
    except (TypeError, ValueError) as exc:
        raise InvalidArgument(f"{day!r} is not a day.", hint='write as_of="2026-11-25".') from exc


def parse_book(content: Any, *, where: str) -> PriceBook:
    """The book that JSON describes.

    Args:
        content: the parsed JSON.
        where: what to call it in messages.

    Raises:
        InvalidArgument: it does not describe a price book; names the entry.
    """
    if not isinstance(content, Mapping) or any(not isinstance(content.get(part, {}), Mapping) for part in _PARTS):
        what = f"{where} is not a price book: it must be an object with region, as_of, sources and prices."
        raise InvalidArgument(what, hint="save_book(load_book(), file) writes one to start from.")
    missing = [key for key in ("region", "as_of", "sources", "prices") if not content.get(key)]
    if missing:
        raise InvalidArgument(f"{where} lacks {', '.join(missing)}.", hint="see what save_book writes.")
    if content.get("currency", "USD") != "USD":
        what = f"{where} has prices in {content['currency']!r}."
        raise InvalidArgument(what, hint="AWS bills in USD, and so does lakekit.")
    sources = content["sources"]
    return PriceBook(
        region=str(content["region"]),
        name=str(content.get("name", content["region"])),
        as_of=_parse_as_of(content["as_of"], where),
        prices={id: _read_entry(id, entry, sources, where) for id, entry in content["prices"].items()},
        numbers={id: _read_entry(id, entry, sources, where) for id, entry in content.get("numbers", {}).items()},
        unpriced={str(first): str(reason) for first, reason in content.get("unpriced", {}).items()},
    )


def _read_own(path: Path, region: str) -> PriceBook:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as exc:
        raise InvalidArgument(f"There is no price book {path}.", hint="check the path.") from exc
    except (ValueError, OSError) as exc:
        raise InvalidArgument(f"{path} cannot be read as JSON: {exc}", hint="see what save_book writes.") from exc
    book = parse_book(content, where=str(path))
    if region not in ("us-east-1", book.region):  # the default region says nothing
        what = f"{path} is the price book of {book.region}, not of {region}."
        raise InvalidArgument(what, hint=f"leave region out, or give {book.region!r}.")
    return book


def _parse_as_of(value: Any, where: str) -> date:
    parsed = read_date(value) if isinstance(value, str) else None
    if parsed is None:
        raise InvalidArgument(f"{where}: as_of {value!r} is not a date.", hint='write "2026-11-23".')
    return parsed


def _read_entry(id: str, entry: Any, sources: Mapping[str, str], where: str) -> Price:
    """One price, checked."""
    if not isinstance(entry, Mapping):
        raise InvalidArgument(f"{where}: {id} is {entry!r}.", hint='write {"value": …, "unit": …, "source": …, …}.')
    missing = [key for key in ("unit", "as_of", "source", "confidence") if not isinstance(entry.get(key), str)]
    if missing:
        raise InvalidArgument(f"{where}: {id} lacks {', '.join(missing)}.", hint="each is a text.")
    if ("value" in entry) == ("tiers" in entry):
        raise InvalidArgument(
            f"{where}: {id} must have value or tiers, and not both.", hint="see what save_book writes."
        )
    if entry["source"] not in sources:
        what = f"{where}: {id} is from {entry['source']!r}, which is not among its sources."
        raise InvalidArgument(what, hint='add it to "sources" with its address.')
    per = entry.get("per", 1)
    if not isinstance(per, int) or isinstance(per, bool) or per < 1:
        raise InvalidArgument(f"{where}: {id} is for {per!r} things.", hint="per is a whole number, 1 or more.")
    tiers = _read_tiers(id, entry["tiers"], where) if "tiers" in entry else ()
    return Price(
        id=id,
        value=tiers[0].usd if tiers else _read_number(id, entry["value"], where),
        unit=entry["unit"],
        as_of=entry["as_of"],
        source=sources[entry["source"]],
        confidence=entry["confidence"],
        note=str(entry.get("note", "")),
        per=per,
        tiers=tiers,
    )


def _read_tiers(id: str, steps: Any, where: str) -> tuple[Tier, ...]:
    if not isinstance(steps, list) or not steps or not all(isinstance(step, Mapping) for step in steps):
        raise InvalidArgument(f"{where}: the tiers of {id} are {steps!r}.", hint='write [{"up_to": 50, "usd": 1}, …].')
    tiers = []
    for step in steps:
        end = step.get("up_to")
        end = None if end is None else _read_number(id, end, where)
        tiers.append(Tier(end, _read_number(id, step.get("usd"), where)))
    ends = [math.inf if tier.up_to is None else tier.up_to for tier in tiers]
    if ends != sorted(set(ends)):
        raise InvalidArgument(f"{where}: the tiers of {id} do not rise: {ends}.", hint="up_to counts from zero.")
    return tuple(tiers)


def _read_number(id: str, value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        raise InvalidArgument(f"{where}: {id} has {value!r}.", hint="it is a number, zero or more.")
    return value


def _write_entry(price: Price, names: Mapping[str, str]) -> dict[str, Any]:
    entry: dict[str, Any] = {"value": price.value}
    if price.tiers:
        entry = {"tiers": [{"up_to": tier.up_to, "usd": tier.usd} for tier in price.tiers]}
    entry |= {"unit": price.unit, "as_of": price.as_of, "source": names[price.source], "confidence": price.confidence}
    return entry | ({"per": price.per} if price.per != 1 else {}) | ({"note": price.note} if price.note else {})


def _folder() -> Any:
    return resources.files("lakekit.prices") / "data"
