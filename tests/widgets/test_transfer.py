"""The transfer panel answers in numbers of lk.transfer, with the deadline drawn, and its code says the same."""

import base64

import pytest

from lakekit.prices import load_book
from lakekit.widgets import TransferPanel


@pytest.fixture(scope="module")
def panel():
    return TransferPanel(load_book(as_of="2026-11-25"))


def test_size_link_and_utilisation_become_days_and_a_cost(panel):
    panel.set(terabytes=100, mbit_s=1000, utilisation=0.8, deadline_days=0)
    assert panel.plan.best.days == pytest.approx(11.574, abs=1e-3)
    assert panel.text == ("100 TB take 11.6 days at 80 % of 1 Gbit/s. Take DataSync Basic: 11.6 days, 1,164.62 USD.")


def test_a_deadline_may_ask_for_a_faster_line(panel):
    panel.set(terabytes=100, mbit_s=1000, utilisation=0.8, deadline_days=7)
    assert "The deadline is 7 days. Take temporary Direct Connect 10G: 27.8 hours" in panel.text
    assert "too late" in panel.details.value


def test_disks_have_no_price_and_say_so(panel):
    panel.set(terabytes=10_000, mbit_s=100, deadline_days=7)
    assert panel.text.endswith("Take Data Transfer Terminal: price not established.")


def test_programs_that_stay_and_snow_that_is_there_change_the_answer(panel):
    panel.set(terabytes=1, mbit_s=1000, deadline_days=0, local_access=True)
    assert panel.plan.best.name == "S3 File Gateway"
    panel.set(local_access=False, has_snow=True, terabytes=10_000, mbit_s=100, deadline_days=7)
    assert panel.plan.best.name == "Snowball Edge"
    panel.set(has_snow=False)


def test_the_code_computes_the_same(panel):
    panel.set(terabytes=12.589, mbit_s=316, utilisation=0.35, deadline_days=30)
    names = {}
    exec(panel.code, names)
    assert names["need"] == panel.need
    assert names["plan"].title() == panel.plan.title()


def test_its_second_face_is_a_picture_and_one_line(panel):
    panel.set(deadline_days=7)
    bundle = panel._repr_mimebundle_()
    assert base64.b64decode(bundle["image/png"]).startswith(b"\x89PNG")
    assert bundle["text/plain"].startswith("TransferPanel: ")
    assert "\n" not in bundle["text/plain"]


@pytest.mark.parametrize("extreme", [{"terabytes": 0.1, "mbit_s": 100_000}, {"terabytes": 10_000, "mbit_s": 10}])
def test_the_ends_of_the_sliders_have_answers(panel, extreme):
    panel.set(utilisation=0.05, deadline_days=365, **extreme)
    assert not panel.failed
