"""Archived files are found, priced, requested and waited for; every answer of S3 is kept beside its file."""

import time
from datetime import UTC, date, datetime

import polars as pl
import pytest
from botocore.stub import Stubber

from lakekit.errors import AccessDenied, ArchivedFile, InvalidArgument, StorageFailed
from lakekit.prices import load_book
from lakekit.tiering import find_archived, restore
from lakekit.tiering.restoring import RestoreRun, price_restore

BOOK = load_book(as_of="2026-11-25")
GIB, MONTH = 2**30, 365 / 12


@pytest.fixture
def slow_restores():
    """Restores of the embedded S3 that are in progress for two looks, instead of none."""
    from moto.moto_api import state_manager

    state_manager.set_transition("s3::keyrestore", {"progression": "manual", "times": 2})
    yield
    state_manager.unset_transition("s3::keyrestore")


@pytest.fixture
def table(put_day, open_t):
    """Four days: two in GLACIER, one in DEEP_ARCHIVE, one in GLACIER_IR."""
    for day, storage_class in enumerate(["GLACIER", "GLACIER", "DEEP_ARCHIVE", "GLACIER_IR"], 1):
        put_day(day, storage_class)
    return open_t()


def test_archived_files_are_found_with_their_state(table):
    found = find_archived(table)
    assert found.select("path", "storage_class", "state", "rows").rows() == [
        ("day=1/a.parquet", "GLACIER", "archived", None),
        ("day=2/a.parquet", "GLACIER", "archived", None),
        ("day=3/a.parquet", "DEEP_ARCHIVE", "archived", None),
    ]
    assert found["size_bytes"].to_list() == table.files["size_bytes"][:3].to_list()


@pytest.mark.parametrize(
    ("where", "days"),
    [
        ("day = 2", [2]),
        ("day < 3 AND storage_class = 'GLACIER'", [1, 2]),
        (pl.col("day") > 1, [2, 3]),
        ({"day": 1}, [1]),
        ({"day": [1, 3]}, [1, 3]),
        ({"day": [1, 3], "storage_class": "GLACIER"}, [1]),
        ({"path": "day=3/a.parquet"}, [3]),
        ({}, [1, 2, 3]),
        ({"day": 4}, []),  # not archived
    ],
)
def test_some_of_them_can_be_chosen(table, where, days):
    assert find_archived(table, where)["path"].to_list() == [f"day={day}/a.parquet" for day in days]


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ({"month": 1}, "There is no column 'month'.\nHint: there are day, path"),
        ("month = 1", "cannot be asked of the files of t"),
        ("day; DROP TABLE files", "cannot be asked of the files of t"),
        ("day", "is Int64, no condition"),
        ({"day": "first"}, "cannot be asked of the files of t"),
        (7, "is a int"),
    ],
)
def test_what_is_no_condition_is_refused(table, where, message):
    with pytest.raises(InvalidArgument, match=message):
        find_archived(table, where)


def test_files_left_out_of_a_table_are_found_too_with_rows_that_were_read_before(put_day, open_t, storage, bucket):
    put_day(1)
    put_day(2)
    assert open_t().files["rows"].to_list() == [10, 10]  # footers are kept by path and etag
    client, key = storage.boto3("s3"), "t/day=2/a.parquet"
    client.copy_object(
        Bucket=bucket, Key=key, CopySource=f"{bucket}/{key}", StorageClass="GLACIER", MetadataDirective="REPLACE"
    )
    partial = open_t(on_archived="skip")
    assert (partial.files.height, partial.manifest.is_partial) == (1, True)
    found = find_archived(partial, "day = 2")
    assert found.select("path", "rows").rows() == [("day=2/a.parquet", 10)]
    assert found["size_bytes"][0] > 0


