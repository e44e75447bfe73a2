"""What a partition costs in a class over a horizon, by hand; curves of prices with steps are the lowest of lines."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakekit.errors import InvalidArgument
from lakekit.prices import load_book
from lakekit.tiering.model import Assumptions, Constraints, CostModel, share_of_tiers, split_parts
from tests.tiering.tables import DEFAULTS

BOOK = load_book(as_of="2026-11-25")
MONTH = 365 / 12
GIB = 2**30


def compute(row, to_class, *, constraints=None, **assumptions):
    """USD over the horizon, everything counted as if it were alone."""
    model = CostModel(BOOK, Assumptions(**assumptions), constraints or Constraints())
    cost = model.compute_cost(DEFAULTS | row, to_class)
    standard, frequent = model.make_curves()
    return cost.usd + standard.cost_usd(cost.standard_gb) + frequent.cost_usd(cost.frequent_gb), cost.once_usd


READ = {  # 100 GB in 400 files; a month: 1,000 requests for 30 GB, 200 visits of files that hold 50 GB
    "files": 400, "size_bytes": 100 * GIB, "requests_per_month": 1000.0, "bytes_per_month": 30.0 * GIB,
    "file_reads_per_month": 200.0, "file_bytes_per_month": 50.0 * GIB,
}  # fmt: skip


@pytest.mark.parametrize(
    ("to_class", "once", "usd"),
    [
        # 12 x (100 x 0.023 + 1,000 x 0.0000004)
        ("STANDARD", 0, 12 * (2.3 + 0.0004)),
        # 400 x 0.00001; 12 x (100 x 0.0125 + 1,000 x 0.000001 + 30 x 0.01)
        ("STANDARD_IA", 0.004, 0.004 + 12 * (1.25 + 0.001 + 0.3)),
        ("ONEZONE_IA", 0.004, 0.004 + 12 * (1.0 + 0.001 + 0.3)),
        # 400 x 0.00002; 12 x (100 x 0.004 + 1,000 x 0.00001 + 30 x 0.03)
        ("GLACIER_IR", 0.008, 0.008 + 12 * (0.4 + 0.01 + 0.9)),
        # 400 x 0.00003; 100 GB + 400 x 32 KB at 0.0036, 400 x 8 KB at 0.023; GET 0.0004; bulk restores are free,
        # their copies stay a day: 50 x 0.023 / 30.4167
        (
            "GLACIER",
            0.012,
            0.012 + 12 * ((100 + 400 / 32768) * 0.0036 + 400 / 131072 * 0.023 + 0.0004 + 50 / MONTH * 0.023),
        ),
        # 400 x 0.00005; as above at 0.00099; bulk restores 200 x 0.000025 + 50 x 0.0025
        (
            "DEEP_ARCHIVE",
            0.02,
            0.02
            + 12 * ((100 + 400 / 32768) * 0.00099 + 400 / 131072 * 0.023 + 0.0004 + 50 / MONTH * 0.023 + 0.005 + 0.125),
        ),
    ],
)
def test_a_year_in_each_class(to_class, once, usd):
    assert compute(READ, to_class) == (pytest.approx(usd), pytest.approx(once))


def test_intelligent_tiering_sinks_without_reads():
    # 100 GB in 400 files, never read: month 1 FREQUENT, 2 and 3 INFREQUENT, 4 to 12 ARCHIVE_INSTANT
    # 2.3 + 2 x 1.25 + 9 x 0.4, monitoring 12 x 400 x 0.0000025, and 400 x 0.00001 to get there
    row = READ | dict.fromkeys(
        ["requests_per_month", "bytes_per_month", "file_reads_per_month", "file_bytes_per_month"], 0.0
    )
    assert compute(row, "INTELLIGENT_TIERING")[0] == pytest.approx(2.3 + 2.5 + 3.6 + 0.012 + 0.004)
    # one that is there already, unread for 100 days, is all ARCHIVE_INSTANT
    stays = compute(row | {"storage_class": "INTELLIGENT_TIERING"}, "INTELLIGENT_TIERING")
    assert stays == (pytest.approx(12 * 0.4 + 0.012), 0)


def test_shares_of_intelligent_tiering_follow_the_reads():
    # read on average every 30 days: 1 - 1/e are FREQUENT, 1/e - 1/e^3 INFREQUENT
    assert share_of_tiers(1 / 30, 365) == pytest.approx((1 - 0.36788, 0.36788 - 0.04979), abs=1e-5)
    assert share_of_tiers(100, 365) == pytest.approx((1, 0))


def test_small_files_stay_by_default_and_cost_128_kib_when_moved():
    # 1,000 files of 64 KB; moved to IA they are billed as 1,000 x 128 KB
    row = {"files": 1000, "size_bytes": 1000 * 65_536, "small_files": 1000, "small_bytes": 1000 * 65_536}
    gb = 1000 * 65_536 / GIB
    assert compute(row, "STANDARD_IA") == (pytest.approx(12 * gb * 0.023), 0)
    assert compute(row, "STANDARD_IA", small_files="move") == (pytest.approx(0.01 + 12 * 2 * gb * 0.0125), 0.01)
    # in Intelligent-Tiering they are FREQUENT for ever, and not watched
    usd, once = compute(row, "INTELLIGENT_TIERING", small_files="move")
    assert (usd, once) == (pytest.approx(0.01 + 12 * gb * 0.023), pytest.approx(0.01))


def test_reads_are_shared_between_small_files_and_others():
    row = DEFAULTS | {"files": 4, "small_files": 1, "size_bytes": 100, "small_bytes": 10}
    row |= {"requests_per_month": 8.0, "bytes_per_month": 100.0 * GIB}
    small, large = split_parts(row, 2.0)
    assert (small.requests, large.requests) == (4, 12)  # twice as much, a quarter of the files
    assert (small.sent_gb, large.sent_gb) == (pytest.approx(20), pytest.approx(180))  # a tenth of the bytes


def test_a_class_is_paid_for_its_minimum_days():
    # one month ahead: IA has had its 30 days, Glacier Instant is paid for 90, Deep Archive for 180
    gir = compute({}, "GLACIER_IR", horizon_months=1)[0]
    assert gir == pytest.approx(0.00002 + 0.004 * 90 / MONTH)
    # what lies in GLACIER_IR for 100 days already has paid its minimum
    there = compute({"storage_class": "GLACIER_IR"}, "GLACIER_IR", horizon_months=1)[0]
    assert there == pytest.approx(0.004)


def test_leaving_before_the_minimum_costs_the_rest():
    # 1 GB for 60 days in GLACIER_IR: 30 of 90 days are charged on leaving; then GLACIER for a year
    usd, once = compute({"storage_class": "GLACIER_IR", "age_days": 60.0}, "GLACIER")
    assert once == pytest.approx(0.00003 + 0.004 * 30 / MONTH)
    assert usd == pytest.approx(once + 12 * ((1 + 1 / 32768) * 0.0036 + 1 / 131072 * 0.023))


def test_growth_multiplies_everything_but_the_first_move():
    # 10 % a month for 3 months: 1 + 1.1 + 1.21 = 3.31 months of now; 1.21 files will have been moved
    assert compute({}, "STANDARD", horizon_months=3, growth_per_month=0.1)[0] == pytest.approx(3.31 * 0.023)
    usd, once = compute({}, "STANDARD_IA", horizon_months=3, growth_per_month=0.1)
    assert (usd, once) == (pytest.approx(1.21e-5 + 3.31 * 0.0125), pytest.approx(1.21e-5))


def test_a_quicker_restore_costs_more():
    slow = compute(READ, "GLACIER")[0]
    # within 5 hours: 12 x (200 x 0.00005 + 50 x 0.01) more
    quick = compute(READ, "GLACIER", constraints=Constraints(answers_select=False, restore_hours=5))[0]
    assert quick - slow == pytest.approx(12 * (0.01 + 0.5))


@pytest.mark.parametrize(
    ("now", "age", "constraints", "allowed"),
    [
        ("STANDARD", 100, Constraints(), ["STANDARD", "STANDARD_IA", "INTELLIGENT_TIERING", "GLACIER_IR"]),
        ("STANDARD", 29, Constraints(), ["STANDARD", "INTELLIGENT_TIERING", "GLACIER_IR"]),
        ("GLACIER_IR", 100, Constraints(), ["GLACIER_IR"]),
        ("GLACIER_IR", 100, Constraints(answers_select=False), ["GLACIER_IR", "GLACIER", "DEEP_ARCHIVE"]),
        (
            "GLACIER_IR",
            100,
            Constraints(answers_select=False, restore_hours=12),
            ["GLACIER_IR", "GLACIER", "DEEP_ARCHIVE"],
        ),
        ("GLACIER_IR", 100, Constraints(answers_select=False, restore_hours=5), ["GLACIER_IR", "GLACIER"]),
        ("GLACIER_IR", 100, Constraints(answers_select=False, restore_hours=0.01), ["GLACIER_IR"]),
        ("STANDARD_IA", 100, Constraints(recreatable=True, classes=["ONEZONE_IA"]), ["STANDARD_IA", "ONEZONE_IA"]),
        ("EXPRESS_ONEZONE", 100, Constraints(answers_select=False), ["EXPRESS_ONEZONE"]),
        ("DEEP_ARCHIVE", 100, Constraints(), ["DEEP_ARCHIVE"]),
    ],
)
def test_constraints_leave_classes_out_with_a_reason(now, age, constraints, allowed):
    choices = CostModel(BOOK, Assumptions(), constraints).list_choices(now, age)
    assert [name for name, why in choices.items() if not why] == allowed
    assert next(iter(choices)) == now


@pytest.mark.parametrize(
    "options",
    [
        {"horizon_months": 0},
        {"horizon_months": 1.5},
        {"growth_per_month": -1},
        {"access_factor": -0.1},
        {"access_factor": float("inf")},
        {"small_files": "drop"},
        {"restored_days": float("nan")},
    ],
)
def test_assumptions_that_make_no_sense_are_refused(options):
    with pytest.raises(InvalidArgument, match=f"{next(iter(options))} is"):
        Assumptions(**options)


def test_constraints_that_make_no_sense_are_refused():
    with pytest.raises(InvalidArgument, match="'GLACIER-IR' is no class to plan with"):
        Constraints(classes=["GLACIER-IR"])
    with pytest.raises(InvalidArgument, match="restore_hours is 0"):
        Constraints(restore_hours=0)


def test_steps_of_the_price_count_everything_in_standard():
    standard, _ = CostModel(
        BOOK, Assumptions(horizon_months=1, standard_gb_elsewhere=51_000), Constraints()
    ).make_curves()
    # 200 GB fill the first 51,200, the next 300 are in the second step
    assert standard.cost_usd(500) == pytest.approx(200 * 0.023 + 300 * 0.022)


@given(
    size=st.floats(0, 1e6),
    most=st.floats(1, 1e6),
    months=st.integers(1, 5),
    growth=st.sampled_from([0.0, 0.1, -0.1]),
    elsewhere=st.sampled_from([0.0, 50_000.0, 600_000.0]),
)
def test_the_lowest_of_the_lines_is_the_curve(size, most, months, growth, elsewhere):
    assumptions = Assumptions(horizon_months=months, growth_per_month=growth, standard_gb_elsewhere=elsewhere)
    standard, _ = CostModel(BOOK, assumptions, Constraints()).make_curves()
    size = min(size, most)
    lowest = min(base + slope * size for base, slope in standard.list_lines(most))
    assert lowest == pytest.approx(standard.cost_usd(size), rel=1e-9, abs=1e-6)
