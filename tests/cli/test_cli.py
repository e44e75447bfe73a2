"""The command lakekit as a shell runs it: answers, JSON, exit codes, and messages in place of tracebacks."""

import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import lakekit as lk
from lakekit.cli import main

ROOT = Path(__file__).parents[2]
LAKE = str(lk.sample_folder() / "lake")


def run(capsys, *arguments):
    """Exit code, stdout and stderr of a command in this process."""
    try:
        code = main([*map(str, arguments)])
    except SystemExit as end:
        code = end.code
    return code, *capsys.readouterr()


def start(*arguments, **options):
    """The command in a process of its own."""
    command = [sys.executable, "-m", "lakekit", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, **options)


def test_the_command_runs_in_a_process_of_its_own():
    done = start("sql", LAKE, "SELECT count(*) AS planes FROM planes", "--json")
    assert (done.returncode, done.stdout, done.stderr) == (0, '[{"planes": 3322}]\n', "")


def test_an_error_is_a_message_with_a_hint_and_no_traceback():
    done = start("schema", LAKE, "weathr")
    assert done.returncode == 1 and done.stdout == ""
    told = f"No table 'weathr' in {LAKE}.\nHint: did you mean 'weather'? tables: airlines, "
    assert done.stderr.startswith(told) and done.stderr.count("\n") == 2


def test_whoever_stops_reading_gets_no_traceback():
    query = "SELECT * FROM flights"
    command = [sys.executable, "-m", "lakekit", "sql", LAKE, query]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.stderr.read() == b""


def test_ctrl_c_stops_a_command():
    code = """
import signal, sys, threading, time
from lakekit.cli import main
signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell takes from what it runs in the background
here = threading.get_ident()  # another thread that is given the signal would not wake this one

def interrupt():
    while sys._current_frames()[here].f_code.co_name != "_read_query":
        time.sleep(0.1)
    time.sleep(0.5)
    signal.pthread_kill(here, signal.SIGINT)

threading.Thread(target=interrupt, daemon=True).start()
sys.exit(main(sys.argv[1:]))
"""
    command = [sys.executable, "-c", code, "sql", LAKE, "-"]  # waits for a query, which does not come
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=ROOT, text=True, **pipes) as process:
        try:
            assert process.wait(30) == 130
            assert process.stderr.read() == "Interrupted.\n"
        finally:
            process.kill()


def test_ls_lists_the_tables(capsys):
    code, out, _ = run(capsys, "ls", LAKE)
    assert code == 0 and "weather" in out and "wind_gust, precip, visib" in out
    tables = {table["table"]: table for table in json.loads(run(capsys, "ls", LAKE, "--json")[1])}
    assert tables["flights"]["files"] == 31 and tables["flights"]["partition_keys"] == ["date"]
    assert len(tables) == 7


def test_schema_and_drift(capsys):
    columns = json.loads(run(capsys, "schema", LAKE, "weather", "--json")[1])
    assert columns[-1] == {"column": "date", "type": "date", "is_partition_key": True}
    drift = json.loads(run(capsys, "drift", LAKE, "weather", "--json")[1])
    assert {row["column"] for row in drift} == {"wind_gust", "precip", "visib"}
    assert run(capsys, "drift", LAKE, "planes")[1] == "planes: no drift, all files have the same columns and types\n"


def test_sql_prints_every_row_and_takes_a_query_from_stdin(capsys, monkeypatch):
    out = run(capsys, "sql", LAKE, "SELECT range AS n FROM range(30)")[1]
    assert [f"│ {n:<2} │" in out for n in range(30)] == [True] * 30
    monkeypatch.setattr("sys.stdin.read", lambda: "SELECT 7 AS n", raising=False)
    assert run(capsys, "sql", LAKE, "-", "--json")[1] == '[{"n": 7}]\n'


def test_times_and_decimals_are_text_in_json(capsys):
    query = "SELECT DATE '2013-03-01' AS day, 1.50::DECIMAL(5, 2) AS price, NULL AS none, 'é' AS name"
    out = run(capsys, "sql", LAKE, query, "--json")[1]
    assert out == '[{"day": "2013-03-01", "price": "1.50", "none": null, "name": "é"}]\n'


