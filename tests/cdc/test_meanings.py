"""What the numbers of Debezium's times count, by the type that an event's schema names."""

from datetime import UTC, date, datetime

import pytest

from lakekit.errors import TypeConflict
from tests.cdc.journals import read_both, write_event

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC).replace(tzinfo=None)
SECONDS = int(NOON.replace(tzinfo=UTC).timestamp())
DAYS = SECONDS // 86_400


def put(folder, value, name, *, is_flat=False) -> None:
    """An event that has this value in the column "at", with a schema that names its type."""
    fields = [{"field": "id", "type": "int32"}, {"field": "at", "type": "int64", "name": name}]
    row = {"id": 1, "at": value}
    schema = {"type": "struct", "fields": fields if is_flat else [{"field": "after", "fields": fields}]}
    folder.put_events("a.json", [{"schema": schema, "payload": row if is_flat else write_event("c", 1, after=row)}])


def read(folder, kind):
    return read_both(folder.open(key="id", format="debezium", columns={"at": kind}))[0][0]


@pytest.mark.parametrize("is_flat", [False, True])
@pytest.mark.parametrize(
    ("name", "value", "kind", "time"),
    [
        ("io.debezium.time.Timestamp", SECONDS * 1_000, "timestamp", NOON),
        ("org.apache.kafka.connect.data.Timestamp", SECONDS * 1_000, "timestamp", NOON),
        ("io.debezium.time.MicroTimestamp", SECONDS * 1_000_000 + 7, "timestamp", NOON.replace(microsecond=7)),
        ("io.debezium.time.NanoTimestamp", SECONDS * 1_000_000_000 + 7_000, "timestamp", NOON.replace(microsecond=7)),
        ("io.debezium.time.Timestamp", SECONDS * 1_000, "timestamptz", NOON.replace(tzinfo=UTC)),
        ("io.debezium.time.Timestamp", 86_400_000, "timestamp", datetime(1970, 1, 2)),  # noqa: DTZ001
        ("io.debezium.time.Date", DAYS, "date", date(2026, 3, 1)),
        ("io.debezium.time.Date", DAYS, "timestamp", datetime(2026, 3, 1)),  # noqa: DTZ001
        ("io.debezium.time.ZonedTimestamp", "2026-03-01T13:00:00+01:00", "timestamptz", NOON.replace(tzinfo=UTC)),
        ("io.debezium.time.Year", 2026, "int64", 2026),
        ("io.debezium.time.Timestamp", SECONDS * 1_000, "int64", SECONDS * 1_000),
    ],
)
def test_a_number_is_the_time_that_its_schema_says(folder, name, value, kind, time, is_flat):
    put(folder, value, name, is_flat=is_flat)
    assert read(folder, kind) == time


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [
        ("io.debezium.time.Year", 2026, "date"),
        ("io.debezium.time.Time", 43_200_000, "timestamp"),
        ("io.debezium.time.MicroTime", 43_200_000_000, "timestamp"),
        ("io.debezium.time.NanoTime", 43_200_000_000_000, "timestamptz"),
        ("io.debezium.time.NanoTimestamp", SECONDS * 1_000_000_000 + 1, "timestamp"),
        ("io.debezium.time.Timestamp", SECONDS * 1_000, "date"),
        ("io.debezium.time.Timestamp", 10**18, "timestamp"),
    ],
)
def test_a_number_that_is_no_such_time_is_an_error(folder, name, value, kind):
    put(folder, value, name)
    with pytest.raises(TypeConflict, match=rf"'at' is .*, and {value} in a.json, line 1, a {name}, is none"):
        read(folder, kind)


def test_a_number_without_a_schema_counts_microseconds_and_milliseconds_are_not_taken_for_them(folder):
    folder.put_events("a.json", [write_event("c", 1, after={"id": 1, "at": SECONDS * 1_000_000})])
    assert read(folder, "timestamp") == NOON
    folder.put_events("b.json", [write_event("c", 2, after={"id": 2, "at": SECONDS * 1_000})])
    with pytest.raises(TypeConflict, match=r"in b.json, line 1 is none. A number counts microseconds since 1970"):
        read(folder, "timestamp")


@pytest.mark.parametrize("fields", [None, 5, [5], [{"field": [], "name": []}], [{"field": "after", "fields": [{}]}]])
def test_a_schema_that_names_nothing_changes_nothing(folder, fields):
    event = write_event("c", 1, after={"id": 1, "at": SECONDS * 1_000_000})
    folder.put_events("a.json", [{"schema": {"fields": fields}, "payload": event}])
    assert read(folder, "timestamp") == NOON
