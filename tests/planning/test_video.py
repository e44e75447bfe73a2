"""Cameras cost what they send, what is watched and what is kept; of the warm tier no price is guessed."""

import pytest

from lakekit.errors import InvalidArgument
from lakekit.planning.video import price_video
from lakekit.units import GIB, MIB


def test_an_app_of_a_hundred_users_costs_as_aws_says():
    # https://aws.amazon.com/kinesis/video-streams/pricing/, example 1, read 2026: 7,000 MB a day, watched twice by HLS
    bill = price_video(7000 * MIB, consumed_share=0, hls_share=2)
    assert bill["ingested"] == pytest.approx(1.74, abs=0.005)
    assert bill["HLS"] == pytest.approx(4.88, abs=0.005)
    assert bill["stored"] == pytest.approx(0.16, abs=0.005)
    assert bill.usd == pytest.approx(6.78, abs=0.005)


def test_what_is_kept_longer_is_stored_several_times():
    assert price_video(GIB, retention_days=14)["stored"] == pytest.approx(14 * 0.023)


def test_what_is_kept_for_a_month_could_be_warm_and_is_told_so():
    assert price_video(GIB, retention_days=29).notes == ()
    assert "warm tier" in price_video(GIB, retention_days=30).notes[0]


def test_negative_bytes_are_refused():
    with pytest.raises(InvalidArgument, match="bytes_per_day=-1"):
        price_video(-1)
