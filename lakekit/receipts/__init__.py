"""Receipts: what each query asked of the store and what that costs, in memory and as a journal on this computer.

It must not ask the store for anything, nor know an engine: the views tell it what a query reads.
"""

from lakekit.receipts.history import read_journal
from lakekit.receipts.journal import journal_folder
from lakekit.receipts.receipt import Receipt
from lakekit.receipts.showing import show_receipts

__all__ = ["Receipt", "journal_folder", "read_journal", "show_receipts"]
