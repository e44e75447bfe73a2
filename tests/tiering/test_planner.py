"""The plan is the cheapest of all assignments that the constraints allow, by trying every one of them."""

from dataclasses import replace
from itertools import product

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakekit.errors import InvalidArgument
from lakekit.prices import load_book
from lakekit.tiering import Assumptions, Constraints, plan
from lakekit.tiering.model import CostModel
from lakekit.tiering.planner import add_costs, choose_classes
from tests.tiering.tables import DEFAULTS, make_heat, make_table

BOOK = load_book(as_of="2026-11-25")
GIB, TIB, KIB = 2**30, 2**40, 2**10
TABLE = make_table([("p=000/a.parquet", GIB, 100)])
CLASSES = ["STANDARD", "STANDARD_IA", "INTELLIGENT_TIERING", "ONEZONE_IA", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE"]
ANY = Constraints(answers_select=False, recreatable=True)


def make_plan(rows, constraints=None, **assumptions):
    chosen = Assumptions(**assumptions)
    return plan(TABLE, make_heat(rows), constraints=constraints, assumptions=chosen, book=BOOK)


@st.composite
def rows(draw, sizes=(0, 5 * KIB, 300 * KIB, GIB, 30 * TIB)):
    """A partition of a few files to millions, read never to daily, in any class."""
    files = draw(st.integers(1, 10**6))
    small = draw(st.sampled_from([0, files // 2, files]))
    size = draw(st.sampled_from(sizes))
    reads = draw(st.sampled_from([0.0, 0.01, 0.3, 1.0, 30.0]))
    return DEFAULTS | {
        "storage_class": draw(st.sampled_from(CLASSES)),
        "files": files,
        "small_files": small,
        "size_bytes": size,
        "small_bytes": min(size, size * small // files, small * 131_071),
        "age_days": float(draw(st.integers(0, 400))),
        "requests_per_month": reads * draw(st.integers(1, 100)),
        "bytes_per_month": reads * size,
        "file_reads_per_month": reads,
        "file_bytes_per_month": reads * size,
    }


ASSUMPTIONS = st.builds(
    Assumptions,
    horizon_months=st.integers(1, 4),
    growth_per_month=st.sampled_from([0.0, 0.2, -0.1]),
    access_factor=st.sampled_from([0.0, 1.0, 5.0]),
    small_files=st.sampled_from(["leave", "move"]),
    restored_days=st.sampled_from([1.0, 30.0]),
    standard_gb_elsewhere=st.sampled_from([0.0, 40_000.0]),
)
CONSTRAINTS = st.builds(
    Constraints,
    answers_select=st.booleans(),
    restore_hours=st.sampled_from([None, 0.1, 5.0, 12.0]),
    recreatable=st.booleans(),
)


def try_all(model, heat_rows):
    """The least cost of every feasible assignment, one by one."""
    options = []
    for row in heat_rows:
        choices = model.list_choices(row["storage_class"], row["age_days"])
        options.append([name for name, why in choices.items() if not why])
    return min(add_costs(model, heat_rows, names) for names in product(*options))


@settings(max_examples=60)
@given(st.lists(rows(), min_size=1, max_size=3), ASSUMPTIONS, CONSTRAINTS)
def test_no_feasible_assignment_is_cheaper(heat_rows, assumptions, constraints):
    model = CostModel(BOOK, assumptions, constraints)
    names = choose_classes(model, heat_rows)
    for row, name in zip(heat_rows, names, strict=True):
        assert not model.list_choices(row["storage_class"], row["age_days"])[name]
    assert add_costs(model, heat_rows, names) == pytest.approx(try_all(model, heat_rows), rel=1e-9, abs=1e-6)


@settings(max_examples=25)
@given(st.lists(rows(sizes=(20 * TIB, 40 * TIB, 300 * TIB)), min_size=2, max_size=4), ASSUMPTIONS)
def test_no_feasible_assignment_is_cheaper_where_steps_of_a_price_tie_partitions_together(heat_rows, assumptions):
    model = CostModel(BOOK, assumptions, Constraints())
    names = choose_classes(model, heat_rows)
    assert add_costs(model, heat_rows, names) == pytest.approx(try_all(model, heat_rows), rel=1e-9, abs=1e-6)


def test_partitions_that_choose_for_themselves_can_be_wrong_together():
    # A made-up price whose second step is nearly free: apart, each GB is cheaper in IA (0.0125 < 0.023); together
    # they reach the free step: 51,200 x 0.023 + 153,600 x 0.0001 = 1,192.96 against 204,800 x 0.0125 = 2,560
    standard = BOOK.price("s3.storage.STANDARD")
    tiers = (standard.tiers[0], replace(standard.tiers[1], up_to=None, usd=0.0001))
    book = replace(BOOK, prices={**BOOK.prices, standard.id: replace(standard, tiers=tiers)})
    heat_rows = [DEFAULTS | {"files": 1, "size_bytes": 50 * TIB} for _ in range(4)]
    model = CostModel(book, Assumptions(horizon_months=1), Constraints(classes=["STANDARD_IA"]))
    assert choose_classes(model, heat_rows) == ["STANDARD"] * 4
    assert choose_classes(model, heat_rows[:1]) == ["STANDARD_IA"]
    assert add_costs(model, heat_rows, ["STANDARD"] * 4) == pytest.approx(1192.96)


@given(st.lists(rows(), min_size=1, max_size=3), ASSUMPTIONS, CONSTRAINTS)
def test_no_cost_is_negative_and_no_plan_dearer_than_staying(heat_rows, assumptions, constraints):
    model = CostModel(BOOK, assumptions, constraints)
    for row in heat_rows:
        for name in model.list_choices(row["storage_class"], row["age_days"]):
            if name == row["storage_class"] or not model.list_choices(row["storage_class"], row["age_days"])[name]:
                cost = model.compute_cost(row, name)
                assert (
                    min(cost.usd, cost.once_usd, cost.standard_gb, cost.frequent_gb, cost.usd - cost.once_usd) >= -1e-12
                )
    stay = add_costs(model, heat_rows, [row["storage_class"] for row in heat_rows])
    assert add_costs(model, heat_rows, choose_classes(model, heat_rows)) <= stay * (1 + 1e-9) + 1e-6


@pytest.mark.parametrize(
    "stricter",
    [
        {"answers_select": True},
        {"restore_hours": 48},
        {"restore_hours": 12},
        {"restore_hours": 5},
        {"restore_hours": 0.1},
        {"restore_hours": 0.01},
        {"recreatable": False},
        {"classes": ["STANDARD_IA", "GLACIER"]},
        {"classes": []},
    ],
)
@settings(max_examples=15)
@given(st.lists(rows(), min_size=1, max_size=3), ASSUMPTIONS)
def test_a_constraint_never_makes_a_plan_cheaper(stricter, heat_rows, assumptions):
    costs = []
    for constraints in (ANY, replace(ANY, **stricter)):
        model = CostModel(BOOK, assumptions, constraints)
        costs.append(add_costs(model, heat_rows, choose_classes(model, heat_rows)))
    assert costs[1] >= costs[0] * (1 - 1e-9) - 1e-6


def test_a_shorter_restore_never_makes_a_plan_cheaper():
    row = DEFAULTS | {"storage_class": "DEEP_ARCHIVE", "files": 100, "file_reads_per_month": 100.0, "size_bytes": GIB}
    row |= {"file_bytes_per_month": 1.0 * GIB}
    costs = [make_plan([row], replace(ANY, restore_hours=hours)).plan_usd for hours in (None, 48, 12, 5, 0.1)]
    assert costs == sorted(costs)


COLD = {"files": 4, "size_bytes": 1024 * GIB, "age_days": 200.0}  # 1 TB in 4 files, never read


def test_a_cold_tb_goes_to_glacier_instant_while_it_must_answer():
    # stays: 12 x 1,024 x 0.023 = 282.62; GIR: 12 x 1,024 x 0.004 + 4 x 0.00002 = 49.15; IA 153.60
    # INT: 1,024 x (0.023 + 2 x 0.0125 + 9 x 0.004) = 86.02
    found = make_plan([COLD])
    assert found.frame.select("storage_class", "to", "temperature").row(0) == ("STANDARD", "GLACIER_IR", "cold")
    assert (found.now_usd, found.plan_usd) == (pytest.approx(282.624), pytest.approx(49.152 + 0.00008))
    assert found.saving_usd == pytest.approx(233.47192)
    assert found.payback_months == pytest.approx(0.00008 / ((282.624 - 49.152) / 12))
    row = found.frame.row(0, named=True)
    assert (row["now_usd"], row["plan_usd"], row["once_usd"]) == pytest.approx((282.624, 49.15208, 0.00008))
    assert "DEEP_ARCHIVE must answer SELECT" in row["reason"]


def test_the_cost_of_every_class_is_there_to_look_at():
    found = make_plan([COLD, {"storage_class": "GLACIER_IR"}])
    costs = {row["to"]: row for row in found.costs.filter(folder="p=000/").iter_rows(named=True)}
    assert list(costs) == CLASSES[:1] + ["STANDARD_IA", "INTELLIGENT_TIERING", "ONEZONE_IA", *CLASSES[4:]]
    assert costs["STANDARD"]["usd"] == pytest.approx(282.624)
    assert costs["STANDARD_IA"]["usd"] == pytest.approx(12 * 1024 * 0.0125 + 0.00004)
    assert costs["GLACIER_IR"]["usd"] == pytest.approx(49.15208)
    # Deep Archive: 12 x 1,024 x 0.00099 and pennies; it is refused, so that SELECT is answered
    assert costs["DEEP_ARCHIVE"]["usd"] == pytest.approx(12.165, abs=0.001)
    assert costs["DEEP_ARCHIVE"]["refused"] == "must answer SELECT"
    assert costs["GLACIER_IR"]["refused"] is None
    assert found.costs.filter(folder="p=001/")["to"].to_list() == ["GLACIER_IR", "GLACIER", "DEEP_ARCHIVE"]
    chosen = found.frame.join(found.costs, on=["folder", "storage_class", "to"])
    assert chosen["usd"].to_list() == pytest.approx(chosen["plan_usd"].to_list())


def test_a_cold_tb_goes_deeper_when_it_may_wait():
    # within 12 hours: Deep Archive by its Standard tier; within 5 hours: GLACIER
    assert make_plan([COLD], Constraints(answers_select=False, restore_hours=12)).frame["to"][0] == "DEEP_ARCHIVE"
    found = make_plan([COLD], Constraints(answers_select=False, restore_hours=5))
    assert found.frame["to"][0] == "GLACIER"
    assert "Athena leaves them out without an error" in repr(found)


def test_a_hot_tb_stays():
    # read whole 16 times a month: Standard-IA costs 0.0125 + 16 x 0.01 a GB; in INT all would be FREQUENT, and watched
    hot = COLD | {"requests_per_month": 64.0, "bytes_per_month": 16_384.0 * GIB, "file_reads_per_month": 64.0}
    hot |= {"file_bytes_per_month": 16_384.0 * GIB}
    found = make_plan([hot])
    assert found.frame["to"][0] == "STANDARD"
    assert (found.saving_usd, found.payback_months) == (0, None)
    assert "nothing moves" in repr(found)


def test_the_plan_says_what_it_costs_when_more_is_read():
    # 1 TB read whole 0.1 times a month, in 4 files: GIR 0.004 + 0.1 x 0.03 = 0.007 a GB; twice as much 0.010
    row = COLD | {"bytes_per_month": 102.4 * GIB, "file_reads_per_month": 0.4, "file_bytes_per_month": 102.4 * GIB}
    found = make_plan([row], Constraints(classes=["GLACIER_IR", "STANDARD_IA"]))
    by_factor = {row["access_factor"]: row for row in found.sensitivity.iter_rows(named=True)}
    assert by_factor[1.0]["plan_usd"] == pytest.approx(12 * 1024 * 0.007 + 0.00008)
    assert by_factor[2.0]["plan_usd"] == pytest.approx(12 * 1024 * 0.010 + 0.00008)
    # four times: GIR 0.016, IA 0.0125 + 0.4 x 0.01 = 0.0165
    assert by_factor[4.0]["best_usd"] == pytest.approx(12 * 1024 * 0.016 + 0.00008)
    assert by_factor[0.0]["plan_usd"] == pytest.approx(12 * 1024 * 0.004 + 0.00008)
    assert all(row["best_usd"] <= row["plan_usd"] for row in by_factor.values())
    assert f"read twice as much, this plan costs ${12 * 1024 * 0.010:,.2f}" in repr(found)


def test_compact_first_tier_second():
    # 1 TB in 256 KB files, 3 months: GIR saves 3 x 1,024 x 0.019 = 58.37 and costs 4,194,304 x 0.00002 = 83.89 to move
    small = {"files": 4_194_304, "size_bytes": 1024 * GIB, "age_days": 200.0}
    found = make_plan([small], Constraints(classes=["GLACIER_IR"]), horizon_months=3)
    assert found.frame["to"][0] == "STANDARD"
    first = found.compact_first
    # 4,096 files of 256 MB: 4,194,304 x 0.0000004 + 4,096 x 0.000005 to compact, 4,096 x 0.00002 to move
    assert (first.files, first.files_after, first.held_back) == (4_194_304, 4096, ("p=000/",))
    assert first.compaction_usd == pytest.approx(1.6777216 + 0.02048)
    assert first.plan_usd == pytest.approx(3 * 1024 * 0.004 + 0.08192 + first.compaction_usd)
    assert first.saving_usd == pytest.approx(3 * 1024 * 0.023 - first.plan_usd)
    assert "Compact first, tier second: 4,194,304 files become 4,096" in repr(found)
    assert "Small files make tiering lose money in 1 partition" in repr(found)


CRUMBS = {"files": 1_048_576, "size_bytes": 1024 * GIB, "age_days": 200.0}  # 1 TB in files of 1 MiB; 4,096 of 256


def test_compacting_pays_for_reading_and_leaving_the_class_that_files_are_in():
    # GIR, and a GET a month for each file: 1,048,576 x 0.00001 = 10.49 a month, compacted 0.04
    crumbs = CRUMBS | {"storage_class": "GLACIER_IR", "requests_per_month": 1_048_576.0}
    first = make_plan([crumbs]).compact_first
    # to compact: a GET for each file again, 1,024 x 0.03 to retrieve, 4,096 x 0.000005 to write into STANDARD
    assert first.compaction_usd == pytest.approx(10.48576 + 30.72 + 0.02048)
    # then 4,096 x 0.00002 to move down again, a year of storage, and GETs of 4,096 files each month
    assert first.plan_usd == pytest.approx(first.compaction_usd + 0.08192 + 12 * (1024 * 0.004 + 0.04096))
    assert first.saving_usd == pytest.approx(12 * (1024 * 0.004 + 10.48576) - first.plan_usd)
    assert first.held_back == ()  # it would be in GIR either way


def test_compacting_is_not_advised_where_it_costs_more_than_it_saves():
    # as above over three months: 41.31 to compact, and 3 x 10.44 saved
    crumbs = CRUMBS | {"storage_class": "GLACIER_IR", "requests_per_month": 1_048_576.0}
    found = make_plan([crumbs], horizon_months=3)
    first = found.compact_first
    assert (first.files_after, first.compaction_usd, first.saving_usd) == (1_048_576, 0, 0)
    assert "Compact first" not in repr(found)


def test_compacting_pays_the_days_that_the_originals_should_have_stayed():
    # IA for 10 of 30 days: 1,048,576 x 0.000001 + 1,024 x 0.01 to read, 4,096 x 0.000005 to write
    young = CRUMBS | {"storage_class": "STANDARD_IA", "age_days": 10.0}
    first = make_plan([young]).compact_first
    fee = 1024 * 0.0125 * 20 / (365 / 12)
    assert first.compaction_usd == pytest.approx(1.048576 + 10.24 + 0.02048 + fee)
    # without compaction: the same fee, and 1,048,576 x 0.00002 to move to GIR
    assert first.saving_usd == pytest.approx(20.97152 + fee - 0.08192 - first.compaction_usd)


def test_only_partitions_that_gain_by_it_are_compacted_first():
    # the first moves to GIR for 0.08 instead of 20.97; the second is there already, and is hardly read
    first = make_plan([CRUMBS, CRUMBS | {"storage_class": "GLACIER_IR"}]).compact_first
    assert (first.files, first.files_after) == (2_097_152, 4096 + 1_048_576)
    assert first.compaction_usd == pytest.approx(0.4194304 + 0.02048)


@pytest.mark.parametrize("archived", ["GLACIER", "INTELLIGENT_TIERING.ARCHIVE_ACCESS"])
def test_files_that_must_be_restored_are_not_compacted(archived):
    row = CRUMBS | {"storage_class": archived, "requests_per_month": 1_048_576.0}
    assert make_plan([row], ANY).compact_first.files_after == 1_048_576


@settings(max_examples=40)
@given(st.lists(rows(), min_size=1, max_size=3), ASSUMPTIONS, CONSTRAINTS)
def test_compacting_first_never_makes_a_plan_dearer(heat_rows, assumptions, constraints):
    found = plan(TABLE, make_heat(heat_rows), assumptions=assumptions, constraints=constraints, book=BOOK)
    first = found.compact_first
    assert first.saving_usd >= -1e-6 * max(1, found.plan_usd)
    assert first.files_after <= first.files


def test_large_files_need_no_compaction():
    found = make_plan([COLD])
    assert (found.compact_first.files_after, found.compact_first.held_back) == (4, ())
    assert "Compact first" not in repr(found)


def test_small_files_stay_where_they_are():
    row = {"files": 10, "small_files": 10, "size_bytes": 10 * KIB, "small_bytes": 10 * KIB}
    found = make_plan([row])
    assert found.frame["to"][0] == "STANDARD"
    mixed = COLD | {"files": 5, "small_files": 1, "small_bytes": KIB}
    assert "1 small files stay" in make_plan([mixed]).frame["reason"][0]


def test_sums_by_class_are_the_sums_of_the_plan():
    found = make_plan([COLD, {"size_bytes": 5 * GIB, "age_days": 3.0}, {"storage_class": "GLACIER_IR"}])
    by_class = found.by_class()
    assert by_class["now_usd"].sum() == pytest.approx(found.now_usd)
    assert by_class["plan_usd"].sum() == pytest.approx(found.plan_usd)
    assert by_class["now_bytes"].sum() == by_class["plan_bytes"].sum() == found.frame["size_bytes"].sum()
    assert found.moves.height == 2  # the young one may go to GIR at once, but not to IA


def test_a_plan_shows_itself():
    found = make_plan([COLD])
    assert repr(found).startswith(
        "Plan for t over 12 months, prices of us-east-1, 2026-11-23\nall stays $282.62, plan $49.15"
    )
    assert "<table" in found._repr_html_()
    assert (found.bucket, found.prefix) == ("lake", "t")


def test_a_plan_needs_the_heat_of_its_table_and_classes_with_prices():
    with pytest.raises(InvalidArgument, match="The heat is of other, not of t"):
        plan(TABLE, make_heat([COLD], table="other"), book=BOOK)
    with pytest.raises(InvalidArgument, match="p=000/ has files in SNOW, which has no prices here"):
        make_plan([COLD | {"storage_class": "SNOW"}])
    with pytest.raises(InvalidArgument, match="The price book of eu-west-1 has no 's3.storage"):
        plan(TABLE, make_heat([COLD]), book=load_book("eu-west-1", as_of="2026-11-25"))


def test_nothing_is_changed_by_planning():
    heat = make_heat([COLD])
    before = heat.frame.clone()
    plan(TABLE, heat, book=BOOK)
    assert heat.frame.equals(before)
    assert isinstance(heat.frame, pl.DataFrame)
