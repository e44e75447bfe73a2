"""Panels to play with in a notebook: one for each lens, computed in Python, drawn without a network.

It must not compute anything a lens does not: a panel asks the functions that everyone can call, and shows the call.
"""

import importlib
from typing import Any

_HOMES: dict[str, str] = {  # panel: its file
    "DynamoDBPanel": "dynamodb",
    "FileSizePanel": "file_size",
    "IngestionPanel": "ingestion",
    "LakeExplorer": "explorer",
    "TieringPanel": "tiering",
    "TransferPanel": "transfer",
}

__all__: list[str] = [
    "DynamoDBPanel",
    "FileSizePanel",
    "IngestionPanel",
    "LakeExplorer",
    "TieringPanel",
    "TransferPanel",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'lakekit.widgets' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"lakekit.widgets.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
