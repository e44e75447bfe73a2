"""What AWS publishes about DynamoDB: limits, steps and rates, each with its source; all others count with these.

It must not hold a price, nor an assumption of ours.
"""

from lakekit.units import GIB, KIB, MIB

# All pages of docs.aws.amazon.com/amazondynamodb/latest/developerguide, read 2026-11-23. KB is 1,024 bytes everywhere.
READ_STEP_BYTES = 4 * KIB  # a read unit reads 4 KB; read-write-operations.html
WRITE_STEP_BYTES = KIB  # a write unit writes 1 KB; read-write-operations.html
READ_FACTORS = {"eventual": 0.5, "strong": 1.0, "transactional": 2.0}  # read-write-operations.html
TRANSACTION_FACTOR = 2  # prepare and commit; transaction-apis.html

ITEM_BYTES = 400 * KIB  # names and values; Constraints.html
PARTITION_KEY_BYTES = 2048  # Constraints.html
SORT_KEY_BYTES = 1024  # Constraints.html
NESTED_DEPTH = 32  # Constraints.html
NUMBER_DIGITS = 38  # Constraints.html
NUMBER_EXPONENTS = (-130, 125)  # of the first digit: 1E-130 to 9.99…E+125; Constraints.html
NUMBER_BYTES = 21  # no number is stored in more
NAME_BYTES = 65_535  # a name that is no key; under 64 KB, Constraints.html
KEY_NAME_BYTES = 255  # key attributes, and those an index includes; Constraints.html

PAGE_BYTES = MIB  # one page of Query or Scan reads up to this, its last item may pass it; Query.Pagination.html
BATCH_GET_ITEMS, BATCH_GET_BYTES = 100, 16 * MIB  # Constraints.html
BATCH_WRITE_ITEMS, BATCH_WRITE_BYTES = 25, 16 * MIB  # Constraints.html
TRANSACTION_ITEMS, TRANSACTION_BYTES = 100, 4 * MIB  # Constraints.html
GSI_PER_TABLE, LSI_PER_TABLE = 20, 5  # ServiceQuotas.html; the first can be raised
INCLUDED_ATTRIBUTES = 100  # over all indexes of a table; ServiceQuotas.html
COLLECTION_BYTES = 10 * GIB  # one partition key value, items and LSI entries, in tables with an LSI; LSI.html

PARTITION_READ_UNITS, PARTITION_WRITE_UNITS = 3000, 1000  # a second; bp-partition-key-design.html
PARTITION_BYTES = 10 * GIB  # bp-partition-key-design.html
STORED_ITEM_OVERHEAD_BYTES = 100  # billed with each item and index entry; CapacityUnitCalculations.html
GLOBAL_TABLE_OVERHEAD_BYTES = 48  # and with each item of a global table; CapacityUnitCalculations.html

BURST_SECONDS = 300  # unused capacity kept, best effort; burst-adaptive-capacity.html
NEW_ON_DEMAND_READ_UNITS, NEW_ON_DEMAND_WRITE_UNITS = 12_000, 4_000  # a second; on-demand-capacity-mode.html
NEW_ON_DEMAND_PARTITIONS = 4  # 4 x 3,000 reads, 4 x 1,000 writes
ON_DEMAND_HEADROOM = 2  # twice the previous peak is served at once; on-demand-capacity-mode.html
ON_DEMAND_DOUBLING_MINUTES = 30  # more than that within this time may be throttled; on-demand-capacity-mode.html
TABLE_READ_QUOTA, TABLE_WRITE_QUOTA = 40_000, 40_000  # default, can be raised; ServiceQuotas.html
ACCOUNT_READ_QUOTA, ACCOUNT_WRITE_QUOTA = 80_000, 80_000  # provisioned only; ServiceQuotas.html

TARGET_PERCENT = (20, 90)  # what autoscaling accepts as its target; AutoScaling.html
SCALE_OUT_MINUTES = 2  # consecutive minutes above the target; AutoScaling.html
SCALE_IN_POINTS = 15  # consecutive one-minute points below it; AutoScaling.html
DECREASES_AT_ONCE, DECREASES_PER_HOUR, DECREASES_PER_DAY = 4, 1, 27  # table and each GSI; ServiceQuotas.html
ON_DEMAND_SWITCHES_PER_DAY = 4  # provisioned to on-demand, rolling 24 h; Constraints.html
TABLE_CLASS_CHANGES_PER_MONTH = 2  # in 30 days; WorkingWithTables.tableclasses.html

RESERVED_BLOCK_UNITS = 100  # reserved-capacity.html
STREAM_RECORD_BYTES = KIB  # a change data capture unit for Kinesis is 1 KB of the larger image
AWS_BREAK_EVEN_UTILISATION = 0.35  # "on-demand below": AWS's rule of thumb, CostOptimization_TableCapacityMode.html
