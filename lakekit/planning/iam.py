"""The least rights that lakekit needs on a table, as IAM JSON: to read, to ingest, to compact, to publish a log.

It must not grant anything: it writes policies, you attach them.

    >>> from lakekit.planning import iam
    >>> iam.policy("read", "s3://lake/events").actions
    ('s3:GetObject', 's3:ListBucket')
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lakekit.arguments import require_choice
from lakekit.display import escape_html
from lakekit.errors import InvalidArgument
from lakekit.planning.answer import Answer
from lakekit.planning.rights import ACTION_OF_CALL, escape_pattern, is_allowed
from lakekit.storage import Address, parse_address

__all__ = ["ACTION_OF_CALL", "PURPOSES", "Policy", "bucket_policy", "is_allowed", "policy"]

VERSION = "2012-10-17"
PURPOSES = {
    "read": "list the table and read its files",
    "ingest": "read, and write new files",
    "compact": "read, and write new files beside the old ones",
    "publish": "read, and write the table's Delta log or Iceberg metadata",
}
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html, read 2026; white space is not counted
MOST_LETTERS = 6144  # of a managed policy; inline: 2,048 for a user, 10,240 for a role; a bucket's: 20 KB
LEAST_TLS = "1.2"
LOG_FOLDERS = ("_delta_log", "_iceberg")  # below a table, where lk.publish writes
_WILD = re.compile(r"[*?$]")  # what means more than itself in a policy
STREAM_ACTIONS = ("DescribeStreamSummary", "GetRecords", "GetShardIterator", "ListShards")


@dataclass(frozen=True, repr=False)
class Policy(Answer):
    """A policy document with the reason for each statement.

    Attributes:
        name: what it is for.
        text: the document as JSON, indented.
        reasons: why, one for each statement.
        notes: what it does not say.
    """

    name: str
    text: str
    reasons: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def document(self) -> dict[str, Any]:
        """The document as a dict of its own, for boto3's json.dumps or for a look."""
        return json.loads(self.text)

    @property
    def json(self) -> str:
        """The document as compact JSON, as AWS counts it."""
        return json.dumps(self.document, separators=(",", ":"))

    @property
    def actions(self) -> tuple[str, ...]:
        """Every action that it names, sorted."""
        actions = set()
        for statement in self.document["Statement"]:
            named = statement["Action"]
            actions.update([named] if isinstance(named, str) else named)
        return tuple(sorted(actions))

    def allows(self, action: str, resource: str, *, context: Mapping[str, str] | None = None) -> bool:
        """Whether it allows an action on a resource; see ``is_allowed``.

        Example:
            >>> read = policy("read", "s3://lake/events")
            >>> read.allows("s3:ListBucket", "arn:aws:s3:::lake", context={"s3:prefix": "events/"})
            True
            >>> read.allows("s3:ListBucket", "arn:aws:s3:::lake", context={"s3:prefix": "salaries/"})
            False
        """
        return is_allowed(self.document, action, resource, context=context)

    def title(self) -> str:
        return f"{self.name} ({len(self.json):,} of {MOST_LETTERS:,} letters)"

    def facts(self) -> list[tuple[str, str]]:
        return []

    def __repr__(self) -> str:
        return f"{super().__repr__()}\n{self.text}"

    def __str__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return f"{super()._repr_html_()}<pre>{escape_html(self.text)}</pre>"


