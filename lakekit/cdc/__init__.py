"""Changes of a database's tables, as AWS DMS and Debezium write them: the state now, the state then, the history.

    extract → open_state → polars, duckdb, changes, history

It must not change or delete what is stored: the state is a view of the journal.
"""

from lakekit.cdc.dms import CsvForm
from lakekit.cdc.extract import Extraction, extract
from lakekit.cdc.state import State, open_state

__all__ = ["CsvForm", "Extraction", "State", "extract", "open_state"]
