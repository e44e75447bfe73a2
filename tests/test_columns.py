"""Names of columns that Polars would take for patterns."""

import polars as pl
import pytest

from lakekit.columns import exact_name

ASCII = "".join(map(chr, range(1, 127)))
NAMES = ["*", "^$", "^k.$", "^.*$", f"^{ASCII}$", "^é\t#$", "^k", "k$", "", "k.", "*k*"]


@pytest.mark.parametrize("name", NAMES)
def test_a_column_is_found_by_its_exact_name_alone(name):
    frame = pl.DataFrame({name: [1], "kx": [2], "k*": [3]})
    assert frame.select(exact_name(name)).to_dicts() == [{name: 1}]
