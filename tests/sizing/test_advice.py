"""What is advised is what queries would read: by hand on small lakes, and against lakes that are written that way."""

from datetime import date, timedelta

import polars as pl
import pytest

import lakekit as lk
from lakekit.errors import InvalidArgument
from lakekit.lake import open_lake


def write_lake(folder, files):
    """The table ``events`` of files given as (day number, values of n)."""
    for number, (day, values) in enumerate(files):
        path = folder / "events" / f"day={date(2026, 1, 31) + timedelta(days=day)}" / f"{number:03}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pl.DataFrame({"n": values, "name": [f"v{value:04}" for value in values]}).write_parquet(path)
    return lk.open_table(folder / "events")


def make_sizes(target_bytes):
    return lk.sizing.Sizes(1, 1, target_bytes, target_bytes, 2**30)


def read_of(advice, layout):
    row = advice.layouts.row(by_predicate=pl.col("layout") == layout, named=True)
    return row["files_read"], row["bytes_read"]


@pytest.fixture(scope="module")
def events(tmp_path_factory):
    """31 January and 1 to 3 February, two files a day; the file number i holds n from 10 i to 10 i + 9."""
    folder = tmp_path_factory.mktemp("events")
    return write_lake(folder, [(day, range(10 * i, 10 * i + 10)) for i, day in enumerate((0, 0, 1, 1, 2, 2, 3, 3))])


def test_what_queries_read_now_is_what_statistics_leave(events):
    advice = lk.sizing.partition_advice(
        events,
        queries=["SELECT * FROM events WHERE n = 35", "SELECT * FROM events WHERE day = '2026-02-01'"],
        sizes=make_sizes(2**20),
    )
    size = events.manifest.entries["size_bytes"]
    # n = 35 is in the file number 3 alone, 1 February in the numbers 2 and 3: 3 files in 2 queries
    assert read_of(advice, "as it is") == (1.5, (2 * size[3] + size[2]) / 2)
    # merged, each of the two queries reads that day's one file
    assert read_of(advice, "compacted") == (1, size[2] + size[3])
    # February is 6 files in one, of which both queries need something; January the other
    assert read_of(advice, "day by month") == (1, size[2:8].sum())
    assert read_of(advice, "without day") == (1, size.sum())
    assert advice.layouts["files"].to_list()[0] == 8


def test_each_query_is_told_and_counts_as_often_as_it_ran(events):
    queries = ["SELECT * FROM events WHERE n < 10"] * 3 + ["SELECT count(n) FROM events WHERE day > '2026-02-02'"]
    advice = lk.sizing.partition_advice(events, queries=queries, sizes=make_sizes(2**20))
    now = advice.by_query.filter(pl.col("layout") == "as it is")
    assert now.select("times", "files_read").rows() == [(3, 1), (1, 2)]
    assert read_of(advice, "as it is")[0] == (3 * 1 + 1 * 2) / 4
    assert advice.filters.rows() == [("n", 3, False), ("day", 1, True)]


def test_a_key_is_too_fine_or_never_filtered_by_or_useful(events):
    by_day, by_n = "SELECT * FROM events WHERE day = '2026-02-01'", "SELECT * FROM events WHERE n = 3"
    for queries, target, verdict in (([by_n], 1, "never filtered by"), ([by_day], 1, "useful"),
                                     ([by_day], 2**20, "too fine")):  # fmt: skip
        keys = lk.sizing.partition_advice(events, queries=queries, sizes=make_sizes(target)).keys
        assert keys["verdict"].to_list() == [verdict]
    assert keys.select("key", "values", "queries").rows() == [("day", 4, 1)]


def test_without_a_key_the_simulation_reads_what_a_lake_written_so_reads(events, tmp_path):
    queries = [f"SELECT * FROM events WHERE n BETWEEN {low} AND {low + 12}" for low in (0, 15, 33, 61, 75)]
    size = events.manifest.entries["size_bytes"]
    advice = lk.sizing.partition_advice(events, queries=queries, sizes=make_sizes(2 * int(size.max())))
    # files are as large as each other but for a few bytes, so that a new one holds two
    for number in range(4):
        (tmp_path / "events").mkdir(exist_ok=True)
        values = range(20 * number, 20 * number + 20)
        pl.DataFrame({"n": values}).write_parquet(tmp_path / "events" / f"{number}.parquet")
    written = lk.sizing.partition_advice(lk.open_table(tmp_path / "events"), queries=queries)
    simulated = advice.by_query.filter(pl.col("layout") == "without day")["files_read"].to_list()
    assert simulated == written.by_query.filter(pl.col("layout") == "as it is")["files_read"].to_list()
    assert simulated == [1, 2, 2, 1, 1]  # 0-12, 15-27, 33-45, 61-73, 75-87 in files of twenty


