"""Text that must not be shown: keys that print as stars, and messages with every secret taken out.

It must not know where a secret comes from, nor keep one.
"""

import os
import re
from collections.abc import Iterable
from urllib.parse import quote

MASK = "***"
# What a key is called in a web address, in a query, a fragment or after a semicolon
NAMES_IN_URLS = (
    r"x-(?:amz|goog)-(?:signature|credential|security-token)|awsaccesskeyid|googleaccessid|signature|sig|"
    r"[a-z_-]*token|api[_-]?key|[a-z_-]*secret|password|passwd|pwd|jsessionid"
)

_SECRET_VARIABLES = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN")
_SHORTEST_SECRET = 4  # a shorter one would be found inside ordinary words
SHORTEST_FOUND = 8  # the environment or profile of a test holds "test" or "testing", which are words too

# Names of what is assigned a secret: in options, connection strings, configuration, and columns of some tables
_NAMES = (
    r"(?:aws_?|s3_)?(?:secret_?access_?key|session_?token|secret_?key|account_?key|client_?secret|password|passwd|pwd)"
)
# Partition folders, such as lake/pwd=3/ and pwd=3/a.parquet, are named like what is assigned
_NO_FOLDER = r"(?!(?<=/)[\w-]+=[^\s/\"']+/|[\w-]+=[^\s\"',;&}<>/]*/[^\s\"',;&}<>]*\.parquet\b)"
_NO_TYPE = r"(?!\s(?:u?int\d*|bigint|integer|string|varchar|binary|double|float|bool(?:ean)?|date|timestamp)\b)"

# What a secret looks like when nobody says which text it is; the first group stays.
_SECRET_SHAPES = (
    re.compile(r"()\b(?:AKIA|ASIA)[A-Z0-9]{12,}\b"),
    re.compile(r"(?i)(\bx-(?:amz|goog)-(?:signature|credential|security-token)[\"']?\s*[=:]\s*[\"']?)[^\s&\"'<>,]+"),
    re.compile(
        r"(?is)(<(AWSAccessKeyId|StringToSign(?:Bytes)?|SignatureProvided|CanonicalRequest(?:Bytes)?|Token-\d+)>).*?(?=</\2>)"
    ),
    re.compile(r"(\b[a-zA-Z][a-zA-Z0-9+.-]*://)(?:[^\s/@:\"'<>]+:(?!\d+/)[^\s@\"'<>]*|[^\s/@\"'<>]+)(?=@)"),
    re.compile(rf"(?is)(\b{_NAMES}[\"']?\s*[=:]\s*')(?:[^']|'')+"),
    re.compile(r"(?is)(\b(?:secret|[a-z]+_token|password|identified\s+by)\s+')(?:[^']|'')+"),  # as SQL gives them
    re.compile(r"(?is)([(,]\s*token\s+')(?:[^']|'')+"),
    re.compile(r"()\beyJ[\w-]{4,}(?:\.[\w-]*){0,4}"),  # a JSON web token: {" in base64
    re.compile(r"(?i)(\bauthorization[\"']?\s*[=:]\s*[\"']?bearer\s+)[\w.~+/-]+=*"),
    re.compile(r"(\b(?i:bearer)\s+)(?=[\w.~+/-]*(?:\d|[a-z][A-Z]))[\w.~+/-]{16,}=*"),  # and not some long word
)
# Likewise where the value has no quotes. In a query it could be a column: there only texts and comments have them.
_UNQUOTED_SHAPES = (
    re.compile(rf"(?i)([?&#;](?:{NAMES_IN_URLS})=)(?!%(?![0-9a-f]{{2}}))[^\s&;\"'<>]+"),  # ?token=% is a pattern
    re.compile(rf"(?i)(\b(?=credential=){_NO_FOLDER}credential=)[^\s,&\"'<>]+"),
    re.compile(rf"(?i)(\b(?=signature=){_NO_FOLDER}signature=)[0-9a-f]{{16,}}"),
    re.compile(
        rf"(?i)(\b(?={_NAMES}){_NO_FOLDER}{_NAMES}[\"']?\s*(?:=|:(?![:=]){_NO_TYPE})\s*[\"']?)"
        r"(?:[^\s\"',;&}<>)]|\)(?=[^\s\"',;&}<>)]))+"  # a bracket at the end is not part of it
    ),
)
_QUERY = re.compile(
    r"(?is)(?:\s|\(|--[^\n]*\n)*(?:(?:EXPLAIN|DESCRIBE|SUMMARIZE)\s+(?:ANALYZE\s+)?)?"
    r"(?:SELECT\b|FROM\s+[\w.\"]+\s+(?:\w+\s+){0,2}(?:SELECT|WHERE|JOIN)\b|"
    r"WITH\s.+?\bAS\s*\(|CREATE\s.+?\bAS\s+(?:SELECT|FROM|WITH)\b)"
)
_QUOTED_IN_QUERIES = re.compile(
    r"(?s)'(?:[^']|'')*'?|\"(?:[^\"]|\"\")*\"?|--[^\n]*|/\*.*?(?:\*/|\Z)|\$\$.*?(?:\$\$|\Z)"
)


