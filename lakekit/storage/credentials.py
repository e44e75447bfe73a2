"""Credentials for readers that are not boto3: fetched through boto3's chain, and fetched again before they expire.

It must not hold on to a key: each call asks the session, which knows when to renew.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from lakekit.errors import CredentialsExpired

if TYPE_CHECKING:
    from lakekit.storage.options import Storage

# boto3 renews while at least 10 minutes are left (botocore.credentials, mandatory refresh), so what it hands out now
# holds at least that long. obstore asks again 5 minutes before the end that it was told.
_HOLDS = timedelta(minutes=10)


@dataclass(frozen=True, repr=False)
class ObstoreCredentials:
    """What obstore calls for a key: a dict of access_key_id, secret_access_key, token and expires_at."""

    storage: "Storage"

    def __call__(self) -> dict[str, Any]:
        """The keys of now.

        Raises:
            CredentialsExpired: none were found, or they could not be renewed.
        """
        keys, expires_at = fetch_keys(self.storage)
        return {
            "access_key_id": keys.access_key,
            "secret_access_key": keys.secret_key,
            "token": keys.token,
            "expires_at": expires_at,
        }

    def __repr__(self) -> str:
        return f"ObstoreCredentials({self.storage!r})"


@dataclass(frozen=True, repr=False)
class PolarsCredentials:
    """What Polars calls for a key: a dict of its option names, and when it expires in seconds since 1970."""

    storage: "Storage"

    def __call__(self) -> tuple[dict[str, str], int | None]:
        """The keys of now.

        Raises:
            CredentialsExpired: none were found, or they could not be renewed.
        """
        keys, expires_at = fetch_keys(self.storage)
        named = {
            "aws_access_key_id": keys.access_key,
            "aws_secret_access_key": keys.secret_key,
            "aws_session_token": keys.token,
        }
        return {name: key for name, key in named.items() if key}, expires_at and int(expires_at.timestamp())

    def __repr__(self) -> str:
        return f"PolarsCredentials({self.storage!r})"


def fetch_keys(storage: "Storage") -> tuple[Any, datetime | None]:
    """botocore's frozen credentials, and until when they hold; None when they do not expire.

    Raises:
        CredentialsExpired: none were found, or they could not be renewed.
    """
    from botocore.credentials import RefreshableCredentials

    from lakekit.storage.faults import translate_error
    from lakekit.storage.session import get_session

    session = get_session(storage)
    try:
        credentials = session.get_credentials()
        keys = credentials and credentials.get_frozen_credentials()
    except Exception as exc:
        raise translate_error(exc, action="sign in to AWS", url="", storage=storage) from exc
    if not keys or not keys.access_key or not keys.secret_key:
        raise CredentialsExpired(
            "No AWS credentials were found: not in the environment, a profile, single sign-on or a role.",
            hint='for a public bucket pass Storage(anonymous=True); else log in ("aws sso login", "aws configure"), '
            'or name one with Storage(profile="…")',
        )
    return keys, datetime.now(UTC) + _HOLDS if isinstance(credentials, RefreshableCredentials) else None
