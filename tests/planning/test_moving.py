"""Services that move data cost what their lists say; nothing of the Snow family is for new customers."""

from datetime import date

import pytest

from lakekit.errors import InvalidArgument
from lakekit.planning.moving import (
    GATEWAYS,
    list_snow_devices,
    price_datasync,
    price_dms,
    price_storage_gateway,
    price_transfer_family,
)
from lakekit.units import GIB


def test_enhanced_datasync_pays_for_each_execution():
    assert price_datasync(297 * GIB, mode="ENHANCED").usd == pytest.approx(5.005)  # 297 x 0.015 + 0.55
    assert price_datasync(0, mode="enhanced", executions=10).usd == pytest.approx(5.5)
    assert price_datasync(297 * GIB, mode="BASIC").usd == pytest.approx(3.7125)


def test_a_gateway_is_charged_up_to_its_cap_and_says_that_it_is_not_verified():
    assert price_storage_gateway(12_500 * GIB).usd == pytest.approx(125)
    assert price_storage_gateway(99_999 * GIB).usd == 125
    assert price_storage_gateway(99_999 * GIB, gateways=2).usd == 250
    assert "unverified" in price_storage_gateway(GIB).doubts[0]


def test_an_sftp_address_costs_by_protocol_and_hour():
    assert price_transfer_family(0, protocols=2).usd == pytest.approx(438)  # 2 x 730 x 0.30


def test_dms_costs_twice_in_two_zones():
    assert price_dms("dms.t2.micro").usd == pytest.approx(13.14)
    bill = price_dms(multi_az=True, storage_bytes=20 * GIB)  # 26.28 + 20 x 0.23
    assert bill.usd == pytest.approx(30.88)


def test_a_price_that_is_not_in_the_book_is_not_guessed():
    with pytest.raises(InvalidArgument, match="dms.instance_hour.r5.large.single"):
        price_dms("r5.large")
    with pytest.raises(InvalidArgument, match="dms.storage.gp2.single"):
        price_dms(storage_bytes=GIB)


def test_every_snow_device_is_closed_with_its_day():
    devices = list_snow_devices()
    assert not any(device.is_for_new_customers for device in devices)
    last = next(device for device in devices if "210 TB" in device.name)
    assert date.fromisoformat(last.since) == date(2025, 11, 7)
    assert {device.name for device in devices} >= {"Snowmobile", "Snowcone"}


def test_the_gateway_that_is_closed_says_so():
    assert "closed" in GATEWAYS["FSx File Gateway"]