class Secret(str):
    """A text that every way of printing shows as ``***``; `reveal` gives the text itself.

    It is a str, so clients written in C or Rust and ``+`` still get the value; ``repr``, ``str``, ``format`` and so
    f-strings, ``%s``, ``print``, ``vars(…)`` and ``dataclasses.asdict(…)`` of what holds it do not.

    Example:
        >>> key = Secret("abc")
        >>> key, f"{key}", key.reveal(), key == "abc"
        ('***', '***', 'abc', True)
    """

    __slots__ = ()

    def reveal(self) -> str:
        """The text itself, as a plain str."""
        return str.__str__(self)

    def _masked(self) -> str:
        return MASK

    def __repr__(self) -> str:
        return repr(self._masked())

    def __str__(self) -> str:
        return self._masked()

    def __format__(self, spec: str) -> str:
        return format(self._masked(), spec)


class KeyId(Secret):
    """An access key id: shows its first four and last two characters, so that two can be told apart.

    Example:
        >>> KeyId("AKIAIOSFODNN7EXAMPLE"), KeyId("short")
        ('AKIA…LE', '***')
    """

    __slots__ = ()

    def _masked(self) -> str:
        text = self.reveal()
        return f"{text[:4]}…{text[-2:]}" if len(text) >= 16 else MASK


def scrub_secrets(text: str, secrets: Iterable[str | None] = ()) -> str:
    """The text without the given secrets, those of the environment, and whatever looks like one.

    Args:
        text: an error message, a URL, the body of an answer, a query, whose columns may be called like keys.
        secrets: keys and tokens that are known; shorter than four characters are left, they are part of words.

    Example:
        >>> scrub_secrets("GET http://ann:pass@host/x?X-Amz-Signature=0a1b AKIAIOSFODNN7EXAMPLE")
        'GET http://***@host/x?X-Amz-Signature=*** ***'
    """
    known = {str.__str__(secret) for secret in secrets if secret and len(secret) >= _SHORTEST_SECRET}
    variables = (os.environ.get(name, "") for name in _SECRET_VARIABLES)
    known |= {secret for secret in variables if len(secret) >= SHORTEST_FOUND}
    known |= {quote(secret, safe=safe) for secret in known for safe in ("", "/")}  # as web addresses have them
    for secret in sorted(known, key=len, reverse=True):
        text = text.replace(secret, MASK)
    text = _mask_shapes(text, _SECRET_SHAPES)
    if _QUERY.match(text):
        return _QUOTED_IN_QUERIES.sub(lambda quoted: _mask_shapes(quoted[0], _UNQUOTED_SHAPES), text)
    return _mask_shapes(text, _UNQUOTED_SHAPES)


def _mask_shapes(text: str, shapes: Iterable[re.Pattern[str]]) -> str:
    for shape in shapes:
        text = shape.sub(rf"\g<1>{MASK}", text)
    return text