@pytest.mark.parametrize(
    ("where", "dates"),
    [
        ("date < '2026-01-02'", ["2026-01-01"]),  # a date and text, as everyone writes it
        ("date = DATE '2026-01-02'", ["2026-01-02"]),
        ({"date": "2026-01-02"}, ["2026-01-02"]),
        ({"date": date(2026, 1, 1)}, ["2026-01-01"]),
        (pl.col("date") > date(2026, 1, 1), ["2026-01-02"]),
        ("date IS NULL", []),
    ],
)
def test_dates_are_compared_with_dates_and_with_text(put_day, open_t, where, dates):
    for day, storage_class in [("2026-01-01", "GLACIER"), ("2026-01-02", "DEEP_ARCHIVE"), ("2026-01-03", "STANDARD")]:
        put_day(1, storage_class, folder=f"date={day}")
    found = find_archived(open_t(), where)
    assert found["path"].to_list() == [f"date={day}/a.parquet" for day in dates]


def make_frame(sizes):
    """Archived files as find_archived returns them: (class, state, GB)."""
    return pl.DataFrame(
        {
            "path": [str(number) for number in range(len(sizes))],
            "size_bytes": [int(gb * GIB) for _, _, gb in sizes],
            "storage_class": [name for name, _, _ in sizes],
            "state": [state for _, state, _ in sizes],
        }
    )


def preview(table, sizes, *, tier="Standard", days=7):
    """The plan for files that are too large to put."""
    return price_restore(table, make_frame(sizes), days=days, tier=tier, book=BOOK)


def test_the_preview_adds_up_requests_data_and_copies(table):
    sizes = [("GLACIER", "archived", 100), ("GLACIER", "archived", 50), ("DEEP_ARCHIVE", "archived", 10)]
    found = preview(table, sizes, days=10)
    # 2 x 0.00005 + 0.0001; 150 x 0.01 + 10 x 0.02; 160 x 0.023 for 10 days
    assert found.request_usd == pytest.approx(0.0002)
    assert found.data_usd == pytest.approx(1.7)
    assert found.copy_usd == pytest.approx(160 * 0.023 * 10 / MONTH)
    assert found.usd == pytest.approx(0.0002 + 1.7 + 160 * 0.023 * 10 / MONTH)
    assert found.hours == (12, 12)  # the slowest decides
    # bulk: 0.000025 + 10 x 0.0025, within 48 hours; DEEP_ARCHIVE has no Expedited
    assert found.choices["tier"].to_list() == ["Standard", "Bulk"]
    assert found.choices["usd"][1] == pytest.approx(0.000025 + 0.025 + found.copy_usd)
    assert found.choices["hours"].to_list() == [12, 48]
    assert "Nothing requested yet" in repr(found) and "<table" in found._repr_html_()
    assert "kept 10 days: $2.9101, readable after 12 hours" in repr(found)  # 0.0002 + 1.7 + 1.20986


def test_expedited_is_quick_and_dear(table):
    found = preview(table, [("GLACIER", "archived", 1)], tier="Expedited", days=1)
    assert found.request_usd + found.data_usd == pytest.approx(0.01 + 0.03)
    assert "1 minutes to 5 minutes" in repr(found)


def test_what_is_restored_or_under_way_is_not_paid_for_again(table):
    sizes = [("GLACIER", "restored", 100), ("GLACIER", "restoring", 50)]
    found = preview(table, sizes, days=30)
    assert (found.request_usd, found.data_usd) == (pytest.approx(0.00005), 0)
    assert found.copy_usd == pytest.approx(100 * 0.023 * 30 / MONTH)
    assert found.hours == (3, 5)


def test_a_restore_is_requested_waited_for_and_read(table, slow_restores):
    with pytest.raises(ArchivedFile, match="day=1/a.parquet is archived in GLACIER"):
        table.polars().collect()
    run = restore(table, "day <= 3", days=2, book=BOOK).request()
    assert run.frame["outcome"].to_list() == ["requested"] * 3
    assert "3 requested; readable after 12 hours" in repr(run)
    done = run.wait(poll_seconds=0)
    assert done["state"].to_list() == ["restored"] * 3
    assert all((until - datetime.now(UTC)).days in (1, 2) for until in done["readable_until"])
    table.refresh()
    # 4 days of ten rows: 10..19, 20..29, 30..39, 40..49
    assert table.polars().select(pl.col("n").sum()).collect().item() == sum(range(10, 50))


