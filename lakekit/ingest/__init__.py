"""Rows brought into a table: batches of files or data in memory, written so that each row arrives exactly once.

It must not change or delete a file that is there: it only adds some.
"""
