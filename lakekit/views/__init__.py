"""A table as Arrow batches, a Polars LazyFrame and a DuckDB view, all with the same columns, types and rows.

It must not decide what a table's columns are: the manifest did.
"""
