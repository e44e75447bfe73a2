"""Rows that wait on the disk are all there, whatever their size."""

import os

import pyarrow as pa
import pytest

from lakekit.ingest.spill import Fillings


@pytest.mark.torture
@pytest.mark.skipif("LAKEKIT_TORTURE_ROUNDS" not in os.environ, reason="takes 5 GB of memory and disk: make torture")
def test_of_more_text_than_one_array_of_arrow_holds_every_row_goes_to_the_disk(tmp_path):
    one = pa.table({"doc": ["x" * 2**20] * 64})  # 64 MiB, in memory once
    rows = pa.concat_tables([one] * 33)  # 2,112 MiB; an array of texts holds 2,048 MiB
    filling = Fillings(tmp_path).add("", rows)
    assert filling.held == []
    assert sum(rows for _, _, rows in filling.spilled) == 33 * 64
