"""What the metadata of an Iceberg table says of its files: which ones a snapshot names, and with which values.

It must not read data, nor write.
"""

from lakekit.iceberg.finding import FOLDER as METADATA
from lakekit.iceberg.finding import is_iceberg, list_metadata, split_url
from lakekit.iceberg.package import import_pyiceberg
from lakekit.iceberg.reading import MetadataReader

__all__ = ["METADATA", "MetadataReader", "import_pyiceberg", "is_iceberg", "list_metadata", "split_url"]
