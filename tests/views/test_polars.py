"""Polars' view: which files a filter opens, and that filters answer as they do over rows in memory."""

import math
import time
from datetime import date, datetime, timedelta

import polars as pl
import pyarrow as pa
import pytest

from lakekit.views.polars import FRAME_SECONDS, choose_paths, drop_dynamic_parts, join_small
from tests.views.lakes import count_gets, days, put_days

n, x, s, day, city = (pl.col(name) for name in ("n", "x", "s", "day", "city"))
EVERY = [1, 2, 3, 4, 5, 6]

# filters, the days that they read, and whether these are all that meet them
FILTERS = [
    (n == 3, [3]),
    (n == pl.lit(3), [3]),
    (n != 3, [1, 2, 4, 5, 6]),
    (n.is_in([2, 3, 99]), [2, 3]),
    (~n.is_in([2, 3]), [1, 4, 5, 6]),
    ((n == 2) | (n == 5), [2, 5]),
    ((n == 2) | (city == "oslo"), [1, 2, 6]),
    (~((n == 2) | (n == 5)), [1, 3, 4, 6]),
    ((n > 2) ^ (n > 4), [3, 4]),
    (city.is_null(), [3]),
    (city.is_not_null(), [1, 2, 4, 5, 6]),
    (city.ne_missing("oslo"), [2, 3, 4, 5]),
    (city.eq_missing(None), [3]),
    (n.is_between(2, 3), [2, 3]),
    (day.is_between(date(2024, 1, 2), date(2024, 1, 3)), [2, 3]),
    (day > date(2024, 1, 4), [5, 6]),
    (day >= datetime.fromisoformat("2024-01-04 12:00"), [5, 6]),
    (day.is_in(days(1, 2)), [1, 2]),
    (day.dt.day() == 3, [3]),
    (day.dt.weekday() == 3, [3]),
    (day.dt.strftime("%d").is_in(["01", "02"]), [1, 2]),
    (day.dt.offset_by("1d") == date(2024, 1, 4), [3]),
    ((day - date(2024, 1, 1)) > timedelta(days=3), [5, 6]),
    (city.str.starts_with("o"), [1, 4, 6]),
    (city.str.contains("^[so]"), [1, 2, 4, 6]),
    (city.str.len_chars() == 4, [1, 6]),
    (city.str.to_uppercase() == "OSLO", [1, 6]),
    (city == "o'hare", [4]),
    (city == "a/b", [5]),
    (city == "são paulo", [2]),
    (city.fill_null("?") == "?", [3]),
    (pl.concat_str(city, n.cast(pl.String)) == "oslo6", [6]),
    (n % 2 == 1, [1, 3, 5]),
    ((n - 4).abs() == 1, [3, 5]),
    (n.cast(pl.String) == "3", [3]),
    (n == day.dt.day(), EVERY),
    (pl.when(n > 4).then(city == "oslo").otherwise(n == 1), [1, 6]),
    (pl.all_horizontal(n > 2, city == "oslo"), [6]),
    ((n == 3) & (x > 0), [3]),
    ((n == 3) & (x > 0) & (s != ""), [3]),
    (((n == 2) & (x > 0)) | ((n == 5) & (s != "")), [2, 5]),
    ((x > 0) & ((n == 2) | ((n == 5) & (x < 100))), [2, 5]),
    (pl.lit(True) & (n == 2), [2]),
    (n.is_null(), []),
    (n > 6, []),
    (n == 3.5, []),
    (pl.lit(True), EVERY),
]


@pytest.mark.parametrize("engine", ["in-memory", "streaming"])
@pytest.mark.parametrize(("predicate", "expected"), FILTERS, ids=lambda value: str(value)[:60])
def test_a_filter_on_keys_reads_the_files_that_meet_it(day_lake, engine, predicate, expected):
    frame = day_lake.polars("t").filter(predicate).select(x.sum())
    total, gets = count_gets(day_lake["t"], lambda: frame.collect(engine=engine).item())
    assert total == sum(11 * number for number in expected)
    assert gets == len(expected)


