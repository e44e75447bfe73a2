"""The AWS session of one Storage, and what it is set up for: keys, region, endpoint.

It must not send a request; it keeps what was made, so that each client exists once.
"""

import os
import threading
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from lakekit.storage.faults import translate_error
from lakekit.storage.secret import SHORTEST_FOUND

if TYPE_CHECKING:
    from lakekit.storage.options import Storage

_lock = threading.Lock()
_made: dict[tuple, Any] = {}
_made_for: tuple = ()
_locks: dict[tuple, threading.RLock] = {}


def make_once(key: tuple, make: Callable[[], Any]) -> Any:
    """The one object for a key, a kind followed by its Storage; made anew when process or AWS variables have changed.

    Threads that want the same object wait for the one that makes it; others do not.
    """
    global _made_for
    now = (os.getpid(), hash(frozenset((k, v) for k, v in os.environ.items() if k.startswith("AWS_"))))
    with _lock:
        if _made_for != now:
            _made.clear()
            _locks.clear()
            _made_for = now
        if key in _made:
            return _made[key]
        own_lock = _locks.setdefault(key, threading.RLock())
    with own_lock:
        made = _made.get(key)
        if made is None:
            made = make()
            with _lock:
                _made[key] = made
        return made


def forget_clients(storage: "Storage") -> None:
    """Drops what was made for these options, but not what was learnt; the next client looks for credentials anew."""
    with _lock:
        for key in [key for key in _made if key[1] == storage and "region" not in key[0]]:
            del _made[key]


def get_session(storage: "Storage") -> Any:
    """The boto3 session of these options.

    Raises:
        CredentialsExpired: the profile does not exist.
    """
    return make_once(("session", storage), lambda: _make_session(storage))


def list_found_keys(storage: "Storage") -> list[str]:
    """Secret key and token that the session of these options has found, in a profile or elsewhere; nothing is asked.

    Short ones are left out: those of tests, such as "test", are words too.
    """
    with _lock:
        session = _made.get(("session", storage))
    credentials = getattr(getattr(session, "_session", None), "_credentials", None)
    found = vars(credentials) if credentials is not None else {}  # their properties might renew them
    keys = (found.get(name) or "" for name in ("secret_key", "token", "_secret_key", "_token"))
    return [key for key in keys if len(key) >= SHORTEST_FOUND]


def _make_session(storage: "Storage") -> Any:
    import boto3
    import botocore.session

    try:
        core = botocore.session.Session(profile=storage.profile)
        core.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=_parse_timestamp)
        return boto3.session.Session(
            botocore_session=core,
            region_name=storage.region,
            aws_access_key_id=reveal(storage.access_key_id),
            aws_secret_access_key=reveal(storage.secret_access_key),
            aws_session_token=reveal(storage.session_token),
        )
    except Exception as exc:
        raise translate_error(exc, action="sign in to AWS", url="", storage=storage) from exc


def find_endpoint(storage: "Storage", service: str) -> str | None:
    """The URL of a service that is not where AWS has it: as given, in the environment or the profile; else None."""
    if storage.endpoint_url:
        return storage.endpoint_url.rstrip("/")
    core = get_session(storage)._session
    if core.get_config_variable("ignore_configured_endpoint_urls"):
        return None
    profile, name = core.get_scoped_config(), service.replace("-", "_")
    services = core.full_config.get("services", {}).get(profile.get("services"), {})
    found = (
        os.environ.get(f"AWS_ENDPOINT_URL_{name.upper()}")
        or os.environ.get("AWS_ENDPOINT_URL")
        or services.get(name, {}).get("endpoint_url")
        or profile.get("endpoint_url")
    )
    return found.rstrip("/") if found else None


def find_configured_region(storage: "Storage") -> str | None:
    """The region given, or that of the environment or profile; None when there is none."""
    return storage.region or get_session(storage).region_name or os.environ.get("AWS_REGION")


def is_loopback(url: str | None) -> bool:
    """Whether a URL points at this machine."""
    host = urlsplit(url).hostname if url else None
    return bool(host) and (host in ("localhost", "::1") or host.startswith("127."))


def reveal(secret: Any) -> str | None:
    """The text of a masked key, or None."""
    return secret.reveal() if secret else None


def _parse_timestamp(value: Any) -> datetime:
    """A time as boto3 parses it, much faster for what a listing holds: "2024-01-31T23:59:59.000Z"."""
    if isinstance(value, str) and len(value) >= 20 and value[10] == "T":
        try:
            parsed = datetime.fromisoformat(value)
        except ValueError:
            parsed = None
        if parsed is not None and parsed.tzinfo is not None:
            return parsed
    from botocore.utils import parse_timestamp

    return parse_timestamp(value)
