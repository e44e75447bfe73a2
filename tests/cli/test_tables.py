"""The commands on one table print what the functions give, and compact does nothing unless it is told to."""

import json

import pytest

import lakekit as lk
from lakekit.cli import main

LAKE = lk.sample_folder() / "lake"


def run(capsys, *arguments):
    """Exit code, stdout and stderr."""
    code = main([*map(str, arguments)])
    return code, *capsys.readouterr()


def test_sizes_are_those_of_the_report(capsys):
    code, out, _ = run(capsys, "sizes", LAKE / "turbines_hourly", "--json")
    told = json.loads(out)
    assert code == 0
    assert (told["alarm_files"], told["accepted_files"], told["payback_scans"]) == (72, 0, None)
    assert told["frame"][0]["requests"] == 72 and len(told["by_partition"]) == 72
    assert run(capsys, "sizes", LAKE / "turbines_hourly")[1].startswith("72 files, 273 KiB; 72 files below 16 MiB")


def test_latency_counts_in_seconds(capsys):
    told = json.loads(run(capsys, "sizes", LAKE / "flights", "--latency-ms", 1000, "--json")[1])
    assert told["frame"][0]["seconds"] == pytest.approx(1, abs=0.01)  # 31 files, 64 readers: one latency


def test_compact_shows_its_plan_and_does_nothing(capsys, tmp_path):
    code, out, _ = run(capsys, "compact", LAKE / "flights", "--into", tmp_path / "flights")
    assert code == 0 and out.startswith("Compact flights into ")
    assert out.endswith("Nothing was done; --run carries it out.\n")
    assert not (tmp_path / "flights").exists()
    told = json.loads(run(capsys, "compact", LAKE / "flights", "--into", tmp_path / "flights", "--json")[1])
    assert (told["files_before"], told["done"]) == (31, None)


def test_compact_runs_when_it_is_told_to(capsys, tmp_path):
    for number in range(3):
        batch = tmp_path / f"{number}.csv"
        batch.write_text(f"n,day\n{number},2026-01-01\n")
        run(capsys, "ingest", tmp_path / "lake" / "t", batch, "--partition-by", "day")
    into = tmp_path / "compacted" / "t"
    arguments = ("compact", tmp_path / "lake" / "t", "--into", into)
    assert (
        "\nnot compacted: 3 files, as something in their partition changed within the last"
        in run(capsys, *arguments)[1]
    )
    arguments = (*arguments, "--closed-after-hours", 0, "--sort-by", "n")
    done = json.loads(run(capsys, *arguments, "--run", "--json")[1])["done"]
    assert (done["rows"], done["files_before"], done["files_after"]) == (3, 3, 1)
    assert lk.open_table(into).polars().collect()["n"].to_list() == [0, 1, 2]
    last = run(capsys, *arguments, "--run")[1].splitlines()[-1]  # again: all is there, and what comes next is told
    assert last == f'Next: lake.switch(name, "{into}") lets a lake read it; after a week, lk.compaction.retire.'


def test_ingest_writes_a_batch_once(capsys, tmp_path):
    (tmp_path / "a.csv").write_text("n,day\n1,2026-01-01\n2,2026-01-02\n")
    (tmp_path / "b.csv").write_text("n,day\n3,2026-01-02\n")
    arguments = ("ingest", tmp_path / "t", tmp_path / "a.csv", tmp_path / "b.csv", "--partition-by", "day", "--json")
    told = json.loads(run(capsys, *arguments)[1])
    assert (told["rows"], told["rows_read"], told["quarantined"], told["is_new"]) == (3, 3, 0, True)
    assert len(told["files"]) == 2  # one a day
    assert json.loads(run(capsys, *arguments)[1])["is_new"] is False
    assert lk.open_table(tmp_path / "t").polars().collect().height == 3


def test_ingest_tells_by_its_exit_code_that_rows_went_to_the_quarantine(capsys, tmp_path):
    (tmp_path / "a.csv").write_text("n,day\n1,2026-01-01\n2\n")
    code, out, err = run(capsys, "ingest", tmp_path / "t", f"{tmp_path}/*.csv")
    assert (code, err) == (3, "") and "1 of 2 rows quarantined" in out
    (tmp_path / "b.csv").write_text("n,day\n3,2026-01-02\n")
    code, out, err = run(capsys, "ingest", tmp_path / "t", f"{tmp_path}/*.csv")
    assert (code, err) == (0, "") and "1 file was in an earlier batch" in out


@pytest.fixture
def journal(tmp_path):
    """DMS: a load of two rows, then one is changed and one deleted."""
    folder = tmp_path / "employee"
    folder.mkdir()
    (folder / "LOAD00000001.csv").write_text("I,2026-01-01 10:00:00,1,Ada\nI,2026-01-01 10:00:00,2,Alan\n")
    (folder / "20260102-100000000.csv").write_text("U,2026-01-02 10:00:00,1,Augusta\nD,2026-01-02 11:00:00,2,Alan\n")
    return ("cdc", folder, "--key", "id", "--timestamp", "at", "--columns", "id", "name", "--json")


def test_cdc_shows_the_rows_now_and_then(capsys, journal):
    assert json.loads(run(capsys, *journal)[1]) == [{"id": 1, "name": "Augusta"}]
    then = json.loads(run(capsys, *journal, "--as-of", "2026-01-02T10:30:00Z")[1])
    assert [row["name"] for row in then] == ["Augusta", "Alan"]


@pytest.mark.parametrize(("moment", "said"), [("soon", "is no moment"), ("2026-01-02T10:30:00", "has no time zone")])
def test_a_moment_that_is_none_is_refused(capsys, journal, moment, said):
    code, out, err = run(capsys, *journal, "--as-of", moment)
    assert (code, out) == (1, "") and said in err


def test_a_table_that_is_not_there_is_a_message(capsys, tmp_path):
    for command in (("sizes", tmp_path / "none"), ("compact", tmp_path / "none"), ("cdc", tmp_path, "--key", "id")):
        code, out, err = run(capsys, *command)
        assert (code, out) == (1, "") and err.startswith("No ")
