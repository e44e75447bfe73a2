"""How a table's files lie: their sizes, what reading them costs, and what another layout would cost.

It must not write, nor ask the store for anything: the manifest is enough.
"""

from lakekit.layout import sizing

__all__ = ["sizing"]