def test_preview_reads_nothing(capsys):
    query = "SELECT max(precip) FROM weather WHERE date = '2013-03-20'"
    receipt = json.loads(run(capsys, "preview", LAKE, query, "--json")[1])
    assert (receipt["files_scanned"], receipt["files"], receipt["GET"]) == (1, 31, 1)


def test_a_mistake_in_sql_is_exit_code_1(capsys):
    code, out, err = run(capsys, "sql", LAKE, "SELECT * FROM nope")
    assert (code, out) == (1, "") and "nope does not exist" in err


@pytest.mark.parametrize("arguments", [(), ("foo",), ("sql", LAKE), ("tier", LAKE, "--horizon-months", "x")])
def test_what_is_not_understood_is_exit_code_2(capsys, arguments):
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (2, "") and err.startswith("usage: lakekit")


COMMANDS = "ls schema drift sql preview sizes compact ingest cdc tier dynamodb workshop".split()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example(capsys, name):
    code, out, _ = run(capsys, name, "--help")
    assert code == 0 and f"example:\n  lakekit {name}" in out


def test_tier_plans_from_ages(capsys):
    code, out, _ = run(capsys, "tier", f"{LAKE}/flights", "--horizon-months", "24")
    assert code == 0 and out.startswith("Plan for flights over 24 months, prices of us-east-1")
    plan = json.loads(run(capsys, "tier", f"{LAKE}/flights", "--json")[1])
    assert len(plan["partitions"]) == 31
    assert plan["saving_usd"] == pytest.approx(plan["now_usd"] - plan["plan_usd"])


def test_dynamodb_prices_a_table(capsys, tmp_path):
    file = tmp_path / "items.json"
    file.write_text('{"player": "ann", "level": 7}')
    arguments = ("dynamodb", file, "--partition-key", "player", "--reads", 100, "--writes", 100)
    code, out, _ = run(capsys, *arguments, "--json")
    answer = json.loads(out)
    assert code == 0 and answer["cheapest_uncommitted"] == "provisioned, STANDARD"
    by_name = {option["name"]: option["usd_per_month"] for option in answer["options"]}
    # 100 writes of 1 unit at 0.625 and 100 reads of 0.5 units at 0.125 dollars a million, 2,628,000 s of 730 hours
    assert by_name["on-demand, STANDARD"] == pytest.approx(262.8 * 0.625 + 131.4 * 0.125, abs=0.01)


@pytest.mark.parametrize(("text", "said"), [("{", "is not JSON"), ("[]", "no object of JSON"), (None, "No file")])
def test_items_that_are_none_are_refused(capsys, tmp_path, text, said):
    file = tmp_path / "items.json"
    if text is not None:
        file.write_text(text)
    code, _, err = run(capsys, "dynamodb", file, "--partition-key", "player")
    assert code == 1 and said in err


def test_workshop_copies(capsys, tmp_path):
    code, out, _ = run(capsys, "workshop", tmp_path / "w", "--no-lab", "--json")
    assert code == 0 and "notebooks/00-start-here.ipynb" in json.loads(out)["copied"]


def test_names_and_values_cannot_tell_the_terminal_what_to_do(capsys, tmp_path):
    escape = "\x1b]0;mine\x07\x9b2J"
    folder = tmp_path / "t" / f"k={escape}"
    folder.mkdir(parents=True)
    pq.write_table(pa.table({f"c{escape}": [f"v{escape}\n"]}), folder / "a.parquet")
    (folder / f"bad{escape}.parquet").write_bytes(b"no Parquet")
    printed = run(capsys, "ls", tmp_path)
    (folder / f"bad{escape}.parquet").unlink()
    for arguments in (["ls", tmp_path], ["schema", tmp_path, "t"], ["sql", tmp_path, "SELECT * FROM t"]):
        code, out, err = run(capsys, *arguments)
        assert code == 0
        printed += out, err
    code, out, err = run(capsys, "sql", tmp_path, "SELECT * FROM t", "--json")
    assert json.loads(out) == [{f"c{escape}": f"v{escape}\n", "k": escape}]
    printed = "".join(map(str, (*printed, out, err, *run(capsys, "schema", tmp_path, escape))))
    assert not set("\x1b\x07\x9b") & set(printed) and "\ufffd]0;mine\ufffd\ufffd2J" in printed