def is_three(value: int) -> bool:
    """What Polars cannot look into."""
    return f"{value}" == "3"


# filters that look at data, at other rows, or at nothing: they may read every file and must answer right
OTHERS = [
    x > 25,
    n == x,
    (n == 3) | (x == 60),
    ~((n == 3) & (x == 30)),
    n.is_first_distinct(),
    n == n.max(),
    (n == n.max()) & (x > 6),
    n.rank("dense") == 2,
    n.shift(1) == 3,
    n.cum_sum() > 30,
    n.reverse() == 1,
    x.max().over("city") == 60,
    n.is_in(x),
    pl.len() > 3,
    n.is_duplicated() & (x > 5),
    pl.int_range(pl.len()) == 4,
    n.map_elements(is_three, return_dtype=pl.Boolean),
    (n > 2) & x.map_elements(is_three, return_dtype=pl.Boolean),
    s.cast(pl.Categorical) == "b",
    x.cast(pl.Float64) < math.inf,
    (n.cast(pl.Float64) < math.inf) & (n > 4),
    pl.lit(None, pl.Boolean) | (n == 1),
    s == "a' OR 'b",
]


@pytest.mark.parametrize("engine", ["in-memory", "streaming"])
@pytest.mark.parametrize("predicate", OTHERS, ids=lambda value: str(value)[:60])
def test_a_filter_answers_as_over_rows_in_memory(day_lake, engine, predicate):
    in_memory = pl.from_arrow(day_lake["t"].arrow().read_all())
    found = day_lake.polars("t").filter(predicate).collect(engine=engine)
    assert sorted(map(repr, found.rows())) == sorted(map(repr, in_memory.filter(predicate).rows()))


STEPS = {
    "head": lambda frame: frame.head(5),
    "head of a filter": lambda frame: frame.filter(x > 2).head(3),
    "filter of a head": lambda frame: frame.head(5).filter(x > 2),
    "slice": lambda frame: frame.slice(3, 4),
    "tail": lambda frame: frame.tail(3),
    "nothing": lambda frame: frame.head(0),
    "one column": lambda frame: frame.select("s"),
    "a key alone": lambda frame: frame.select("city").unique().sort("city"),
    "columns in another order": lambda frame: frame.select("day", "x", "n"),
    "counting": lambda frame: frame.select(pl.len()),
    "counting a filter": lambda frame: frame.filter(x == 30).select(pl.len()),
    "counting a filter on a key": lambda frame: frame.filter(n == 3).select(pl.len()),
    "a row number": lambda frame: frame.with_row_index().filter(n == 3),
    "a new column": lambda frame: frame.with_columns(y=x * 2).filter(pl.col("y") == 60),
    "names swapped": lambda frame: frame.rename({"x": "n", "n": "x"}).filter(n % 2 == 1),
    "grouping": lambda frame: frame.group_by("city").agg(x.sum()).sort("city"),
    "the largest": lambda frame: frame.filter(n > 1).sort("x", descending=True).head(3),
    "the smallest under a float": lambda frame: frame.filter(x.cast(pl.Float64) < math.inf).sort("x").head(3),
    "a join with itself": lambda frame: frame.join(frame.filter(s == "a"), on="n").filter(n == 4).sort("x"),
    "a join with a frame": lambda frame: frame.join(pl.LazyFrame({"n": [2, 9]}), on="n", how="semi"),
    "concatenation": lambda frame: pl.concat([frame.filter(n == 1), frame.filter(n == 6)]),
    "a filter twice": lambda frame: frame.filter(n > 2).filter(n < 4),
    "no column": lambda frame: frame.select([]),
}


