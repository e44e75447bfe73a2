"""Flink bills each second from ten minutes on, and one KPU more than the program has."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakekit.errors import InvalidArgument
from lakekit.planning.flink import bill_run_seconds, count_kpus, price_flink
from lakekit.units import GIB


def test_a_run_costs_ten_minutes_at_least_and_every_second_begun():
    assert [bill_run_seconds(run_s) for run_s in (0, 599.5, 600, 600.2, 1210)] == [600, 600, 600, 601, 1210]


@given(st.integers(1, 500), st.integers(1, 8))
def test_the_kpus_hold_the_parallelism(parallelism, each):
    kpus = count_kpus(parallelism, parallelism_per_kpu=each)
    assert (kpus - 1) * each < parallelism <= kpus * each


def test_a_month_adds_orchestration_storage_and_backups():
    bill = price_flink(4, backup_bytes=100 * GIB)
    assert bill["KPUs"] == pytest.approx(321.20)  # 4 x 730 x 0.11
    assert bill["orchestration"] == pytest.approx(80.30)
    assert bill["running storage"] == pytest.approx(20.00)  # 200 x 0.10
    assert bill["backups"] == pytest.approx(2.30)


def test_part_of_a_month_costs_its_part():
    assert price_flink(2, hours=73).usd == pytest.approx(price_flink(2).usd / 10)


def test_storage_may_be_given_as_it_is_billed():
    assert price_flink(4, storage_bytes=0).usd == pytest.approx(401.50)  # 5 x 80.30


def test_less_than_one_kpu_is_refused():
    with pytest.raises(InvalidArgument, match="kpus=0"):
        price_flink(0)