def test_sorting_gives_each_file_a_part_of_the_range(tmp_path):
    # one day, 4 files that each hold 0 to 99: sorted, of equal share, 0-25, 25-50, 50-74, 74-99
    table = write_lake(tmp_path, [(0, range(100))] * 4)
    target = -(-int(table.manifest.entries["size_bytes"].sum()) // 4)
    advice = lk.sizing.partition_advice(table, queries=["SELECT * FROM events WHERE n = 10"], sizes=make_sizes(target))
    assert read_of(advice, "as it is")[0] == 4
    assert read_of(advice, "compacted, sorted by n")[0] == 1
    assert advice.best == "compacted, sorted by n"


def test_sorting_leaves_no_gap_between_files(tmp_path):
    table = write_lake(tmp_path, [(0, range(1000))] * 4)
    target = -(-int(table.manifest.entries["size_bytes"].sum()) // 4)
    queries = [f"SELECT * FROM events WHERE n = {value}" for value in range(0, 1000, 37)]
    advice = lk.sizing.partition_advice(table, queries=queries, sizes=make_sizes(target))
    read = advice.by_query.filter(pl.col("layout") == "compacted, sorted by n")["files_read"]
    assert read.min() == 1 and read.max() <= 2


def test_text_is_not_sorted_as_its_spread_is_unknown(events):
    queries = ["SELECT * FROM events WHERE name = 'v0035'"]
    advice = lk.sizing.partition_advice(events, queries=queries, sizes=make_sizes(100))
    assert not any("sorted" in layout for layout in advice.layouts["layout"])
    assert read_of(advice, "as it is")[0] == 1  # though its bounds exclude files


def test_queries_that_cannot_be_judged_are_told_with_the_reason(events):
    queries = ["SELECT * FROM events", "DROP TABLE events", "SELECT * FROM other", "SELECT 1"]
    skipped = lk.sizing.partition_advice(events, queries=queries).skipped
    assert skipped["query"].to_list() == queries[1:]
    assert skipped["reason"][0] == "it is not one SELECT" and skipped["reason"][2] == "it reads nothing of events"
    assert "other does not exist" in skipped["reason"][1]


def test_joins_with_other_tables_are_judged_when_they_are_given():
    lake = open_lake(lk.sample_folder() / "lake")
    query = "SELECT count(*) FROM flights JOIN planes USING (tailnum) WHERE flights.date = '2013-03-05'"
    advice = lk.sizing.partition_advice(lake["flights"], queries=[query], others=lake)
    assert read_of(advice, "as it is")[0] == 1


def test_two_scans_of_a_table_read_the_files_of_both(events):
    query = "SELECT * FROM events a JOIN events b USING (name) WHERE a.n = 5 AND b.n = 75"
    assert read_of(lk.sizing.partition_advice(events, queries=[query]), "as it is")[0] == 2


def test_without_queries_it_takes_those_of_the_journal(tmp_path):
    write_lake(tmp_path, [(0, range(10)), (1, range(10, 20))])
    lake = open_lake(tmp_path)
    with pytest.raises(InvalidArgument, match="No query that reads events: none was given, or is in the journal"):
        lk.sizing.partition_advice(lake["events"])
    lake.sql("SELECT sum(n) FROM events WHERE day = '2026-01-31'").fetchall()
    lake.sql("SELECT max(n) FROM events").fetchall()
    advice = lk.sizing.partition_advice(lake["events"], others=lake)
    assert advice.by_query.filter(pl.col("layout") == "as it is")["files_read"].sort().to_list() == [1, 2]


def test_one_text_in_place_of_a_list_is_refused(events):
    with pytest.raises(InvalidArgument, match="must be a list"):
        lk.sizing.partition_advice(events, queries="SELECT * FROM events")


def test_it_shows_the_keys_and_the_best(events):
    advice = lk.sizing.partition_advice(events, queries=["SELECT * FROM events"], sizes=make_sizes(2**20))
    assert repr(advice).splitlines()[1] == "best of 5 layouts: day by month"
    assert "an average query reads 8.0 files" in repr(advice)
    assert "Best: day by month" in advice._repr_html_()
