"""What the metadata of an Iceberg table says of its files: which ones a snapshot names, and with which values.

It must not read data, nor write.
"""

from lakekit.iceberg.package import import_pyiceberg

__all__ = ["import_pyiceberg"]
