"""Where an Iceberg table is named: a catalog of pyiceberg's, a SQLite file if no other is given.

It must not keep or show a key: what reaches S3 goes to the catalog in memory alone, never into a table's metadata.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakekit.errors import AccessDenied, InvalidArgument, LakekitError, MissingPackage, StorageFailed
from lakekit.iceberg import import_pyiceberg
from lakekit.storage.clients import make_delta_options
from lakekit.storage.secret import MASK, scrub_secrets
from lakekit.storage.session import find_endpoint

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog

    from lakekit.storage import Store

CATALOG_VARIABLE = "LAKEKIT_ICEBERG_CATALOG"  # environment variable that names the SQLite file taken by default
OLDEST = (0, 12)  # of pyiceberg, that takes the values of keys which stand in paths alone from the metadata
_FILE = re.compile(r"[/\\]|\.(db|sqlite|sqlite3)$")
_SECRET = re.compile("(?i)secret|token|credential|password|access-key|account-key")  # in the name of a property
_FOREIGN = ("pyiceberg", "pydantic", "pydantic_core", "sqlalchemy", "botocore", "requests")
_NAME = "lakekit"  # under which tables stand in a SQLite file, and in a catalog that is given without a name
_SETTINGS = {
    "aws_region": "client.region",
    "aws_endpoint_url": "s3.endpoint",
    "aws_skip_signature": "s3.anonymous",
    "aws_access_key_id": "client.access-key-id",
    "aws_secret_access_key": "client.secret-access-key",
    "aws_session_token": "client.session-token",
}  # pyiceberg's names for what lakekit knows; "client" is of S3 and Glue alike


class IcebergCatalog:
    """A catalog, opened late.

    Args:
        given: what the caller named it by; see :func:`lakekit.publish.iceberg`.
        store: where the table's files are, whose storage options reach its metadata too.
    """

    def __init__(self, given: Any, store: Store):
        self._store = store
        self._given = given
        self._file = _find_file(given)
        _require_packages(is_sql=self._file is not None)
        if self._file is None and not isinstance(given, str | Mapping) and not hasattr(given, "load_table"):
            what = f"catalog is a {type(given).__name__}, and no catalog of pyiceberg's."
            raise InvalidArgument(what, hint="give a SQLite file, a name or properties for load_catalog, or a Catalog.")

    def __repr__(self) -> str:
        return f"the SQLite file {self._file}" if self._file else f"the catalog {self.name}"

    @property
    def name(self) -> str:
        """Its name, which is no secret."""
        if self._file is not None:
            return _NAME
        if isinstance(self._given, Mapping):
            return str(self._given.get("name", _NAME))
        return self._given if isinstance(self._given, str) else str(getattr(self._given, "name", _NAME))

    @property
    def is_there(self) -> bool:
        """Whether it can be looked into without being made: a SQLite file is made when the first table is published."""
        return self._file is None or self._file.exists()

    @contextlib.contextmanager
    def open(self) -> Iterator[Catalog]:
        """The catalog; its connections are closed after."""
        with translating(f"use {self!r}"):
            made = self._load()
            try:
                yield made
            finally:
                if made is not self._given:
                    made.close()

    def _load(self) -> Catalog:
        """The catalog.

        Raises:
            InvalidArgument: pyiceberg makes nothing of what it is given.
        """
        from pyiceberg.catalog import load_catalog

        if self._file is None and not isinstance(self._given, str | Mapping):
            return self._given
        settings: Mapping[str, str] = {}
        if self._file is not None:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            settings = {"type": "sql", "uri": f"sqlite:///{self._file}", **self._find_settings()}
        elif isinstance(self._given, Mapping):
            settings = {**self._find_settings(), **self._given}
        try:
            return load_catalog(self.name, **{key: value for key, value in settings.items() if key != "name"})
        except (ValueError, KeyError, TypeError) as exc:
            told = str(exc)
            for key, value in settings.items():
                told = told.replace(str(value), MASK) if value and _SECRET.search(key) else told
            what = f"pyiceberg makes no catalog of {self.name!r}: {scrub_secrets(told)}."
            raise InvalidArgument(what, hint="see its configuration, or name a SQLite file.") from None

    def _find_settings(self) -> dict[str, str]:
        """How pyiceberg reaches the store, as lakekit does, and Glue beside it."""
        options = make_delta_options(self._store.address, self._store.storage) or {}
        found = {theirs: options[ours] for ours, theirs in _SETTINGS.items() if options.get(ours)}
        endpoint = find_endpoint(self._store.storage, "glue") if options else None
        return found | ({"glue.endpoint": endpoint} if endpoint else {})


def _require_packages(*, is_sql: bool) -> None:
    """Look whether pyiceberg is there, and what a catalog in a database needs.

    Raises:
        MissingPackage: it is not, or is older than what takes partition values from metadata.
    """
    hint = 'pip install "lakekit[iceberg]".'
    pyiceberg = import_pyiceberg("It is published through a catalog.")
    if is_sql and find_spec("sqlalchemy") is None:
        raise MissingPackage("A SQLite file as a catalog needs sqlalchemy.", hint=hint)
    if tuple(map(int, re.findall(r"\d+", pyiceberg.__version__)[:2])) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        what = f"pyiceberg {pyiceberg.__version__} is installed; {oldest} is the first that lakekit publishes with."
        raise MissingPackage(what, hint=hint)


def _find_file(given: Any) -> Path | None:
    """The SQLite file that is meant; None where another catalog is."""
    if given is None:
        import platformdirs

        given = os.environ.get(CATALOG_VARIABLE) or platformdirs.user_data_path("lakekit") / "iceberg.sqlite"
    elif not isinstance(given, Path) and not (isinstance(given, str) and "://" not in given and _FILE.search(given)):
        return None
    file = Path(given).expanduser().absolute()
    if "?" in str(file) or "%" in str(file):
        raise InvalidArgument(
            f"{file} holds a sign that the address of a database cannot.", hint="choose another file."
        )
    return file


@contextlib.contextmanager
def translating(what: str) -> Iterator[None]:
    """Errors of pyiceberg, its databases and clients as those of lakekit, without a secret in them.

    Args:
        what: was tried.
    """
    try:
        yield
    except LakekitError:
        raise
    except Exception as exc:
        text = scrub_secrets(f"{type(exc).__name__}: {exc}")
        if is_foreign(exc):
            is_denied = isinstance(exc, PermissionError) or "ACCESS_DENIED" in text or "AccessDenied" in text
            is_denied |= type(exc).__name__ in ("UnauthorizedError", "ForbiddenError", "OAuthError")
            if is_denied:
                hint = "the credentials may lack rights on the catalog, or on the place of the table's metadata."
                raise AccessDenied(f"May not {what}: {text}", hint=hint) from None
            raise StorageFailed(f"Could not {what}: {text}", hint="look at the catalog and try again.") from None
        raise


def is_foreign(error: Exception) -> bool:
    """Whether an error comes from pyiceberg, a database or a client, not from a mistake in the code."""
    modules = {base.__module__.partition(".")[0] for base in type(error).__mro__}
    return isinstance(error, OSError) or not modules.isdisjoint(_FOREIGN)
