"""What IAM decides: which action a call needs, and whether a policy allows it on a resource.

It must not ask AWS: it reads the few parts of the policy language that lakekit writes, and refuses all others.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from lakekit.errors import InvalidArgument

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html, read 2026
ACTION_OF_CALL = {
    "ListObjectsV2": "s3:ListBucket",
    "ListObjects": "s3:ListBucket",
    "HeadBucket": "s3:ListBucket",  # refused where a prefix is demanded; the refusal tells the Region, which is enough
    "GetObject": "s3:GetObject",
    "HeadObject": "s3:GetObject",
    "PutObject": "s3:PutObject",
    "CreateMultipartUpload": "s3:PutObject",
    "UploadPart": "s3:PutObject",
    "CompleteMultipartUpload": "s3:PutObject",
    "AbortMultipartUpload": "s3:AbortMultipartUpload",
    "ListParts": "s3:ListMultipartUploadParts",
    "DeleteObject": "s3:DeleteObject",
    "DeleteObjects": "s3:DeleteObject",
    "DescribeStreamSummary": "kinesis:DescribeStreamSummary",
    "ListShards": "kinesis:ListShards",
    "GetShardIterator": "kinesis:GetShardIterator",
    "GetRecords": "kinesis:GetRecords",
    "GenerateDataKey": "kms:GenerateDataKey",
    "Decrypt": "kms:Decrypt",
}
ESCAPES = {"*": "${*}", "?": "${?}", "$": "${$}"}  # how a policy writes the characters themselves


def escape_pattern(text: str) -> str:
    """A text as a policy must write it to mean just that text.

    Example:
        >>> escape_pattern("day=*/what?")
        'day=${*}/what${?}'
    """
    return "".join(ESCAPES.get(letter, letter) for letter in text)


def matches(pattern: str, text: str) -> bool:
    """Whether a text is one that a pattern of a policy means: * is anything, ? any letter, ${*} an asterisk.

    Example:
        >>> matches("events/*", "events/"), matches("events/*", "events_v2/"), matches("a${*}", "ab")
        (True, False, False)
    """
    wild = {"*": ".*", "?": "."}
    plain = {written: letter for letter, written in ESCAPES.items()}
    parts = re.split(r"(\$\{[*?$]\}|\*|\?)", pattern)
    expression = "".join(wild.get(part) or re.escape(plain.get(part, part)) for part in parts)
    return re.fullmatch(expression, text, re.DOTALL) is not None


def is_allowed(
    document: Mapping[str, Any], action: str, resource: str, *, context: Mapping[str, str] | None = None
) -> bool:
    """Whether a policy allows an action on a resource: some statement allows it, and none denies it.

    Args:
        document: a policy of an identity, or of a bucket, as JSON says it.
        action: such as "s3:GetObject".
        resource: its ARN.
        context: what else the request tells: "s3:prefix", "aws:SecureTransport" ("true"), "s3:TlsVersion".

    Raises:
        InvalidArgument: the policy uses a part of the language that is not read here.

    Example:
        >>> statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::lake/events/*"}
        >>> policy = {"Version": "2012-10-17", "Statement": [statement]}
        >>> is_allowed(policy, "s3:GetObject", "arn:aws:s3:::lake/events/a.parquet")
        True
        >>> is_allowed(policy, "s3:PutObject", "arn:aws:s3:::lake/events/a.parquet")
        False
    """
    effects = {
        statement["Effect"]
        for statement in _as_list(document["Statement"])
        if _applies(statement, action, resource, context or {})
    }
    return "Allow" in effects and "Deny" not in effects


def _applies(statement: Mapping[str, Any], action: str, resource: str, context: Mapping[str, str]) -> bool:
    unread = statement.keys() - {"Sid", "Effect", "Principal", "Action", "Resource", "Condition"}
    if unread:
        raise InvalidArgument(f"The policy has {', '.join(sorted(unread))}, which is not read here.")
    actions, resources = _as_list(statement["Action"]), _as_list(statement["Resource"])
    return (
        any(matches(pattern.lower(), action.lower()) for pattern in actions)
        and any(matches(pattern, resource) for pattern in resources)
        and all(_holds(test, asked, context) for test, asked in statement.get("Condition", {}).items())
    )


def _holds(test: str, asked: Mapping[str, Any], context: Mapping[str, str]) -> bool:
    """Whether all keys of one condition hold; a key that the request does not tell holds nothing."""
    if test not in _TESTS:
        raise InvalidArgument(f"The condition {test} is not read here.", hint=f"these are: {', '.join(_TESTS)}.")
    return all(
        key in context and any(_TESTS[test](context[key], value) for value in _as_list(values))
        for key, values in asked.items()
    )


_TESTS: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda told, wanted: told == wanted,
    "StringLike": lambda told, wanted: matches(wanted, told),
    "Bool": lambda told, wanted: told.lower() == str(wanted).lower(),
    "NumericLessThan": lambda told, wanted: float(told) < float(wanted),
}


def _as_list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]
