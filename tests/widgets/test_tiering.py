"""The panel for tiering shows what lk.tiering.plan finds for its sliders, and the code and rules that say the same."""

import json
from datetime import date, timedelta

import pytest

import lakekit as lk
from lakekit.prices import load_book
from lakekit.widgets import TieringPanel
from lakekit.widgets.tiering import CLASS_COLOURS
from tests.tiering.tables import make_heat, make_table

BOOK = load_book(as_of="2026-11-25")
GIB = 2**30
TABLE = make_table([("a", GIB, 100)])


def make_days(count=40):
    """Days of 100 GB in 4 files, the oldest 200 days old, each read whole every fifth month."""
    return make_heat(
        [
            {
                "folder": f"date={date(2026, 1, 1) + timedelta(days=number)}/",
                "files": 4,
                "size_bytes": 100 * GIB,
                "age_days": 200.0 - number,
                "reads_per_month": 0.2,
                "requests_per_month": 0.8,
                "bytes_per_month": 20.0 * GIB,
                "file_reads_per_month": 0.8,
                "file_bytes_per_month": 20.0 * GIB,
            }
            for number in range(count)
        ]
    )


@pytest.fixture
def panel():
    return TieringPanel(TABLE, make_days(), book=BOOK)


def test_it_begins_with_what_was_seen(panel):
    # 40 days of 100 GB: stays 12 x 4,000 x 0.023 = 1,104.0; GIR 0.004 + 0.2 x 0.03 = 0.010 a GB, 480.0
    # and 160 x 0.00002 to move + 12 x 32 x 0.00001 for requests = 0.007
    assert panel.assumptions.access_factor == 1
    assert panel.plan.frame["to"].unique().to_list() == ["GLACIER_IR"]
    assert panel.text.startswith("all stays $1,104.00, plan $480.01: saves $623.99 (57%)")
    assert repr(panel) == f"TieringPanel: {panel.text}"


def test_reads_scale_with_the_slider(panel):
    # three reads a month: IA would cost 0.0125 + 0.03 a GB, GIR 0.004 + 0.09
    panel.set(reads_per_month=3.0)
    assert panel.assumptions.access_factor == 15
    assert set(panel.plan.frame["to"]) <= {"STANDARD", "INTELLIGENT_TIERING"}
    panel.set(reads_per_month=0.0)
    # 12 x 4,000 x 0.004
    assert "plan $192.00" in panel.text


def test_horizon_growth_and_patience_are_handed_on(panel):
    panel.set(horizon_months=6, growth_percent=2.0, restore="12 hours", recreatable=True)
    assert (panel.assumptions.horizon_months, panel.assumptions.growth_per_month) == (6, 0.02)
    assert (panel.constraints.answers_select, panel.constraints.restore_hours) == (False, 12)
    # within 12 hours Deep Archive charges 0.02 for each GB restored; GLACIER's bulk restores are free
    assert panel.plan.frame["to"].unique().to_list() == ["GLACIER"]
    assert "growth_per_month=0.02" in panel.code and "restore_hours=12" in panel.code


def test_the_code_computes_the_same(panel):
    panel.set(horizon_months=24, restore="5 hours", reads_per_month=0.4)
    names = {"table": TABLE, "heat": make_days()}
    exec(panel.code.replace("print(", "found = ("), names)  # noqa: S102 - the panel's own code
    assert names["plan"].plan_usd == pytest.approx(panel.plan.plan_usd)
    assert names["found"] == panel.lifecycle_json


def test_the_rules_can_be_copied(panel):
    rules = json.loads(panel.lifecycle_json)["Rules"]
    assert [rule["Filter"]["Prefix"] for rule in rules] == ["t/date=2026-0"]  # January and February
    assert "&quot;StorageClass&quot;: &quot;GLACIER_IR&quot;" in panel.details.value
    assert lk.tiering.find_faults({"Rules": rules}) == []


def test_a_picture_is_shown_for_days_and_for_others(panel):
    assert panel.picture.value[:4] == b"\x89PNG"
    others = TieringPanel(TABLE, make_heat([{}, {"storage_class": "GLACIER_IR"}]), book=BOOK)
    assert others.picture.value[:4] == b"\x89PNG"
    assert "image/png" in panel._repr_mimebundle_()


def test_a_table_that_nobody_reads_has_no_slider_for_reads():
    unread = TieringPanel(TABLE, make_heat([{}]), book=BOOK)
    assert unread.controls["reads_per_month"].disabled
    assert not unread.failed


def test_every_class_of_the_waterfall_has_a_colour_of_its_own():
    assert set(CLASS_COLOURS) == {name for name in lk.tiering.classes.WATERFALL if "." not in name}
    assert len(set(CLASS_COLOURS.values())) == len(CLASS_COLOURS)
