"""Cameras cost what they send, what is watched and what is kept; the warm tier has no price to be guessed."""

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


def test_the_warm_tier_is_refused_with_the_way_on():
    with pytest.raises(InvalidArgument, match="warm tier has no price.*\nHint: look at https"):
        price_video(GIB, tier="warm")
    with pytest.raises(InvalidArgument, match="tier='cold'"):
        price_video(GIB, tier="cold")
