"""The panel for file sizes shows what lk.sizing.report finds for its sliders, and its code says the same."""

import base64

import pytest

import lakekit as lk
from lakekit.prices import load_book
from lakekit.widgets import FileSizePanel

BOOK = load_book(as_of="2026-11-25")


@pytest.fixture
def panel():
    return FileSizePanel(book=BOOK)


def test_without_a_table_it_shows_a_lake_that_it_calls_made_up(panel):
    # 8 files of 26 kB a day; each day one file of 208 kB; 2,920 / 256 x 0.03 s + 75.92 MB / 1.25 GB/s = 0.40 s
    assert panel.text.startswith("A made-up lake: 2,920 files, 72.4 MiB, become 365.")
    assert "2,920 GETs and 0.40 s now, 365 and 0.10 s compacted" in panel.text
    # an engine: 3 requests each, 2 at once: 8,760 / 2 x 0.03 + 75.92 MB / 128 MiB/s = 131.97 s
    assert "an engine as installed 132.0 s" in panel.text


def test_compaction_and_its_payback_are_in_dollars_scans_and_days(panel):
    # 2,920 GETs at 0.0000004 and 365 PUTs at 0.000005: 0.002993; a scan saves 2,555 GETs, 0.001022: 2.93 scans
    assert "Compaction costs 0.0030 USD of requests, paid back after 2.9 full scans, 0.1 days." in panel.text
    panel.set(scans_per_day=0)
    assert panel.text.endswith("paid back after 2.9 full scans.")


def test_more_latency_is_more_seconds_and_no_more_requests(panel):
    before = panel.report.frame
    panel.set(latency_ms=60)
    assert panel.report.frame["requests"].equals(before["requests"])
    assert panel.report.frame["seconds"][0] - before["seconds"][0] == pytest.approx(2920 / 256 * 0.03)


def test_files_merge_within_a_partition_or_across_all(panel):
    panel.set(across_folders=True, target_mib=16)
    # 75.92 MB / 16 MiB = 4.5: 5 files of 15.2 MB, each two parts of at most 8 MiB
    assert panel.report.frame["files"].to_list() == [2920, 5]
    assert panel.report.frame["requests"].to_list() == [2920, 10]
    assert "(all)" in panel.details.value


@pytest.mark.parametrize("target_mib", [1, 1024])
def test_the_ends_of_the_sliders_have_answers(panel, target_mib):
    panel.set(target_mib=target_mib, files=29_200, file_kb=2000, latency_ms=0, scans_per_day=240)
    assert not panel.failed


def test_a_real_table_of_one_file_a_partition_has_nothing_to_merge():
    panel = FileSizePanel(lk.open_table(lk.sample_folder() / "lake" / "flights"), book=BOOK)
    assert panel.text.startswith("31 files, 796 KiB, become 31.")
    assert panel.text.endswith("No folder has files to merge.")
    assert "files" not in panel.controls


@pytest.mark.parametrize("across_folders", [False, True])
def test_the_code_computes_the_same(across_folders):
    table = lk.open_table(lk.sample_folder() / "lake" / "flights")
    for panel, names in ((FileSizePanel(), {}), (FileSizePanel(table), {"table": table})):
        panel.set(target_mib=32, latency_ms=45, across_folders=across_folders)
        exec(panel.code, names)
        assert names["report"].frame.equals(panel.report.frame)
        assert names["report"].by_partition.equals(panel.report.by_partition)
        assert names["report"].payback_scans == panel.report.payback_scans


def test_its_second_face_is_a_picture_and_one_line(panel):
    bundle = panel._repr_mimebundle_()
    assert base64.b64decode(bundle["image/png"]).startswith(b"\x89PNG")
    assert bundle["text/plain"].startswith("FileSizePanel: A made-up lake: ")
    assert "\n" not in bundle["text/plain"]
