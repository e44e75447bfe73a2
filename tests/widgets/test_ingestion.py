"""The ingestion panel answers in numbers of lk.streams, refuses what Firehose refuses, and its code says the same."""

import base64

import pytest

import lakekit as lk
from lakekit.prices import load_book
from lakekit.widgets import IngestionPanel


@pytest.fixture(scope="module")
def panel():
    return IngestionPanel(load_book(as_of="2026-11-25"))


def test_rate_size_and_consumers_become_shards_and_a_monthly_cost(panel):
    panel.set(records_per_s=10_000, record_bytes=512, consumers=4, peak_factor=1, fan_out=False)
    assert panel.plan.shards.shards == 10
    assert "10 shards, decided by records in; provisioned is cheapest, 477.42 USD a month" in panel.text


def test_buffer_and_interval_become_files(panel):
    panel.set(records_per_s=512, record_bytes=1024, buffer_mib=128, interval_s=60, parquet=True)  # 0.5 MiB/s
    assert panel.files.file_bytes == 30 * lk.MIB
    assert "files of 30 MiB before compression, at most 60 s old, 1,440 a day" in panel.text


def test_firehose_is_charged_with_each_record_rounded_up(panel):
    panel.set(records_per_s=1000, record_bytes=1024, buffer_mib=128, parquet=False)
    # 5 KB each: 1,000 x 5 x 2,628,000 / 2**20 = 12,531.28 GB x 0.029
    assert panel.firehose.usd == pytest.approx(363.41, abs=0.01)


def test_fan_out_moves_consumers_to_limits_of_their_own(panel):
    panel.set(records_per_s=1000, record_bytes=1024, consumers=5, fan_out=False, buffer_mib=128)
    assert panel.plan.shards.decided_by == "bytes out"
    panel.set(fan_out=True)
    assert panel.plan.shards.decided_by == "records in"


def test_what_firehose_refuses_is_shown_and_goes_away_again(panel):
    panel.set(parquet=True, buffer_mib=5)
    assert panel.failed
    assert "size_bytes=5242880 was given; it must be at least 67,108,864" in panel.text
    panel.set(buffer_mib=64)
    assert not panel.failed


def test_the_code_computes_the_same(panel):
    panel.set(records_per_s=2000, record_bytes=2048, consumers=2, peak_factor=3.5, interval_s=120, buffer_mib=100)
    names = {}
    exec(panel.code, names)
    assert names["plan"] == panel.plan
    assert names["files"] == panel.files
    assert names["firehose"].usd == panel.firehose.usd


def test_its_second_face_is_a_picture_and_one_line(panel):
    bundle = panel._repr_mimebundle_()
    assert base64.b64decode(bundle["image/png"]).startswith(b"\x89PNG")
    assert bundle["text/plain"].startswith("IngestionPanel: Kinesis: ")
    assert "\n" not in bundle["text/plain"]


@pytest.mark.parametrize(
    "extreme", [{"records_per_s": 1, "record_bytes": 100}, {"records_per_s": 10**6, "consumers": 20}]
)
def test_the_ends_of_the_sliders_have_answers(panel, extreme):
    panel.set(parquet=False, interval_s=0, peak_factor=50, **extreme)
    assert not panel.failed


def test_beyond_the_price_list_everything_else_is_still_answered(panel):
    panel.set(records_per_s=10**6, record_bytes=1024, parquet=False)  # 12.5 million GB a month, in records of 5 KB
    assert panel.firehose is None
    assert "price not known" in panel.text and "up to 5,120,000 GB" in panel.text
    assert panel.plan.shards.needs["records in"] == 1000 * panel.values["peak_factor"]
