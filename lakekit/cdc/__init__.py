"""Changes of a database's tables, as AWS DMS and Debezium write them: the state now, the state then, the history.

It must not change or delete what is stored: the state is a view of the journal.
"""

from lakekit.cdc.dms import CsvForm
from lakekit.cdc.state import State, open_state

__all__ = ["CsvForm", "State", "open_state"]
