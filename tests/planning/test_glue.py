"""Glue is billed by the DPU-second with a minimum; the catalog's first million is free."""

import pytest

from lakekit.errors import InvalidArgument
from lakekit.planning.glue import price_catalog, price_glue


@pytest.mark.parametrize(
    ("dpus", "minutes", "kind", "usd"),
    [
        (10, 60, "spark", 4.40),  # 10 x 0.44
        (10, 60, "flex", 2.90),  # 10 x 0.29
        (10, 60, "streaming", 4.40),
        (10, 0.5, "spark", 10 / 60 * 0.44),  # a minute at least
        (2, 3, "crawler", 2 / 6 * 0.44),  # ten minutes at least
        (1 / 16, 60, "python-shell", 0.0275),
        (1, 60, "python-shell", 0.44),  # 16 x 0.0275
    ],
)
def test_each_kind_has_its_price_and_its_minimum(dpus, minutes, kind, usd):
    assert price_glue(dpus, minutes, kind=kind).usd == pytest.approx(usd)


def test_runs_are_counted_one_by_one():
    assert price_glue(10, 0.5, runs=60).usd == pytest.approx(4.40)  # 60 x 1 minute


def test_a_minimum_that_was_charged_is_told():
    assert price_glue(1, 0.5).notes == ("a run of 30 s is charged as 60 s",)
    assert any("the pricing page says 1" in note for note in price_glue(1, 30, kind="crawler").notes)
    assert price_glue(1, 1).notes == ()


def test_the_first_million_of_the_catalog_is_free():
    bill = price_catalog(1_200_000, 3_000_000)  # 2 x 1.00; 2 x 1.00
    assert (bill["objects"], bill["requests"]) == (2, 2)
    assert price_catalog(1_000_000, 1_000_000).usd == 0


def test_a_kind_that_is_none_is_named():
    with pytest.raises(InvalidArgument, match="kind='ray'"):
        price_glue(1, 1, kind="ray")