def policy(
    purpose: str, place: Any, *, kms_key: str | None = None, stream: str | None = None, may_delete: bool = False
) -> Policy:
    """The policy for a user or role that works on one table, and on nothing else.

    A table that is listed by a report of S3 Inventory needs a second one, to read the folder of the reports.

    Args:
        purpose: "read"; "ingest" and "compact", which also write files below the table; "publish", which also writes
            its ``_delta_log/`` and ``_iceberg/``.
        place: a table, a lake, or an address such as "s3://bucket/table".
        kms_key: the ARN of the key that encrypts the table, if one of your own does (SSE-KMS).
        stream: the ARN of a Kinesis data stream that is ingested from.
        may_delete: also delete files: what vacuuming a compacted table needs, and nothing else does.

    Raises:
        InvalidArgument: no such purpose, a place that is not on S3, or rights that the purpose does not need.

    Example:
        >>> print(policy("read", "s3://lake/events"))
        {
          "Version": "2012-10-17",
          "Statement": [
            {
              "Sid": "ListTable",
              "Effect": "Allow",
              "Action": "s3:ListBucket",
              "Resource": "arn:aws:s3:::lake",
              "Condition": {
                "StringLike": {
                  "s3:prefix": "events/*"
                }
              }
            },
            {
              "Sid": "ReadFiles",
              "Effect": "Allow",
              "Action": "s3:GetObject",
              "Resource": "arn:aws:s3:::lake/events/*"
            }
          ]
        }
    """
    require_choice("purpose", purpose, PURPOSES)
    address = _find_address(place)
    _check_extras(purpose, kms_key, stream, may_delete)
    arn = f"arn:{_find_partition(place, kms_key, stream)}:s3:::{address.bucket}"
    below = f"{arn}/{escape_pattern(_folder(address))}"
    parts = [*_read(address, arn, below)]
    if purpose in ("ingest", "compact"):
        parts.append(_write(f"{below}*", in_parts=purpose == "compact"))
    if purpose == "publish":
        parts.append(_write([f"{below}{folder}/*" for folder in LOG_FOLDERS], in_parts=True))
    if may_delete:
        reason = "files that a compacted table no longer names are removed"
        parts.append((_allow("DeleteFiles", "s3:DeleteObject", f"{below}*"), reason))
    if kms_key:
        parts.append(_use_key(kms_key, writes=purpose != "read"))
    if stream:
        actions = [ACTION_OF_CALL[call] for call in STREAM_ACTIONS]
        parts.append((_allow("ReadStream", actions, stream), "shards are listed and read from the last stored record"))
    return _make_policy(f"{purpose} {address.url}", parts, notes=_describe_limits(address, stream))


def bucket_policy(place: Any, *, least_tls: str = LEAST_TLS, existing: Mapping[str, Any] | str | None = None) -> Policy:
    """The policy of the bucket itself: whoever comes without TLS, or with one too old, is refused everything.

    Putting a bucket policy replaces the one that is there: give that as ``existing``, and its statements stay.

    Args:
        place: a table, a lake, or an address in the bucket.
        least_tls: the oldest version of TLS that may be used.
        existing: the policy that the bucket has, as JSON or dict; statements of the same Sid are replaced.

    Raises:
        InvalidArgument: a place that is not on S3, or an existing policy that is not one.

    Example:
        >>> deny = bucket_policy("s3://lake/events").document["Statement"][0]
        >>> deny["Effect"], deny["Condition"], deny["Resource"]
        ('Deny', {'Bool': {'aws:SecureTransport': 'false'}}, ['arn:aws:s3:::lake', 'arn:aws:s3:::lake/*'])
    """
    address = _find_address(place)
    require_choice("least_tls", least_tls, ("1.2", "1.3"))
    arn = f"arn:{_find_partition(place)}:s3:::{address.bucket}"
    own = [
        (_deny("DenyInsecureTransport", arn, {"Bool": {"aws:SecureTransport": "false"}}), "no request without TLS"),
        (
            _deny("DenyOldTls", arn, {"NumericLessThan": {"s3:TlsVersion": least_tls}}),
            f"no request with a TLS older than {least_tls}",
        ),
    ]
    sids = {statement["Sid"] for statement, _ in own}
    kept = [statement for statement in _read_existing(existing) if statement.get("Sid") not in sids]
    parts = [*((statement, f"kept: {statement.get('Sid', 'a statement')}") for statement in kept), *own]
    notes = () if existing is not None else ("it replaces the policy that the bucket has: give that as existing=",)
    return _make_policy(f"bucket {address.bucket}", parts, notes=notes)


def _find_address(place: Any) -> Address:
    found = place
    if not isinstance(place, Address):  # a table has a store, a lake an address as text
        found = getattr(getattr(place, "store", None), "address", None) or getattr(place, "url", place)
    address = found if isinstance(found, Address) else parse_address(str(found))
    if address.scheme != "s3":
        raise InvalidArgument(
            f"{address.url} is not on S3, and IAM has nothing to say about it.",
            hint='an address such as "s3://bucket/table"',
        )
    if _WILD.search(address.bucket):  # no bucket has such a name, and in a policy it would mean others
        raise InvalidArgument(f"{address.bucket!r} is no bucket's name.", hint='an address such as "s3://bucket/table"')
    return address


def _folder(address: Address) -> str:
    return f"{address.prefix}/" if address.prefix else ""


def _find_partition(place: Any, *arns: str | None) -> str:
    """ "aws", or that of China or GovCloud, as an ARN or the table's region says."""
    for arn in filter(None, arns):
        return arn.split(":")[1]
    region = getattr(getattr(getattr(place, "store", None), "storage", None), "region", None) or ""
    starts = {"cn-": "aws-cn", "us-gov-": "aws-us-gov"}
    return next((partition for start, partition in starts.items() if region.startswith(start)), "aws")


