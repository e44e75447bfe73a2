"""Journals to test against: in a folder, and on the embedded S3."""

import itertools
import os
import sqlite3

import pytest

import lakekit as lk
from tests.cdc.journals import Place

_numbers = itertools.count(1)


@pytest.fixture
def folder(tmp_path):
    """An empty folder."""
    return Place(tmp_path / f"journal-{next(_numbers)}")


@pytest.fixture(params=["folder", "s3"])
def place(request, tmp_path):
    """An empty folder, and an empty prefix on the embedded S3."""
    if request.param == "folder":
        return Place(tmp_path / "hr" / "employee")
    storage = lk.embedded_aws()
    bucket = f"cdc-{os.getpid()}-{next(_numbers)}"
    storage.boto3("s3").create_bucket(Bucket=bucket)
    return Place(f"s3://{bucket}/hr/employee", storage)


@pytest.fixture
def con():
    """A database with a table of users, without any."""
    with sqlite3.connect(":memory:") as con:
        con.execute("CREATE TABLE users (id INTEGER, name TEXT, deleted BOOLEAN, changed TIMESTAMP)")
        yield con
    con.close()
