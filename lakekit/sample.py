"""The sample lake that comes with lakekit: where its files are, and the same on an S3 of this process.

It must not reach beyond this computer.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lakekit.lake import Lake

BUCKET = "lakekit-sample"


def sample_folder() -> Path:
    """The folder of the sample data: ``lake/`` (tables), ``raw/`` (files to ingest), licence and description.

    Raises:
        FileNotFoundError: an installation without the sample.

    Example:
        >>> (sample_folder() / "lake" / "flights").is_dir()
        True
    """
    here = Path(__file__).resolve().parent
    for folder in (here.parent / "data" / "sample", here / "sample_data"):
        if (folder / "lake").is_dir():
            return folder
    raise FileNotFoundError(f"No sample data beside {here}. Hint: install lakekit with its data, or clone it.")


def sample_lake() -> Lake:
    """The sample lake, uploaded to an S3 that runs in this process: no account, no network, nothing to clean up.

    Raises:
        ImportError: the extra ``local`` is not installed.

    Example:
        >>> import lakekit as lk
        >>> lake = lk.sample_lake()
        >>> lake.sql("SELECT count(*) FROM flights").fetchall()
        [(28834,)]
    """
    from lakekit.lake import open_lake
    from lakekit.storage import embedded_aws

    storage = embedded_aws()
    client = storage.boto3("s3")
    if BUCKET not in {bucket["Name"] for bucket in client.list_buckets()["Buckets"]}:
        client.create_bucket(Bucket=BUCKET)
        root = sample_folder() / "lake"
        for file in sorted(root.rglob("*.parquet")):
            client.put_object(Bucket=BUCKET, Key=f"lake/{file.relative_to(root).as_posix()}", Body=file.read_bytes())
    return open_lake(f"s3://{BUCKET}/lake", storage=storage)
