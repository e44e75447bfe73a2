"""Stands in the way of pandas for processes that tests start: pyarrow imports it at its first value."""

raise ImportError("tests run as where pandas is not installed")
