"""Each kind of need has its tool, the reasons carry numbers, and what would change the answer really does."""

import dataclasses
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakekit.errors import InvalidArgument
from lakekit.planning.choose import FORMATS, KINDS, NONE, IngestNeed, choose_tool, find_tool_name
from lakekit.planning.tools import TOOLS
from lakekit.prices import load_book
from lakekit.units import GIB, KIB, MIB

DAY = 86_400
needs = st.builds(
    IngestNeed,
    st.sampled_from(sorted(KINDS)),
    st.sampled_from([0.01, 0.2, 5, 60, 300, 1800, 3600, DAY]),
    st.sampled_from([1e6, 1e9, 1e12, 1e15]),
    record_bytes=st.sampled_from([100, KIB, 2 * MIB, 20 * MIB]),
    arrives_every_s=st.sampled_from([0, 600, DAY]),
    data_format=st.sampled_from(FORMATS),
    replay_hours=st.sampled_from([0, 24, 720]),
    consumers=st.integers(1, 25),
    needs_state=st.booleans(),
    stays_in_sync=st.booleans(),
    on_premises=st.booleans(),
    keeps_local_access=st.booleans(),
    bits_per_s=st.sampled_from([1e7, 1e9, 1e11]),
    deadline_days=st.sampled_from([None, 0.1, 7, 100]),
)


@pytest.mark.parametrize(
    ("need", "tool"),
    [
        (IngestNeed("events", DAY), "Glue or Athena job"),
        (IngestNeed("events", 3600), "Glue or Athena job"),
        (IngestNeed("events", 900), "Firehose"),
        (IngestNeed("events", 60), "Firehose"),
        (IngestNeed("events", 5), "Kinesis Data Streams"),
        (IngestNeed("events", 0.07, consumers=5), "Kinesis Data Streams"),
        (IngestNeed("events", 0.01), NONE),
        (IngestNeed("events", 300, replay_hours=24), "Kinesis Data Streams"),
        (IngestNeed("events", 300, consumers=2), "Kinesis Data Streams"),
        (IngestNeed("events", 300, needs_state=True), "Flink on Kinesis Data Streams"),
        (IngestNeed("events", 300, record_bytes=2 * MIB), "Kinesis Data Streams"),
        (IngestNeed("events", 900, arrives_every_s=DAY), "Glue or Athena job"),
        (IngestNeed("kafka", 1), "MSK"),
        (IngestNeed("media", 1), "Kinesis Video Streams"),
        (IngestNeed("tasks", 1), "SQS"),
        (IngestNeed("tasks", 1, replay_hours=24), "Kinesis Data Streams"),
        (IngestNeed("database", DAY, stays_in_sync=False), "DMS full load"),
        (IngestNeed("database", 300), "DMS full load and CDC"),
        (IngestNeed("database", 5), "Kinesis Data Streams"),
        (IngestNeed("partner-files", DAY), "Transfer Family"),
        (IngestNeed("files", DAY), "Glue or Athena job"),
        (IngestNeed("files", 60), "S3 events and Lambda"),
        (IngestNeed("files", DAY, 10e12, on_premises=True, deadline_days=7), "DataSync Basic"),
        (IngestNeed("files", DAY, 100e12, on_premises=True, deadline_days=7), "temporary Direct Connect 10G"),
        (IngestNeed("files", DAY, 1e16, on_premises=True, deadline_days=7), "Data Transfer Terminal"),
        (IngestNeed("files", DAY, on_premises=True, keeps_local_access=True), "S3 File Gateway"),
        (IngestNeed("files", 60, on_premises=True), "S3 File Gateway"),
    ],
)
def test_each_need_has_its_tool(need, tool):
    assert choose_tool(need).tool == tool


@settings(max_examples=60)
@given(needs)
def test_every_need_has_an_answer_with_reasons_and_a_word_on_each_other_tool(need):
    choice = choose_tool(need)
    assert choice.tool == find_tool_name(need)
    assert choice.reasons
    assert choice.against.keys() | {choice.tool} == {tool.name for tool in TOOLS} | {choice.tool}
    assert repr(choice).startswith(choice.tool)
    assert choice.usd is None or choice.usd >= 0


@settings(max_examples=60)
@given(needs)
def test_what_would_change_the_answer_leads_to_another_tool(need):
    choice = choose_tool(need)
    for text in choice.would_change:
        assert not text.endswith(f": {choice.tool}"), text


