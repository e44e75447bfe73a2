"""Ways through classes: every day, every move and every minimum is paid for, and none is saved by moving twice."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakekit.errors import InvalidArgument
from lakekit.prices import load_book
from lakekit.tiering import is_move_allowed, journey_cost, transition_payback
from lakekit.tiering.classes import CLASSES, MINIMUM_DAYS

BOOK = load_book(as_of="2026-11-25")
MONTH = 365 / 12


def test_a_way_by_hand():
    # 1,024 GB in 4,096 files of 256 MB: 30 days STANDARD, 60 IA, 275 GLACIER_IR
    way = journey_cost(
        1024, 256 * 1024, steps=[(0, "STANDARD"), (30, "STANDARD_IA"), (90, "GLACIER_IR")], days=365, book=BOOK
    )
    assert way.storage_usd == pytest.approx(1024 * (0.023 * 30 + 0.0125 * 60 + 0.004 * 275) / MONTH)
    assert way.transition_usd == pytest.approx(4096 * (0.00001 + 0.00002))
    assert way.early_usd == 0
    assert way.usd == pytest.approx(way.storage_usd + way.transition_usd)


def test_files_that_nothing_reads_sink_in_intelligent_tiering():
    # 30 days FREQUENT, 60 INFREQUENT, 275 ARCHIVE_INSTANT; 4,096 files of 256 MB are watched for 12 months: 85.63
    way = journey_cost(1024, 256 * 1024, steps=[(0, "INTELLIGENT_TIERING")], days=365, book=BOOK)
    sunk = 1024 * (0.023 * 30 + 0.0125 * 60 + 0.004 * 275) / MONTH
    assert way.usd == pytest.approx(sunk + 4096 * 0.0025 / 1000 * 12) == pytest.approx(85.63, abs=0.005)


def test_files_are_frequent_first_on_the_day_that_they_come_to_intelligent_tiering():
    # 30 days STANDARD, then 30 FREQUENT and 10 INFREQUENT
    way = journey_cost(1024, 256 * 1024, steps=[(0, "STANDARD"), (30, "INTELLIGENT_TIERING")], days=70, book=BOOK)
    kept = 1024 * (0.023 * 30 + 0.023 * 30 + 0.0125 * 10) / MONTH
    assert way.storage_usd == pytest.approx(kept + 4096 * 0.0025 / 1000 * 40 / MONTH)


def test_files_under_128_kib_never_sink():
    way = journey_cost(1, 64, steps=[(0, "INTELLIGENT_TIERING")], days=365, book=BOOK)
    assert way.usd == pytest.approx(0.023 * 12)  # FREQUENT all year, and not watched


def test_the_deletion_at_the_end_may_be_too_early_too():
    # 100 of 180 days in DEEP_ARCHIVE
    way = journey_cost(1, 1024, steps=[(0, "STANDARD"), (1, "DEEP_ARCHIVE")], days=101, book=BOOK)
    gb = 1 + 1024 * 32 / 2**20  # 1,024 objects with 32 KB more each
    assert way.early_usd == pytest.approx(gb * 0.00099 * 80 / MONTH)


WAYS = [
    (one, other) for one, other in combinations(CLASSES, 2) if is_move_allowed(one, other) and one in MINIMUM_DAYS
]  # fmt: skip


@given(st.sampled_from(WAYS), st.integers(1, 200), st.integers(1, 200), st.sampled_from([1, 64, 1024, 262_144]))
def test_moving_on_early_never_saves_the_minimum(way, days_in_first, days_in_second, file_kib):
    """STANDARD, then a class with minimum days, then another: the first is paid for its minimum at least."""
    first, second = way
    steps = [(0, "STANDARD"), (30, first), (30 + days_in_first, second)]
    twice = journey_cost(10, file_kib, steps=steps, days=30 + days_in_first + days_in_second, book=BOOK)
    alone = journey_cost(10, file_kib, steps=steps[:2], days=30 + days_in_first, book=BOOK)
    # what one pays for the first class does not depend on whether its end is a move or a deletion
    after = journey_cost(10, file_kib, steps=[(0, second)], days=days_in_second, book=BOOK)
    assert twice.early_usd == pytest.approx(alone.early_usd + after.early_usd)
    stayed = journey_cost(10, file_kib, steps=steps[:2], days=30 + max(days_in_first, MINIMUM_DAYS[first]), book=BOOK)
    billed = alone.storage_usd + alone.early_usd
    overhead = 10 * 2**20 / file_kib * 8 / 2**20 * 0.023 if first == "GLACIER" else 0  # 8 KB an object at STANDARD
    missing = max(0, MINIMUM_DAYS[first] - days_in_first) / MONTH * overhead
    assert billed == pytest.approx(stayed.storage_usd - missing)


@given(st.sampled_from(WAYS), st.integers(1, 89), st.sampled_from([64, 1024, 262_144]))
def test_two_moves_in_a_row_cost_more_than_one(way, days_in_first, file_kib):
    """Ending in the same class at the same time, without staying for its minimum: the stop on the way is paid whole."""
    first, second = way
    stop = journey_cost(10, file_kib, steps=[(0, first), (days_in_first, second)], days=400, book=BOOK)
    whole = journey_cost(10, file_kib, steps=[(0, first)], days=max(days_in_first, MINIMUM_DAYS[first]), book=BOOK)
    rest = journey_cost(10, file_kib, steps=[(0, second)], days=400 - days_in_first, book=BOOK)
    overhead = 10 * 2**20 / file_kib * 8 / 2**20 * 0.023 if first == "GLACIER" else 0
    spared = max(0, MINIMUM_DAYS[first] - days_in_first) / MONTH * overhead
    assert stop.usd >= whole.storage_usd + rest.storage_usd - spared - 1e-9


def test_compact_first_tier_second():
    # 1 TB in 256 KB files: 4,194,304 x 0.05 / 1,000; Standard 23.552, archive 1.01376 + 0.12672 + 0.736
    small = transition_payback("STANDARD", "DEEP_ARCHIVE", 1024, 256, book=BOOK)
    assert small.objects == 4_194_304
    assert small.transition_usd == pytest.approx(209.7152)
    assert small.saving_usd_per_month == pytest.approx(21.67552)
    assert small.payback_months == pytest.approx(9.67521, abs=1e-4)
    # in 128 MB files: 8,192 x 0.05 / 1,000 = 0.41, back within a day
    large = transition_payback("STANDARD", "DEEP_ARCHIVE", 1024, 128 * 1024, book=BOOK)
    assert large.transition_usd == pytest.approx(0.4096)
    assert large.payback_months * 365 / 12 < 1


def test_a_move_that_never_pays_says_so():
    # 64 KB in IA are billed as 128 KB: 0.025 for a GB that costs 0.023 in STANDARD
    assert transition_payback("STANDARD", "STANDARD_IA", 1, 64, book=BOOK).payback_months is None
    with pytest.raises(InvalidArgument, match="may not move from GLACIER to STANDARD"):
        transition_payback("GLACIER", "STANDARD", 1, 1024)


def test_intelligent_tiering_pays_once_unread_files_have_sunk():
    # 4,096 x 0.01 / 1,000 to move, 0.01024 a month to watch; nothing saved for 30 days, then 1,024 x 0.0105 a month
    back = transition_payback("STANDARD", "INTELLIGENT_TIERING", 1024, 256 * 1024, book=BOOK)
    month = 30 / (365 / 12)
    owed = 0.04096 + 0.01024 * month
    assert back.payback_months == pytest.approx(month + owed / (1024 * 0.0105 - 0.01024))
    assert back.saving_usd_per_month == pytest.approx(1024 * 0.019 - 0.01024)  # after 90 days, ARCHIVE_INSTANT
    small = transition_payback("STANDARD", "INTELLIGENT_TIERING", 1, 64, book=BOOK)
    assert small.payback_months is None  # files of 64 KiB stay FREQUENT, which costs as much as STANDARD


def test_leaving_intelligent_tiering_saves_less_once_unread_files_have_sunk():
    # 1,024 files of 1 MiB watched for 0.00256 a month; 30 days 0.023 - 0.0036 a GB, in the end 0.004 - 0.0036
    back = transition_payback("INTELLIGENT_TIERING", "GLACIER", 1, 1024, book=BOOK)
    overhead = 1024 * (32 * 0.0036 + 8 * 0.023) / 2**20
    assert back.saving_usd_per_month == pytest.approx(0.004 - 0.0036 + 0.00256 - overhead)
    # 0.03072 to move: 30 days x 0.0194, and 60 x 0.0089 a month, are worth 0.0367
    first, second = 0.0194 + 0.00256 - overhead, 0.0089 + 0.00256 - overhead
    month = 30 / (365 / 12)
    assert back.payback_months == pytest.approx(month + (0.03072 - first * month) / second)


@pytest.mark.parametrize(
    ("steps", "days", "message"),
    [
        ([(1, "STANDARD")], 10, "do not rise from 0"),
        ([], 10, "do not rise from 0"),
        ([(0, "STANDARD"), (10, "GLACIER")], 10, "do not rise from 0"),
        ([(0, "GLACIER"), (10, "STANDARD")], 20, "Nothing moves from GLACIER to STANDARD"),
        ([(0, "GLACIERR")], 20, "is not a storage class"),
    ],
)
def test_ways_that_do_not_exist_are_refused(steps, days, message):
    with pytest.raises(InvalidArgument, match=message):
        journey_cost(1, 1024, steps=steps, days=days, book=BOOK)