@pytest.mark.parametrize("engine", ["in-memory", "streaming"])
@pytest.mark.parametrize("step", STEPS)
def test_a_step_answers_as_over_rows_in_memory(day_lake, engine, step):
    in_memory = pl.from_arrow(day_lake["t"].arrow().read_all()).lazy()
    expected = STEPS[step](in_memory).collect()
    found = STEPS[step](day_lake.polars("t")).collect(engine=engine)
    assert found.schema == expected.schema
    assert found.rows() == expected.rows()


def test_a_scan_reads_nothing_until_it_is_collected(day_lake):
    frame, gets = count_gets(day_lake["t"], lambda: day_lake.polars("t").filter(n == 3).select("x"))
    assert gets == 0
    assert frame.collect_schema() == {"x": pl.Int64}
    assert count_gets(day_lake["t"], frame.collect)[1] == 1


def test_keys_alone_read_no_data(day_lake):
    frame = day_lake.polars("t").filter(n < 3).select("n", "city").unique()
    assert count_gets(day_lake["t"], lambda: sorted(frame.collect().rows())) == ([(1, "oslo"), (2, "são paulo")], 0)


def test_a_limit_stops_reading(day_lake):
    _, gets = count_gets(day_lake["t"], lambda: day_lake.polars("t").head(1).collect())
    assert gets <= 6  # files are read ahead, and none twice


def test_polars_sql_prunes_as_well(day_lake):
    query = "SELECT sum(x) AS total FROM self WHERE n IN (2, 3) AND city IS NOT NULL"
    frame = day_lake.polars("t").sql(query)
    total, gets = count_gets(day_lake["t"], lambda: frame.collect().item())
    assert (total, gets) == (22, 1)  # 2 + 20


def test_frames_collected_together_agree(day_lake):
    frames = [day_lake.polars("t").filter(n == number).select(x.sum()) for number in EVERY]
    assert [frame.item() for frame in pl.collect_all(frames)] == [11, 22, 33, 44, 55, 66]


def test_a_filter_on_a_column_that_is_not_there_is_polars_own_error(day_lake):
    with pytest.raises(pl.exceptions.ColumnNotFoundError, match="nope"):
        day_lake.polars("t").filter(pl.col("nope") == 1).collect()


def test_a_scan_is_written_out_as_it_is(day_lake, tmp_path):
    day_lake.polars("t").filter(n < 3).sink_parquet(tmp_path / "out.parquet")
    assert pl.read_parquet(tmp_path / "out.parquet")["x"].sum() == 33  # 11 + 22


def test_paths_are_chosen_by_what_a_predicate_says_of_keys(folder):
    put_days(folder)
    manifest = folder.open_table().manifest
    assert len(choose_paths(manifest, None)) == 6
    assert choose_paths(manifest, (n == 3) & (x == 1)) == [
        "day=2024-01-03/n=3/city=__HIVE_DEFAULT_PARTITION__/part-0.parquet"
    ]
    assert len(choose_paths(manifest, (n == 3) | (x == 1))) == 6


def test_a_predicate_without_hints_of_a_running_query_stays_as_it_is():
    predicate = (n == 3) & (x < math.inf)
    assert drop_dynamic_parts(predicate) is predicate
    assert drop_dynamic_parts(None) is None


def test_a_filter_on_a_table_without_keys_is_applied(folder):
    folder.put("t/a.parquet", pa.table({"x": [1, 2, 3]}))
    assert folder.open_table().polars().filter(x > 1).select(x.sum()).collect().item() == 5


def test_small_tables_are_handed_over_together_but_are_not_waited_for_long():
    def come(seconds):
        for number in range(4):
            time.sleep(seconds)
            yield pa.table({"x": [number]})

    assert [table.num_rows for table in join_small(come(0), 3)] == [3, 1]
    # 0.3, 0.6 (handed over, late), 0.9, 1.2 (late again): Polars sees Ctrl-C in between
    assert [table.num_rows for table in join_small(come(0.6 * FRAME_SECONDS), 1_000)] == [2, 2]
