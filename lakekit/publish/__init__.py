"""A table for other engines to read: catalogs and DDL, made from the manifest, when its owner asks.

It must not change a data file.
"""

from lakekit.publish.ddl import DDL, ddl
from lakekit.publish.delta import DeltaPlan, delta
from lakekit.publish.glue import GluePlan, glue
from lakekit.publish.iceberg import IcebergPlan, IcebergSnapshot, iceberg

__all__ = ["DDL", "DeltaPlan", "GluePlan", "IcebergPlan", "IcebergSnapshot", "ddl", "delta", "glue", "iceberg"]