def _check_extras(purpose: str, kms_key: str | None, stream: str | None, may_delete: bool) -> None:
    for name, arn, service in (("kms_key", kms_key, "kms"), ("stream", stream, "kinesis")):
        if arn is not None and (not arn.startswith("arn:") or arn.split(":")[2:3] != [service] or arn.count(":") < 5):
            raise InvalidArgument(f"{name}={arn!r} is no ARN of {service}.", hint=f"it begins with arn:aws:{service}:")
        if arn is not None and _WILD.search(arn):
            raise InvalidArgument(f"{name}={arn!r} names more than one.", hint="give the whole ARN, without * ? or $.")
    if stream and purpose != "ingest":
        raise InvalidArgument(f"To {purpose} a table, no stream is read.", hint='policy("ingest", …, stream=…)')
    if may_delete and purpose != "compact":
        hint = 'policy("compact", …, may_delete=True)'
        raise InvalidArgument(f"To {purpose} a table, nothing is deleted.", hint=hint)


def _read(address: Address, arn: str, below: str) -> Iterator[tuple[dict[str, Any], str]]:
    listing = _allow("ListTable", "s3:ListBucket", arn)
    if address.prefix:
        listing["Condition"] = {"StringLike": {"s3:prefix": f"{escape_pattern(_folder(address))}*"}}
    yield listing, "the table's files are listed, one call for each 1,000"
    yield _allow("ReadFiles", "s3:GetObject", f"{below}*"), "footers and data are read; HEAD asks for the same right"


def _write(below: str | list[str], *, in_parts: bool) -> tuple[dict[str, Any], str]:
    if not in_parts:
        reason = "files are put in one piece, each under a name that must be free"
        return _allow("WriteFiles", "s3:PutObject", below), reason
    actions = ["s3:AbortMultipartUpload", "s3:PutObject"]
    reason = "files are put in one piece or in parts; what was begun and not finished is aborted"
    return _allow("WriteFiles", actions, below), reason


def _use_key(kms_key: str, *, writes: bool) -> tuple[dict[str, Any], str]:
    region = kms_key.split(":")[3]
    suffix = ".cn" if kms_key.startswith("arn:aws-cn:") else ""
    statement = _allow("UseKey", ["kms:Decrypt", *(["kms:GenerateDataKey"] if writes else [])], kms_key)
    service = f"s3.{region}.amazonaws.com{suffix}"
    statement["Condition"] = {"StringEquals": {"kms:ViaService": service}}
    wants = "reads decrypt, writes take a data key" if writes else "reads decrypt"
    return statement, f"{wants} (parts of an upload decrypt, too), through S3 only"


def _describe_limits(address: Address, stream: str | None) -> tuple[str, ...]:
    missing = "a key that does not exist answers 403, not 404, as for everyone who may not list the whole bucket"
    whole = "the address is a whole bucket: everything in it may be listed and read"
    encrypted = "a stream that is encrypted with a key of your own wants kms:Decrypt on that key as well"
    return (missing if address.prefix else whole, *([encrypted] if stream else []))


def _allow(sid: str, actions: str | list[str], resource: str | list[str]) -> dict[str, Any]:
    return {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resource}


def _deny(sid: str, arn: str, condition: dict[str, Any]) -> dict[str, Any]:
    statement = {"Sid": sid, "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": [arn, f"{arn}/*"]}
    return statement | {"Condition": condition}


def _read_existing(existing: Mapping[str, Any] | str | None) -> list[dict[str, Any]]:
    if existing is None:
        return []
    try:
        document = json.loads(existing) if isinstance(existing, str) else copy.deepcopy(dict(existing))
        statements = document["Statement"]
        return [dict(one) for one in (statements if isinstance(statements, list) else [statements])]
    except (ValueError, TypeError, KeyError) as exc:
        what = f"The existing policy is not a policy: {type(exc).__name__}: {exc}."
        raise InvalidArgument(what, hint='give what get_bucket_policy returns as "Policy"') from exc


def _make_policy(name: str, parts: list[tuple[dict[str, Any], str]], *, notes: tuple[str, ...]) -> Policy:
    document = {"Version": VERSION, "Statement": [statement for statement, _ in parts]}
    reasons = tuple(f"{statement.get('Sid', 'kept')}: {reason}" for statement, reason in parts)
    return Policy(name, json.dumps(document, indent=2, ensure_ascii=False), reasons, notes)
