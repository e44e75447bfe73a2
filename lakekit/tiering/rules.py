"""What S3 refuses in a lifecycle configuration, found before it is asked, each fault by the name of its rule.

It must not send anything: a configuration is the dict that boto3 takes.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from lakekit.errors import InvalidArgument
from lakekit.tiering.classes import DAYS_BEFORE_IA, MIN_BILLED_BYTES, MINIMUM_DAYS, check_class, is_move_allowed

# S3 user guide, lifecycle configuration and transitions, read 2026-04-13; API model of botocore 1.44.5
MOST_RULES = 1000
LONGEST_ID = 255
MOST_NEWER_VERSIONS = 100
MOST_FILTER_BYTES = 50 * 10**12
TARGETS = ("STANDARD_IA", "INTELLIGENT_TIERING", "ONEZONE_IA", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE")
DEFAULT_MINIMUM = "all_storage_classes_128K"  # since September 2024
OLD_MINIMUM = "varies_by_storage_class"  # of configurations from before, until any rule is touched
_FILTERS = ("Prefix", "Tag", "ObjectSizeGreaterThan", "ObjectSizeLessThan", "And")
_ACTIONS = (
    "Transitions",
    "Expiration",
    "NoncurrentVersionTransitions",
    "NoncurrentVersionExpiration",
    "AbortIncompleteMultipartUpload",
)


@dataclass(frozen=True)
class Fault:
    """One thing that S3 would refuse.

    Attributes:
        rule: the name of the rule that is broken: "max-rules", "id", "status", "filter", "action", "class",
            "days-or-date", "date-midnight", "30-days-before-ia", "waterfall", "minimum-duration", "expiration",
            "noncurrent", "directory-bucket".
        where: the ID of the lifecycle rule, or "configuration".
        message: what is wrong, with values.
    """

    rule: str
    where: str
    message: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.where}: {self.message}"


def find_faults(configuration: Mapping[str, Any], *, bucket: str = "") -> list[Fault]:
    """All that S3 would refuse in a lifecycle configuration; nothing when it is right.

    Args:
        configuration: ``{"Rules": [...]}``, as boto3 takes it.
        bucket: its name, when known; directory buckets allow less.

    Example:
        >>> rule = {"ID": "a", "Status": "Enabled", "Filter": {"Prefix": "logs/"}}
        >>> rule["Transitions"] = [{"Days": 1, "StorageClass": "STANDARD_IA"}]
        >>> print(find_faults({"Rules": [rule]})[0])
        30-days-before-ia: a: to STANDARD_IA after 1 days; objects must be 30 days old
    """
    rules = configuration.get("Rules")
    if not isinstance(rules, Sequence) or not rules or not all(isinstance(rule, Mapping) for rule in rules):
        return [Fault("action", "configuration", 'it must hold "Rules", a list of at least one rule')]
    faults = []
    if len(rules) > MOST_RULES:
        what = f"{len(rules):,} rules; a bucket has {MOST_RULES:,} at most, and that cannot be raised"
        faults.append(Fault("max-rules", "configuration", what))
    counts = Counter(rule.get("ID") for rule in rules if rule.get("ID"))
    faults += [Fault("id", name, f"{count} rules have this ID") for name, count in counts.items() if count > 1]
    for number, rule in enumerate(rules, 1):
        where = str(rule.get("ID") or f"rule {number}")
        faults += [Fault(name, where, message) for name, message in _find_rule_faults(rule, bucket)]
    return faults


def check_lifecycle(configuration: Mapping[str, Any], *, bucket: str = "") -> None:
    """Nothing, when S3 would take the configuration.

    Raises:
        InvalidArgument: it would not; names every rule that is broken.
    """
    faults = find_faults(configuration, bucket=bucket)
    if faults:
        shown = "; ".join(map(str, faults[:5])) + (f"; and {len(faults) - 5} more" if len(faults) > 5 else "")
        what = f"S3 would refuse this lifecycle configuration: {shown}."
        raise InvalidArgument(what, hint="mend the rules named; nothing was sent.")


def find_step_faults(steps: Sequence[tuple[int, str]]) -> list[Fault]:
    """What S3 would refuse in a row of transitions, given as days and classes.

    Example:
        >>> find_step_faults([(4, "GLACIER_IR"), (94, "DEEP_ARCHIVE")])
        []
        >>> [fault.rule for fault in find_step_faults([(4, "GLACIER_IR"), (93, "DEEP_ARCHIVE")])]
        ['minimum-duration']
    """
    transitions = [{"Days": days, "StorageClass": name} for days, name in steps]
    return find_faults({"Rules": [{"ID": "steps", "Status": "Enabled", "Filter": {}, "Transitions": transitions}]})


def get_lifecycle_date(created_at: datetime, days: int) -> datetime:
    """When an object becomes eligible: so many days after its creation, rounded up to the next midnight UTC.

    Example:
        >>> get_lifecycle_date(datetime(2014, 1, 15, 10, 30, tzinfo=UTC), 3).isoformat()
        '2014-01-19T00:00:00+00:00'
    """
    if created_at.tzinfo is None:
        raise InvalidArgument(f"{created_at!r} has no time zone.", hint="add tzinfo=UTC.")
    eligible = created_at.astimezone(UTC) + timedelta(days=days)
    midnight = eligible.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight if midnight == eligible else midnight + timedelta(days=1)


def does_lifecycle_move(
    size_bytes: int,
    to_class: str,
    *,
    default_minimum: str = DEFAULT_MINIMUM,
    larger_than: int | None = None,
    smaller_than: int | None = None,
) -> bool:
    """Whether a transition takes an object of a size along.

    Args:
        size_bytes: of the object.
        to_class: where the transition leads.
        default_minimum: the bucket's; objects under 128 KiB are not moved to any class, or, in buckets whose rules are
            from before September 2024, only to GLACIER and DEEP_ARCHIVE.
        larger_than, smaller_than: the rule's own size filter, exclusive; it takes the place of the default.

    Example:
        >>> does_lifecycle_move(65_536, "GLACIER"), does_lifecycle_move(65_536, "GLACIER", larger_than=0)
        (False, True)
        >>> does_lifecycle_move(65_536, "GLACIER", default_minimum="varies_by_storage_class")
        True
    """
    if default_minimum not in (DEFAULT_MINIMUM, OLD_MINIMUM):
        what = f"{default_minimum!r} is not a default of S3."
        raise InvalidArgument(what, hint=f"it is {DEFAULT_MINIMUM!r} or {OLD_MINIMUM!r}.")
    if check_class(to_class) not in TARGETS:
        return False
    if larger_than is not None or smaller_than is not None:
        return (larger_than is None or size_bytes > larger_than) and (smaller_than is None or size_bytes < smaller_than)
    if default_minimum == OLD_MINIMUM and to_class in ("GLACIER", "DEEP_ARCHIVE"):
        return True
    return size_bytes >= MIN_BILLED_BYTES


# what S3 does first when several rules are due; user guide, conflicting lifecycle actions, read 2026-04-13
_PRECEDENCE = (
    "delete", "DEEP_ARCHIVE", "GLACIER", "INTELLIGENT_TIERING", "GLACIER_IR", "ONEZONE_IA", "STANDARD_IA",
    "delete marker",
)  # fmt: skip


def choose_action(actions: Sequence[str]) -> str:
    """Which of several actions S3 takes when rules conflict on one day.

    A permanent deletion wins over moves, moves win over a delete marker; among moves Intelligent-Tiering wins over all
    but the archives, else the cheaper class.

    Args:
        actions: "delete", "delete marker", or classes to move to.

    Example:
        >>> choose_action(["STANDARD_IA", "GLACIER"]), choose_action(["GLACIER_IR", "INTELLIGENT_TIERING"])
        ('GLACIER', 'INTELLIGENT_TIERING')
    """
    unknown = [action for action in actions if action not in _PRECEDENCE]
    if unknown or not actions:
        what = f"{unknown[0]!r} is no action of a lifecycle." if unknown else "No action is given."
        raise InvalidArgument(what, hint=f"there are {', '.join(_PRECEDENCE)}.")
    return min(actions, key=_PRECEDENCE.index)


_Problem = tuple[str, str]


def _find_rule_faults(rule: Mapping[str, Any], bucket: str) -> Iterator[_Problem]:
    if len(str(rule.get("ID", ""))) > LONGEST_ID:
        yield "id", f"the ID has {len(str(rule['ID']))} characters; {LONGEST_ID} at most"
    if rule.get("Status") not in ("Enabled", "Disabled"):
        yield "status", f"Status is {rule.get('Status')!r}; it must be Enabled or Disabled"
    yield from _find_filter_faults(rule)
    if not any(rule.get(action) for action in _ACTIONS):
        yield "action", "it does nothing; it needs a transition, an expiration or an abort"
    yield from _find_transition_faults(rule.get("Transitions") or [])
    yield from _find_expiration_faults(rule)
    yield from _find_noncurrent_faults(rule)
    if bucket.endswith("--x-s3") and (rule.get("Transitions") or rule.get("NoncurrentVersionTransitions")):
        yield "directory-bucket", f"{bucket} is a directory bucket, which has no transitions"


def _find_filter_faults(rule: Mapping[str, Any]) -> Iterator[_Problem]:
    has_filter, has_prefix = "Filter" in rule, "Prefix" in rule
    if has_filter == has_prefix:
        yield "filter", 'it must have "Filter", or the "Prefix" of old, and not both'
    chosen = rule.get("Filter") or {}
    unknown = [key for key in chosen if key not in _FILTERS]
    if unknown:
        yield "filter", f"unknown {', '.join(unknown)}; a filter has {', '.join(_FILTERS)}"
    if len(chosen) > 1:
        yield "filter", f"{' and '.join(chosen)} side by side; put them into And"
    both = chosen.get("And")
    if both is not None and len(both) + max(0, len(both.get("Tags") or []) - 1) < 2:
        yield "filter", "And must hold two conditions at least"
    sizes = both or chosen
    low, high = sizes.get("ObjectSizeGreaterThan"), sizes.get("ObjectSizeLessThan")
    for size in (low, high):
        if size is not None and not (isinstance(size, int) and 0 <= size <= MOST_FILTER_BYTES):
            yield "filter", f"{size!r} is not a size in bytes up to 50 TB"
    if isinstance(low, int) and isinstance(high, int) and high <= low + 1:
        yield "filter", f"no object is larger than {low:,} and smaller than {high:,} bytes"


def _find_when_faults(action: Mapping[str, Any], least_days: int) -> Iterator[_Problem]:
    """Faults of Days or Date."""
    if ("Days" in action) == ("Date" in action):
        yield "days-or-date", "each step must have Days or Date, and not both"
    elif "Days" in action:
        days = action["Days"]
        if not isinstance(days, int) or isinstance(days, bool) or days < least_days:
            yield "days-or-date", f"Days is {days!r}; it is a whole number, {least_days} or more"
    else:
        at = action["Date"]
        at = datetime.fromisoformat(at) if isinstance(at, str) else at
        if at != at.replace(hour=0, minute=0, second=0, microsecond=0) or (at.tzinfo and at.utcoffset()):
            yield "date-midnight", f"{at.isoformat()} is not midnight UTC"


def _find_transition_faults(steps: Sequence[Mapping[str, Any]]) -> Iterator[_Problem]:
    for step in steps:
        if step.get("StorageClass") not in TARGETS:
            yield (
                "class",
                f"{step.get('StorageClass')!r} is no class that a lifecycle moves to; {', '.join(TARGETS)} are",
            )
            return
        yield from _find_when_faults(step, 0)
    if len({"Days" in step for step in steps}) > 1:
        yield "days-or-date", "Days and Date are mixed in one rule"
        return
    key = "Days" if steps and "Days" in steps[0] else "Date"
    if any(not isinstance(step.get(key), int | str | datetime) for step in steps):
        return
    try:
        in_order = sorted(steps, key=lambda step: step[key])
    except TypeError:
        yield "days-or-date", "dates are written in different ways"
        return
    if key == "Days":
        for step in in_order:
            if step["StorageClass"] in ("STANDARD_IA", "ONEZONE_IA") and step["Days"] < DAYS_BEFORE_IA:
                told = f"to {step['StorageClass']} after {step['Days']} days; objects must be {DAYS_BEFORE_IA} days old"
                yield "30-days-before-ia", told
    yield from _find_order_faults([(_to_days(step[key]), step["StorageClass"]) for step in in_order])


def _to_days(when: int | str | datetime) -> float:
    if isinstance(when, int):
        return when
    at = datetime.fromisoformat(when) if isinstance(when, str) else when
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return at.timestamp() / 86_400


def _find_order_faults(steps: Sequence[tuple[float, str]]) -> Iterator[_Problem]:
    """Faults between one step and the next, in the order of time."""
    for (day, name), (next_day, next_name) in pairwise(steps):
        if not is_move_allowed(name, next_name):
            yield "waterfall", f"from {name} to {next_name}; S3 moves down only"
        elif next_day - day < MINIMUM_DAYS.get(name, 0):
            told = (
                f"{name} is left after {next_day - day:g} days; one rule must leave objects there {MINIMUM_DAYS[name]}"
            )
            yield "minimum-duration", told
        elif next_day == day:
            yield "minimum-duration", f"to {name} and {next_name} at the same time"


def _find_expiration_faults(rule: Mapping[str, Any]) -> Iterator[_Problem]:
    expiration = rule.get("Expiration")
    if not expiration:
        return
    if "ExpiredObjectDeleteMarker" in expiration:
        if len(expiration) > 1:
            yield "expiration", "ExpiredObjectDeleteMarker stands alone, without Days or Date"
        return
    yield from _find_when_faults(expiration, 1)
    days = [step["Days"] for step in rule.get("Transitions") or [] if isinstance(step.get("Days"), int)]
    if days and isinstance(expiration.get("Days"), int) and expiration["Days"] <= max(days):
        yield "expiration", f"objects expire after {expiration['Days']} days, before their last move after {max(days)}"
    kinds = {key for step in rule.get("Transitions") or [] for key in ("Days", "Date") if key in step}
    if len(kinds) == 1 and not kinds & set(expiration):
        yield "days-or-date", "Days and Date are mixed in one rule"


def _find_noncurrent_faults(rule: Mapping[str, Any]) -> Iterator[_Problem]:
    steps = rule.get("NoncurrentVersionTransitions") or []
    for step in steps:
        name, days = step.get("StorageClass"), step.get("NoncurrentDays", math.nan)
        if name not in TARGETS:
            yield "class", f"{name!r} is no class that a lifecycle moves to"
            return
        if not (isinstance(days, int) and days >= 0):
            yield "noncurrent", f"NoncurrentDays is {step.get('NoncurrentDays')!r}; it is a whole number"
            return
        if name in ("STANDARD_IA", "ONEZONE_IA") and days < DAYS_BEFORE_IA:
            yield "30-days-before-ia", f"to {name} {days} days after becoming noncurrent; {DAYS_BEFORE_IA} at least"
    yield from _find_order_faults(sorted((step["NoncurrentDays"], step["StorageClass"]) for step in steps))
    for part in (*steps, rule.get("NoncurrentVersionExpiration") or {}):
        kept = part.get("NewerNoncurrentVersions")
        if kept is not None and not (isinstance(kept, int) and 1 <= kept <= MOST_NEWER_VERSIONS):
            yield "noncurrent", f"NewerNoncurrentVersions is {kept!r}; it is 1 to {MOST_NEWER_VERSIONS}"
