"""The link if it is in time, else a faster one, else disks; Snow only for those who have it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakekit.errors import InvalidArgument
from lakekit.planning.routes import TransferNeed, plan_transfer


def test_a_link_that_is_in_time_is_used_with_datasync():
    plan = plan_transfer(TransferNeed(10e12, 1e9, deadline_days=7))
    assert (plan.best.name, plan.best.fits) == ("DataSync Basic", True)
    assert plan.best.days == pytest.approx(1.1574, abs=1e-4)  # 8e13 / (1e9 x 0.8 x 86,400)
    assert plan.best.usd == pytest.approx(10e12 / 2**30 * 0.0125 + 9313 * 0.005 / 1000)


def test_a_link_that_is_too_slow_gives_way_to_a_temporary_one():
    plan = plan_transfer(TransferNeed(100e12, 1e9, deadline_days=7))
    assert plan.best.name == "temporary Direct Connect 10G"
    assert plan.best.days == pytest.approx(1.1574, abs=1e-4)
    assert plan.best.bill["port"] == pytest.approx(1.1574074 * 24 * 2.25)
    assert plan["DataSync Basic"].fits is False
    assert any("1.65 Gbit/s" in text for text in plan.would_change)  # 8e14 / (7 x 86,400 x 0.8)


def test_when_no_line_is_in_time_disks_are_carried():
    plan = plan_transfer(TransferNeed(1e16, 1e9, deadline_days=7))  # 10 PB: 116 days at 10 Gbit/s
    assert (plan.best.name, plan.best.days, plan.best.usd) == ("Data Transfer Terminal", None, None)
    assert any("partners" in note for note in plan.notes)


def test_snow_is_offered_to_those_only_who_have_it():
    stranger = plan_transfer(TransferNeed(1e16, 1e8, deadline_days=30))
    assert "closed to new customers since 2025-11-07" in stranger["Snowball Edge"].why_not
    owner = plan_transfer(TransferNeed(1e16, 1e8, deadline_days=30, has_snow=True))
    assert (owner.best.name, owner["Snowball Edge"].why_not) == ("Snowball Edge", "")


def test_where_programs_stay_a_gateway_is_put_between():
    plan = plan_transfer(TransferNeed(1e12, 1e9, keeps_local_access=True))
    assert plan.best.name == "S3 File Gateway"
    assert plan_transfer(TransferNeed(1e12, 1e9)).best.name == "DataSync Basic"


def test_too_many_files_for_basic_mode_go_to_enhanced():
    plan = plan_transfer(TransferNeed(1e12, 1e9, files=60_000_000))
    assert plan.best.name == "DataSync Enhanced"
    assert plan.best.bill["S3 PUT"] == pytest.approx(300)  # 60,000 x 0.005


def test_a_task_goes_no_faster_than_ten_gigabits():
    plan = plan_transfer(TransferNeed(100e12, 100e9))
    assert plan["DataSync Basic"].days == pytest.approx(1.1574, abs=1e-4)
    assert plan["upload by hand"].days == pytest.approx(0.11574, abs=1e-5)
    assert plan["temporary Direct Connect 10G"].why_not == "the link that is there is as fast"


def test_what_by_hand_would_save_is_told():
    plan = plan_transfer(TransferNeed(100e12, 1e9))
    assert any("by hand it costs 1,164.15 USD less" in text for text in plan.would_change)


def test_a_deadline_that_leaves_no_time_for_the_cut_over_is_noted():
    assert any("cut-over" in note for note in plan_transfer(TransferNeed(100e12, 1e9, deadline_days=14)).notes)
    assert not any("cut-over" in note for note in plan_transfer(TransferNeed(100e12, 1e9, deadline_days=16)).notes)


def test_a_route_that_is_none_is_refused_with_those_that_are():
    with pytest.raises(InvalidArgument, match="no route 'Snowmobile'.\nHint: one of 'DataSync Basic'"):
        plan_transfer(TransferNeed(1, 1))["Snowmobile"]


def test_all_routes_are_in_the_text():
    text = repr(plan_transfer(TransferNeed(100e12, 1e9, deadline_days=7)))
    assert "DataSync Basic: 11.6 days, 1,164.62 USD, too late" in text
    assert "Data Transfer Terminal: days not established, price not established" in text


@settings(max_examples=50)
@given(st.floats(1e6, 1e17), st.floats(1e6, 1e11), st.floats(0.1, 1000))
def test_the_route_that_is_taken_is_never_too_late(size_bytes, bits_per_s, deadline_days):
    plan = plan_transfer(TransferNeed(size_bytes, bits_per_s, deadline_days=deadline_days))
    assert plan.best.fits is not False
    assert plan.best.why_not == ""


def test_a_need_that_cannot_be_is_refused():
    for more, message in (({"deadline_days": 0}, "deadline_days=0"), ({"files": -1}, "files=-1")):
        with pytest.raises(InvalidArgument, match=message):
            TransferNeed(1, 1, **more)
