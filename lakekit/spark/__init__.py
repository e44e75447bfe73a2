"""Tables on Spark: a temporary view of a table in any Spark Connect session, and a small Spark of one's own.

It must not be imported by the reading parts: Spark is an extra.
"""

from lakekit.spark.embedded import EmbeddedSpark, embedded_spark
from lakekit.spark.view import create_view

__all__ = ["EmbeddedSpark", "create_view", "embedded_spark"]
