"""Calls of the Glue Data Catalog, all pages of them, with its refusals as lakekit's errors.

It must not decide what to change.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lakekit.storage import Storage, translate_error

Values = tuple[str, ...]


class GlueClient:
    """Calls of Glue, with its refusals as lakekit's errors."""

    def __init__(self, storage: Storage):
        self._storage = storage

    def __call__(self, operation: str, *, missing_ok: bool = False, **arguments: Any) -> dict[str, Any] | None:
        return self._run(operation, missing_ok, lambda client: getattr(client, operation)(**arguments))

    def list_partitions(self, database: str, name: str) -> list[tuple[Values, dict[str, Any]]]:
        """Values and entry of each partition in the catalog."""

        def read(client: Any) -> list[tuple[Values, dict[str, Any]]]:
            pages = client.get_paginator("get_partitions").paginate(DatabaseName=database, TableName=name)
            return [(tuple(one["Values"]), one) for page in pages for one in page["Partitions"]]

        return self._run("get_partitions", False, read)

    def list_tables(self, database: str) -> list[dict[str, Any]]:
        """Entries of all tables of a database."""

        def read(client: Any) -> list[dict[str, Any]]:
            pages = client.get_paginator("get_tables").paginate(DatabaseName=database)
            return [one for page in pages for one in page["TableList"]]

        return self._run("get_tables", False, read)

    def _run(self, operation: str, missing_ok: bool, call: Callable[[Any], Any]) -> Any:
        client = self._storage.boto3("glue")
        try:
            return call(client)
        except Exception as exc:
            code = getattr(exc, "response", {}).get("Error", {}).get("Code", "")
            if missing_ok and code == "EntityNotFoundException":
                return None
            action = f"glue:{''.join(word.title() for word in operation.split('_'))}"
            raise translate_error(exc, action=action, url="glue", storage=self._storage) from exc
