"""Stands in the way of pandas for scripts that need none; see run_script."""

raise ImportError("these scripts run as where pandas is not installed")