@pytest.mark.parametrize(
    ("need", "field", "edge"),
    [
        (IngestNeed("events", 300), "latency_s", 60),
        (IngestNeed("events", 300), "latency_s", 3600),
        (IngestNeed("events", 300), "record_bytes", 1000 * KIB),
        (IngestNeed("database", 300), "latency_s", 60),
        (IngestNeed("files", DAY, 100e12, on_premises=True, deadline_days=7), "deadline_days", 11.574),
        (IngestNeed("files", DAY, 100e12, on_premises=True, deadline_days=7), "bits_per_s", 1.6534e9),
    ],
)
def test_the_edge_that_is_told_is_where_the_tool_changes(need, field, edge):
    names = [find_tool_name(dataclasses.replace(need, **{field: edge * factor})) for factor in (0.99, 1.01)]
    assert names[0] != names[1]
    assert any(re.match(rf"{field} (below|from) ", text) for text in choose_tool(need).would_change)


def test_the_edges_are_told_in_units():
    changes = choose_tool(IngestNeed("events", 300)).would_change
    assert "latency_s below 60 s: Kinesis Data Streams" in changes
    assert "latency_s from 60 minutes: Glue or Athena job" in changes


def test_the_price_is_that_of_the_tools_own_function():
    choice = choose_tool(IngestNeed("events", 300, 50 * GIB))
    # 50 x 30.4167 = 1,520.8 GB, times 5 for records of 1 KB, x (0.029 + 0.018)
    assert choice.usd == pytest.approx(357.40, abs=0.01)
    assert choose_tool(IngestNeed("database", 300)).usd is None


def tells_of_files(choice):
    """Whether the reasons say that files are not in the price; the bill says the same, or neither does."""
    told = [any("not in the price" in text for text in texts) for texts in (choice.reasons, choice.bill.notes)]
    assert told[0] == told[1]
    return told[0]


def test_a_price_tells_when_files_for_the_lake_are_not_in_it():
    # a job needs the files, who reads a stream needs none; Firehose and Flink write them
    assert tells_of_files(choose_tool(IngestNeed("events", 3600)))
    assert tells_of_files(choose_tool(IngestNeed("events", 2)))
    assert tells_of_files(choose_tool(IngestNeed("kafka", 2)))
    assert not tells_of_files(choose_tool(IngestNeed("events", 300)))
    assert not tells_of_files(choose_tool(IngestNeed("events", 2, needs_state=True)))
    assert not tells_of_files(choose_tool(IngestNeed("files", 3600)))  # they are there already


def test_more_than_the_price_list_knows_is_chosen_without_a_price():
    choice = choose_tool(IngestNeed("events", 300, 1e15))
    assert (choice.tool, choice.usd) == ("Firehose", None)
    assert any(text.startswith("no price: firehose.ingest has prices for up to") for text in choice.reasons)
    assert any("above the 5 MiB/s of Direct PUT" in text for text in choice.reasons)


def test_a_region_without_that_price_is_chosen_without_a_price():
    book = load_book("eu-west-1", as_of="2026-11-25")
    assert choose_tool(IngestNeed("events", 300), book=book).usd is None


def test_a_region_instead_of_a_book_is_refused():
    with pytest.raises(InvalidArgument, match="load_book"):
        choose_tool(IngestNeed("events", 300), book="eu-west-1")


def test_more_consumers_than_may_have_fan_out_are_told():
    reasons = choose_tool(IngestNeed("events", 0.1, consumers=25)).reasons
    assert any(text.startswith("25 consumers want fan-out: 20 may have it") for text in reasons)


def test_reasons_name_numbers_and_formats():
    assert any("JSON becomes Parquet" in text for text in choose_tool(IngestNeed("events", 300)).reasons)
    assert any("needs a Lambda" in text for text in choose_tool(IngestNeed("events", 300, data_format="csv")).reasons)
    assert any("columnar already" in text for text in choose_tool(IngestNeed("files", DAY, data_format="orc")).reasons)


def test_equal_objections_are_told_once():
    assert repr(choose_tool(IngestNeed("events", 300))).count("it reads databases") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kind": "sensors"}, "kind='sensors' is not a choice.\nHint: it is one of 'events'"),
        ({"data_format": "xlsx"}, "data_format='xlsx'"),
        ({"latency_s": 0}, "latency_s=0"),
        ({"bytes_per_day": 0}, "bytes_per_day=0"),
        ({"consumers": 0}, "consumers=0"),
        ({"deadline_days": -1}, "deadline_days=-1"),
    ],
)
def test_a_need_that_cannot_be_is_refused(arguments, message):
    with pytest.raises(InvalidArgument, match=message):
        IngestNeed(**{"kind": "events", "latency_s": 1} | arguments)
