"""A plan as the lifecycle configuration of a bucket: made, compared with what is there, and put when asked.

It must not put anything unless ``apply_lifecycle`` is called, and then only what was shown before.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from os.path import commonprefix
from typing import TYPE_CHECKING, Any

from lakekit.display import format_html_table
from lakekit.errors import InvalidArgument, StaleFile
from lakekit.storage import translate_error
from lakekit.tiering.classes import is_move_allowed
from lakekit.tiering.rules import DEFAULT_MINIMUM, LONGEST_ID, OLD_MINIMUM, Fault, check_lifecycle, find_faults
from lakekit.units import format_number_of

if TYPE_CHECKING:
    from lakekit.storage import Storage
    from lakekit.tiering.planner import Plan

_REPLACES = "Putting a configuration replaces all rules of the bucket; those of others are put again as they are."
_SWITCHES = (
    f"This bucket's rules are from before September 2024 ({OLD_MINIMUM}): touching any of them makes S3 leave objects "
    "under 128 KB out of every transition, unless the old default is put along; lakekit puts it along."
)


@dataclass(frozen=True, repr=False)
class Lifecycle:
    """A lifecycle configuration for one table, and what to know of it.

    Attributes:
        table: its name.
        bucket: where it is; "" for a folder, whose lifecycle can be looked at only.
        prefix: of the table, without a slash at its end.
        configuration: what boto3's put_bucket_lifecycle_configuration takes as LifecycleConfiguration.
        warnings: what the configuration cannot say, or does beside.
    """

    table: str
    bucket: str
    prefix: str
    configuration: Mapping[str, Any]
    warnings: tuple[str, ...] = ()

    @property
    def rules(self) -> list[dict[str, Any]]:
        """The rules, sorted by ID."""
        return list(self.configuration["Rules"])

    @property
    def faults(self) -> list[Fault]:
        """What S3 would refuse; a plan without moves has no rule to put."""
        return find_faults(self.configuration, bucket=self.bucket) if self.rules else []

    def to_json(self) -> str:
        """The configuration as JSON: for the console, the command line, or a template."""
        return json.dumps(self.configuration, indent=2, ensure_ascii=False)

    def _list_rows(self) -> list[tuple[str, str, int]]:
        return [
            (rule["Filter"].get("Prefix") or rule["Filter"]["And"]["Prefix"], step["StorageClass"], step["Days"])
            for rule in self.rules
            for step in rule["Transitions"]
        ]

    def __repr__(self) -> str:
        head = f"Lifecycle for {self.table}: {format_number_of(len(self.rules), 'rule')}"
        lines = [f"  {prefix}* to {name} after {days} days" for prefix, name, days in self._list_rows()[:20]]
        if len(self.rules) > 20:
            lines.append(f"  … and {len(self.rules) - 20:,} more")
        return "\n".join([head, *lines, *(f"  ! {warning}" for warning in self.warnings)])

    def _repr_html_(self) -> str:
        title = f"Lifecycle for {self.table}: {format_number_of(len(self.rules), 'rule')}"
        return format_html_table(title, ["prefix", "class", "days"], self._list_rows(), note=" ".join(self.warnings))


@dataclass(frozen=True, repr=False)
class LifecycleChange:
    """What putting a lifecycle would change on the bucket. Nothing has been put.

    Attributes:
        bucket: which.
        before, after: the rules as they are, and as they would be.
        added, removed, changed, kept: IDs of rules; ``kept`` has those of others too.
        default_minimum: what the bucket says of small objects; it is put along as it is.
        warnings: what to know first.
    """

    bucket: str
    before: Sequence[Mapping[str, Any]]
    after: Sequence[Mapping[str, Any]]
    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]
    kept: tuple[str, ...]
    default_minimum: str
    warnings: tuple[str, ...]
    storage: Storage

    def __repr__(self) -> str:
        marks = [("+", self.added), ("-", self.removed), ("~", self.changed), (" ", self.kept)]
        lines = [f"  {mark} {name}" for mark, names in marks for name in names]
        head = f"Lifecycle of {self.bucket}: {len(self.before)} rules now, {len(self.after)} then"
        return "\n".join([head, *lines, *(f"  ! {warning}" for warning in self.warnings)])


def lifecycle(plan: Plan) -> Lifecycle:
    """The lifecycle rules that carry out a plan, few of them: neighbouring partitions with one target share a prefix.

    A rule moves what its prefix covers once it is as old as the youngest partition that it was made for. Partitions
    that come later under the same prefix move at that age too; make the plan again now and then.

    Raises:
        InvalidArgument: S3 would refuse it, such as for more than 1,000 rules; names the rule.

    Example:
        >>> import lakekit as lk
        >>> flights = lk.open_table("data/sample/lake/flights")
        >>> found = lk.tiering.heat(flights, "age", as_of="2100-01-01").resize(size_bytes=lk.TIB, files=4096)
        >>> rules = lifecycle(lk.tiering.plan(flights, found, book=lk.prices.load_book(as_of="2026-11-25"))).rules
        >>> len(rules), rules[0]["Filter"], rules[0]["Transitions"][0]["StorageClass"]
        (1, {'Prefix': 'date=2013-03-'}, 'GLACIER_IR')
    """
    targets, warnings = _find_targets(plan)
    head = f"{plan.prefix}/" if plan.prefix else ""
    rules = []
    for prefix, name, age_days in _merge(targets):
        least = 30 if name in ("STANDARD_IA", "ONEZONE_IA") else 0
        rules.append(_make_rule(head + prefix, name, max(least, int(age_days)), plan.assumptions.small_files))
        if not prefix:
            warnings.append(f"The rule for {head}* covers everything there, a table log such as _delta_log/ too.")
    found = Lifecycle(
        table=plan.table,
        bucket=plan.bucket,
        prefix=plan.prefix,
        configuration={"Rules": sorted(rules, key=lambda rule: rule["ID"])},
        warnings=tuple(warnings),
    )
    if found.rules:
        check_lifecycle(found.configuration, bucket=found.bucket)
    return found


def _find_targets(plan: Plan) -> tuple[dict[str, tuple[str | None, float]], list[str]]:
    """For each folder the class that its files are to move to, or None, and the age of the youngest."""
    targets: dict[str, tuple[str | None, float]] = {}
    warnings = []
    by_folder = plan.frame.partition_by("folder", as_dict=True, maintain_order=True)
    for (folder,), rows in by_folder.items():
        moves = rows.filter(rows["to"] != rows["storage_class"])
        wanted, stays = set(moves["to"].to_list()), rows.filter(rows["to"] == rows["storage_class"])
        name = next(iter(wanted), None)
        caught = [one for one in stays["storage_class"] if name and is_move_allowed(one, name)]
        if len(wanted) > 1 or caught:
            warnings.append(f"{folder or plan.table}: files in several classes want different things; it has no rule.")
            name = None
        targets[folder] = (name, moves["age_days"].min() if name else 0.0)
    if plan.assumptions.small_files == "leave" and any(name for name, _ in targets.values()):
        warnings.append("Objects under 128 KB stay where they are: that is the default of S3.")
    return targets, warnings


def _merge(targets: Mapping[str, tuple[str | None, float]]) -> Iterator[tuple[str, str, float]]:
    """The fewest prefixes that cover all folders of one target and no other folder: prefix, class, least age."""
    if not targets:
        return
    names = {name for name, _ in targets.values()}
    if names == {None}:
        return
    common = commonprefix(list(targets))
    if len(names) == 1:
        yield common, names.pop(), min(age for _, age in targets.values())
        return
    if common in targets and targets[common][0]:  # a folder with folders in it: no prefix is its alone
        what = f"Files right in {common or 'the table'} are to move to {targets[common][0]}, those below it are not."
        raise InvalidArgument(what, hint="prefixes cannot tell them apart; plan the folders as tables of their own.")
    by_next: dict[str, dict[str, tuple[str | None, float]]] = {}
    for folder, target in targets.items():
        if folder == common:
            continue
        by_next.setdefault(folder[: len(common) + 1], {})[folder] = target
    for _, part in sorted(by_next.items()):
        yield from _merge(part)


def _make_rule(prefix: str, name: str, days: int, small_files: str) -> dict[str, Any]:
    chosen: dict[str, Any] = {"Prefix": prefix}
    if small_files == "move":
        chosen = {"And": {"Prefix": prefix, "ObjectSizeGreaterThan": 0}}
    return {
        "ID": _make_id(prefix),
        "Status": "Enabled",
        "Filter": chosen,
        "Transitions": [{"Days": days, "StorageClass": name}],
    }


def _make_id(prefix: str) -> str:
    full = f"lakekit:{prefix}"
    if len(full) <= LONGEST_ID:
        return full
    return f"{full[: LONGEST_ID - 17]}:{sha256(full.encode()).hexdigest()[:16]}"


def read_lifecycle(bucket: str, storage: Storage) -> tuple[list[dict[str, Any]], str]:
    """The rules on a bucket and what it says of small objects; no rules is an empty list.

    Raises:
        NoFilesFound, AccessDenied (s3:GetLifecycleConfiguration), CredentialsExpired, StorageFailed: S3 refuses.
    """
    try:
        answer = storage.boto3("s3").get_bucket_lifecycle_configuration(Bucket=bucket)
    except Exception as exc:
        if getattr(exc, "response", {}).get("Error", {}).get("Code") == "NoSuchLifecycleConfiguration":
            return [], DEFAULT_MINIMUM
        url = f"s3://{bucket}"
        raise translate_error(
            exc, action="s3:GetLifecycleConfiguration", url=url, bucket=bucket, storage=storage
        ) from exc
    return answer.get("Rules", []), answer.get("TransitionDefaultMinimumObjectSize", DEFAULT_MINIMUM)


def diff_lifecycle(lifecycle: Lifecycle, storage: Storage) -> LifecycleChange:
    """What putting a lifecycle would change on its bucket; asks for the rules there, changes nothing.

    Rules of others are kept; lakekit's own rules for the same table are replaced.

    Args:
        lifecycle: what ``lifecycle`` made, or one with a configuration of your own.
        storage: how to reach S3; ``table.store.storage``.

    Raises:
        InvalidArgument: the table is a folder, or S3 would refuse the rules together; names the rule.
        AccessDenied (s3:GetLifecycleConfiguration) and others: S3 refuses.

    Example:
        >>> import lakekit as lk
        >>> storage = lk.embedded_aws()
        >>> _ = storage.boto3("s3").create_bucket(Bucket="a-lake-with-rules")
        >>> steps = [{"Days": 90, "StorageClass": "GLACIER_IR"}]
        >>> rule = {"ID": "lakekit:t/", "Status": "Enabled", "Filter": {"Prefix": "t/"}, "Transitions": steps}
        >>> change = diff_lifecycle(Lifecycle("t", "a-lake-with-rules", "t", {"Rules": [rule]}), storage)
        >>> change.added
        ('lakekit:t/',)
        >>> apply_lifecycle(change) == [rule]
        True
    """
    if not lifecycle.bucket:
        what = f"{lifecycle.table} lies in a folder, and a folder has no lifecycle."
        raise InvalidArgument(what, hint="apply it to the bucket from s3://… ; to_json() shows it.")
    before, minimum = read_lifecycle(lifecycle.bucket, storage)
    mine = f"lakekit:{lifecycle.prefix}/" if lifecycle.prefix else "lakekit:"
    others = [rule for rule in before if not str(rule.get("ID", "")).startswith(mine)]
    after = [*others, *lifecycle.rules]
    if after:
        check_lifecycle({"Rules": after}, bucket=lifecycle.bucket)
    old, new = ({_name(rule, number): rule for number, rule in enumerate(rules)} for rules in (before, after))
    same = [name for name in new if name in old and _is_equal(old[name], new[name])]
    warnings = [*([_REPLACES] if before else []), *([_SWITCHES] if minimum == OLD_MINIMUM and before else [])]
    return LifecycleChange(
        bucket=lifecycle.bucket,
        before=before,
        after=after,
        added=tuple(name for name in new if name not in old),
        removed=tuple(name for name in old if name not in new),
        changed=tuple(name for name in new if name in old and name not in same),
        kept=tuple(same),
        default_minimum=minimum,
        warnings=(*warnings, *lifecycle.warnings),
        storage=storage,
    )


def apply_lifecycle(change: LifecycleChange) -> list[dict[str, Any]]:
    """Puts a change that ``diff_lifecycle`` showed on the bucket, and returns the rules as S3 then has them.

    Moves happen over the following days, each once an object is old enough; S3 charges for every object moved.

    Raises:
        StaleFile: someone changed the bucket's rules since the change was looked at; nothing was put.
        AccessDenied (s3:PutLifecycleConfiguration) and others: S3 refuses.

    Example: see ``diff_lifecycle``.
    """
    now, _ = read_lifecycle(change.bucket, change.storage)
    if not _are_equal(now, change.before):
        what = f"The lifecycle of {change.bucket} has changed since it was compared: {len(now)} rules now."
        raise StaleFile(what, hint="call diff_lifecycle again, and look at it.")
    client = change.storage.boto3("s3")
    action = "s3:PutLifecycleConfiguration"
    try:
        if change.after:
            client.put_bucket_lifecycle_configuration(
                Bucket=change.bucket,
                LifecycleConfiguration={"Rules": list(change.after)},
                TransitionDefaultMinimumObjectSize=change.default_minimum,
            )
        elif change.before:
            client.delete_bucket_lifecycle(Bucket=change.bucket)
    except Exception as exc:
        url = f"s3://{change.bucket}"
        raise translate_error(exc, action=action, url=url, bucket=change.bucket, storage=change.storage) from exc
    return read_lifecycle(change.bucket, change.storage)[0]


def _name(rule: Mapping[str, Any], number: int) -> str:
    return str(rule.get("ID") or f"rule {number + 1} without an ID")


def _is_equal(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return json.dumps(one, sort_keys=True, default=str) == json.dumps(other, sort_keys=True, default=str)


def _are_equal(one: Sequence[Mapping[str, Any]], other: Sequence[Mapping[str, Any]]) -> bool:
    return sorted(json.dumps(rule, sort_keys=True, default=str) for rule in one) == sorted(
        json.dumps(rule, sort_keys=True, default=str) for rule in other
    )
