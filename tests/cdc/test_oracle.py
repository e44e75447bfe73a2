"""Random journals: both engines give what replaying the changes in a dict gives, at every commit time."""

import json
import os
import shutil
import tempfile
from pathlib import Path

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cdc.journals import Place, at, read_both

KEYS = st.tuples(st.integers(0, 3), st.sampled_from("ab"))
CHANGES = st.lists(st.tuples(st.sampled_from("IUUD"), st.integers(0, 4), KEYS, st.integers(0, 9)), max_size=14)
# each example asks both engines seven times
EXAMPLES = int(os.environ.get("LAKEKIT_TORTURE_ROUNDS", "3"))
CUTS = st.sets(st.integers(1, 13), max_size=4)


def replay(changes, seconds=None) -> list[tuple]:
    """The state by hand: changes as they come."""
    rows = {}
    for op, when, key, value in changes:
        if seconds is not None and when > seconds:
            continue
        if op == "D":
            rows.pop(key, None)
        else:
            rows[key] = value
    return sorted((*key, value) for key, value in rows.items())


def cut(changes, cuts) -> list[list]:
    """The changes as files, at these places."""
    edges = [0, *sorted(place for place in cuts if place < len(changes)), len(changes)]
    return [changes[start:end] for start, end in zip(edges, edges[1:], strict=False)]


def write_dms(place, number, changes, *, as_csv) -> None:
    name = f"{number % 3}/20260301-1200000{number:02d}"  # folders out of order: names decide
    times = [at(when).strftime("%Y-%m-%d %H:%M:%S.%f") for _, when, _, _ in changes]
    rows = [(op, time, *key, value) for (op, _, key, value), time in zip(changes, times, strict=True)]
    if as_csv:
        place.put_csv(f"{name}.csv", rows)
        return
    columns = [list(column) for column in zip(*rows, strict=True)] or [[]] * 5
    kinds = [pa.string(), pa.string(), pa.int64() if number % 2 else pa.int32(), pa.string(), pa.int64()]
    arrays = [pa.array(column, kind) for column, kind in zip(columns, kinds, strict=True)]
    place.put_parquet(f"{name}.parquet", pa.table(arrays, ["Op", "ts", "a", "b", "v"]))


def write_debezium(place, number, changes, start) -> None:
    ops = {"I": "c", "U": "u", "D": "d"}
    events = []
    for position, (op, when, (a, b), value) in enumerate(changes, start):
        row = {"a": a, "b": b, "v": value}
        source = {"ts_ms": round(at(when).timestamp() * 1000), "lsn": position}
        side = {"before": row, "after": None} if op == "D" else {"before": None, "after": row}
        events.append({"op": ops[op], "source": source, **side})
    place.put("".join([f"{9 - number}.json"]), "".join(json.dumps(one) + "\n" for one in [*events, *events[:2]]))


def check(write, changes, cuts, **options) -> None:
    folder = tempfile.mkdtemp()
    try:
        place, start = Place(Path(folder) / "journal"), 0
        for number, part in enumerate(cut(changes, cuts)):
            write(place, number, part, start)
            start += len(part)
        state = place.open(key=["a", "b"], **options)
        if state.journal.form.format == "dms":  # which tells commit times; Debezium tells the place in the log
            changes = sorted(changes, key=lambda change: change[1])
        assert read_both(state) == replay(changes)
        for seconds in range(-1, 5):
            assert read_both(state, at(seconds)) == replay(changes, seconds)
    finally:
        shutil.rmtree(folder)


@settings(max_examples=EXAMPLES)
@given(CHANGES, CUTS)
def test_parquet_of_dms_is_what_replaying_it_gives(changes, cuts):
    check(lambda *told: write_dms(*told[:3], as_csv=False), changes, cuts, timestamp="ts")


@settings(max_examples=EXAMPLES)
@given(CHANGES, CUTS)
def test_csv_of_dms_is_what_replaying_it_gives(changes, cuts):
    columns = {"a": "int64", "b": "string", "v": "int64"}
    check(lambda *told: write_dms(*told[:3], as_csv=True), changes, cuts, timestamp="ts", columns=columns)


@settings(max_examples=EXAMPLES)
@given(CHANGES, CUTS)
def test_debezium_with_files_out_of_order_and_events_twice_is_what_replaying_it_gives(changes, cuts):
    columns = {"a": "int64", "b": "string", "v": "int64"}
    check(write_debezium, changes, cuts, format="debezium", columns=columns)