def test_a_second_request_keeps_the_copy_longer(table):
    restore(table, {"day": 1}, book=BOOK).request().wait(poll_seconds=0)
    again = restore(table, {"day": 1}, days=30, book=BOOK)
    assert again.files["state"].to_list() == ["restored"]
    assert (again.data_usd, again.hours) == (0, (0, 0))
    assert again.request().frame["outcome"].to_list() == ["already restored"]


def test_what_is_under_way_is_not_requested_again(table, slow_restores):
    restore(table, {"day": 1}, book=BOOK).request()
    again = restore(table, {"day": 1}, book=BOOK)
    assert again.files["state"].to_list() == ["restoring"]
    run = again.request()
    assert run.frame["outcome"].to_list() == ["in progress"]
    assert run.wait(poll_seconds=0)["state"].to_list() == ["restored"]


@pytest.mark.parametrize(
    ("code", "status", "outcome"),
    [
        ("RestoreAlreadyInProgress", 409, "in progress"),
        ("GlacierExpeditedRetrievalNotAvailable", 503, "no expedited capacity"),
        ("InvalidObjectState", 403, "not archived"),
    ],
)
def test_answers_of_s3_that_are_no_failure(table, storage, code, status, outcome):
    # S3 user guide, restoring an archived object, read 2026-04-13; the embedded S3 gives none of these
    planned = restore(table, {"day": 1}, book=BOOK)
    with Stubber(storage.boto3("s3")) as stub:
        stub.add_client_error("restore_object", code, http_status_code=status)
        run = planned.request()
    assert run.frame["outcome"].to_list() == [outcome]


def test_a_refusal_of_every_file_is_an_error_and_of_some_is_kept_beside_them(table, storage):
    planned = restore(table, {"day": 1}, book=BOOK)
    with Stubber(storage.boto3("s3")) as stub:
        stub.add_client_error("restore_object", "AccessDenied", http_status_code=403)
        with pytest.raises(AccessDenied, match="s3:RestoreObject"):
            planned.request()
    both = restore(table, {"day": [1, 2]}, book=BOOK)
    with Stubber(storage.boto3("s3")) as stub:
        stub.add_client_error("restore_object", "AccessDenied", http_status_code=403)
        stub.add_response("restore_object", {"ResponseMetadata": {"HTTPStatusCode": 202}})
        outcomes = sorted(both.request().frame["outcome"])
    assert "s3:RestoreObject" in outcomes[0] and outcomes[1] == "requested"


def test_waiting_ends_when_told(table, slow_restores):
    run = restore(table, {"day": 1}, book=BOOK).request()
    with pytest.raises(StorageFailed, match="0 of 1 file of t are restored so far.\nHint: the restore goes on"):
        run.wait(poll_seconds=3600, timeout_hours=0.5)


def test_files_that_s3_did_not_take_are_not_waited_for(table):
    frame = pl.DataFrame({"path": ["day=1/a.parquet"], "size_bytes": [1], "outcome": ["no expedited capacity"]})
    started = time.monotonic()
    assert RestoreRun("t", frame, (0, 0), table.store).wait(poll_seconds=60).height == 0
    assert time.monotonic() - started < 10


def test_what_cannot_be_restored_is_refused(table, put_day, open_t):
    with pytest.raises(InvalidArgument, match="No file of t where {'day': 4} is archived"):
        restore(table, {"day": 4}, book=BOOK)
    with pytest.raises(InvalidArgument, match="DEEP_ARCHIVE has no restore tier 'Expedited'"):
        restore(table, tier="Expedited", book=BOOK)
    with pytest.raises(InvalidArgument, match="There is no restore tier 'quick'"):
        restore(table, tier="quick", book=BOOK)
    with pytest.raises(InvalidArgument, match="days is 0"):
        restore(table, days=0, book=BOOK)


def test_glacier_instant_counts_as_readable(put_day, open_t):
    put_day(1, "GLACIER_IR")
    table = open_t()
    assert table.polars().collect().height == 10
    assert find_archived(table).height == 0
