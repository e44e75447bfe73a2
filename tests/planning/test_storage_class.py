"""The cheapest class by what reading costs, how long one may wait, and how small the objects are."""

import pytest

from lakekit.errors import InvalidArgument
from lakekit.planning.storage_class import choose_storage_class
from lakekit.units import KIB

DAY = 86_400


@pytest.mark.parametrize(
    ("reads", "wait_s", "name"),
    [
        (30, 1, "STANDARD"),
        (1, 1, "STANDARD_IA"),
        (0.3, 1, "GLACIER_IR"),
        (0, 1, "GLACIER_IR"),
        (0, 6 * 3600, "GLACIER"),  # Deep Archive needs 12 hours
        (0.05, DAY, "DEEP_ARCHIVE"),
        (2, 3 * DAY, "GLACIER"),  # bulk restores are free
    ],
)
def test_reads_and_waiting_choose_the_class(reads, wait_s, name):
    assert choose_storage_class(reads, wait_s=wait_s).storage_class == name


def test_the_break_evens_are_those_that_prices_give():
    changes = " ".join(choose_storage_class(1, object_bytes=2**30).would_change)
    assert "above 1.05 reads a month: STANDARD" in changes  # (0.023 - 0.0125) / 0.01
    assert "below 0.425 reads a month: GLACIER_IR" in changes  # (0.0125 - 0.004) / (0.03 - 0.01)


def test_small_objects_are_billed_as_large_ones():
    # 6 KB in Standard-IA bill 128: 0.0125 x 21.3 = 0.267 a GB
    choice = choose_storage_class(0, object_bytes=6 * KIB)
    assert choice.storage_class == "STANDARD"
    assert choice.usd_per_gb_month["STANDARD_IA"] == pytest.approx(0.0125 * 128 / 6)


def test_ten_kilobyte_objects_make_the_archive_as_dear_as_standard():
    choice = choose_storage_class(0, object_bytes=10 * KIB, wait_s=3 * DAY)
    # 0.00099 x 42/10 + 0.023 x 8/10 = 0.022558 a GB: 100 GB are 2.2558, as the calculator says
    assert choice.usd_per_gb_month["DEEP_ARCHIVE"] == pytest.approx(0.022558)


def test_what_is_deleted_soon_stays_out_of_classes_with_a_minimum():
    choice = choose_storage_class(0, kept_days=10)
    assert choice.storage_class == "STANDARD"
    assert choice.against["GLACIER_IR"] == "billed for 90 days at least, kept for 10"


def test_unknown_reads_are_what_intelligent_tiering_is_for():
    assert choose_storage_class(None).storage_class == "INTELLIGENT_TIERING"
    assert "never move" in repr(choose_storage_class(None, object_bytes=64 * KIB))


def test_what_cannot_be_is_refused():
    with pytest.raises(InvalidArgument, match="reads_per_month=-1"):
        choose_storage_class(-1)
    with pytest.raises(InvalidArgument, match="object_bytes=0"):
        choose_storage_class(1, object_bytes=0)
