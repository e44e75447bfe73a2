"""DynamoDB before the bill: exact item sizes, units, traffic over time, throttling, partitions, cost, and the plan.

It must not talk to AWS, but for `describe`, which reads one table when asked.
"""
