"""What S3 would refuse in a lifecycle configuration is found by the name of its rule, before S3 is asked.

Source: S3 user guide (lifecycle configuration elements; transition considerations), read 2026-04-13.
"""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from lakekit.errors import InvalidArgument
from lakekit.tiering import (
    check_lifecycle,
    choose_action,
    does_lifecycle_move,
    find_faults,
    find_step_faults,
    get_lifecycle_date,
)


def make_rule(**changes):
    rule = {"ID": "a", "Status": "Enabled", "Filter": {"Prefix": "t/"}, "Expiration": {"Days": 400}}
    return {key: value for key, value in (rule | changes).items() if value is not None}


def find_names(*rules, bucket=""):
    return [fault.rule for fault in find_faults({"Rules": list(rules)}, bucket=bucket)]


@pytest.mark.parametrize(
    ("steps", "names"),
    [
        ([(1, "STANDARD_IA")], ["30-days-before-ia"]),
        ([(29, "ONEZONE_IA")], ["30-days-before-ia"]),
        ([(30, "STANDARD_IA")], []),
        ([(0, "GLACIER")], []),
        ([(0, "INTELLIGENT_TIERING")], []),
        ([(4, "GLACIER_IR"), (94, "DEEP_ARCHIVE")], []),
        ([(4, "GLACIER_IR"), (93, "DEEP_ARCHIVE")], ["minimum-duration"]),
        ([(30, "STANDARD_IA"), (60, "GLACIER_IR")], []),
        ([(30, "STANDARD_IA"), (59, "GLACIER_IR")], ["minimum-duration"]),
        ([(0, "GLACIER"), (90, "DEEP_ARCHIVE")], []),
        ([(0, "GLACIER"), (89, "DEEP_ARCHIVE")], ["minimum-duration"]),
        ([(0, "INTELLIGENT_TIERING"), (1, "GLACIER")], []),
        ([(0, "INTELLIGENT_TIERING"), (0, "GLACIER")], ["minimum-duration"]),
        ([(30, "GLACIER"), (200, "STANDARD_IA")], ["waterfall"]),  # upward
        ([(200, "STANDARD_IA"), (30, "GLACIER")], ["waterfall"]),  # in whatever order it is written
        ([(30, "ONEZONE_IA"), (120, "GLACIER_IR")], ["waterfall"]),
        ([(30, "INTELLIGENT_TIERING"), (120, "STANDARD_IA")], ["waterfall"]),
        ([(30, "STANDARD_IA"), (120, "STANDARD_IA")], ["waterfall"]),
        ([(30, "STANDARD")], ["class"]),
        ([(30, "GLACIER_INSTANT")], ["class"]),
        ([(-1, "GLACIER")], ["days-or-date"]),
        ([(1.5, "GLACIER")], ["days-or-date"]),
    ],
)
def test_steps_keep_to_the_waterfall_and_to_minimum_days(steps, names):
    assert [fault.rule for fault in find_step_faults(steps)] == names


IA = {"Days": 30, "StorageClass": "STANDARD_IA"}


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"Status": "enabled"}, "status"),
        ({"ID": "x" * 256}, "id"),
        ({"Expiration": None}, "action"),
        ({"Filter": None}, "filter"),
        ({"Prefix": "t/"}, "filter"),
        ({"Filter": {"Prefix": "t/", "ObjectSizeGreaterThan": 1}}, "filter"),
        ({"Filter": {"And": {"Prefix": "t/"}}}, "filter"),
        ({"Filter": {"And": {"Tags": [{"Key": "a", "Value": "b"}]}}}, "filter"),
        ({"Filter": {"prefix": "t/"}}, "filter"),
        ({"Filter": {"ObjectSizeGreaterThan": -1}}, "filter"),
        ({"Filter": {"ObjectSizeLessThan": 51 * 10**12}}, "filter"),
        ({"Filter": {"And": {"ObjectSizeGreaterThan": 10, "ObjectSizeLessThan": 11}}}, "filter"),
        ({"Transitions": [IA, {"Date": "2030-01-01T00:00:00Z", "StorageClass": "GLACIER"}]}, "days-or-date"),
        ({"Transitions": [{"StorageClass": "GLACIER"}]}, "days-or-date"),
        ({"Transitions": [{"Days": 1, "Date": "2030-01-01T00:00:00Z", "StorageClass": "GLACIER"}]}, "days-or-date"),
        ({"Transitions": [IA], "Expiration": {"Date": "2030-01-01T00:00:00Z"}}, "days-or-date"),
        ({"Expiration": {"Date": "2030-01-01T12:00:00Z"}}, "date-midnight"),
        ({"Expiration": {"Date": datetime(2030, 1, 1, tzinfo=timezone(timedelta(hours=2)))}}, "date-midnight"),
        ({"Expiration": {"Days": 0}}, "days-or-date"),
        ({"Expiration": {"Days": 30}, "Transitions": [IA]}, "expiration"),
        ({"Expiration": {"Days": 30, "ExpiredObjectDeleteMarker": True}}, "expiration"),
        (
            {"NoncurrentVersionTransitions": [{"NoncurrentDays": 29, "StorageClass": "STANDARD_IA"}]},
            "30-days-before-ia",
        ),
        ({"NoncurrentVersionTransitions": [{"StorageClass": "GLACIER"}]}, "noncurrent"),
        ({"NoncurrentVersionTransitions": [{"NoncurrentDays": 1, "StorageClass": "STANDARD"}]}, "class"),
        ({"NoncurrentVersionExpiration": {"NoncurrentDays": 1, "NewerNoncurrentVersions": 101}}, "noncurrent"),
    ],
)
def test_every_rule_has_a_name(changes, name):
    assert find_names(make_rule(**changes)) == [name]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"Filter": {}},
        {"Filter": None, "Prefix": ""},
        {"Filter": {"And": {"Prefix": "t/", "ObjectSizeGreaterThan": 0}}},
        {"Filter": {"And": {"Tags": [{"Key": "a", "Value": "b"}, {"Key": "c", "Value": "d"}]}}},
        {"Transitions": [IA]},
        {"Expiration": {"Date": datetime(2030, 1, 1, tzinfo=UTC)}},
        {"Expiration": {"ExpiredObjectDeleteMarker": True}},
        {"Expiration": None, "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7}},
        {"NoncurrentVersionTransitions": [{"NoncurrentDays": 30, "StorageClass": "STANDARD_IA"}]},
        {"ID": None},
    ],
)
def test_what_s3_takes_has_no_fault(changes):
    assert find_names(make_rule(**changes)) == []


def test_a_bucket_has_a_thousand_rules_at_most():
    rules = [make_rule(ID=str(number)) for number in range(1001)]
    assert find_names(*rules[:1000]) == []
    with pytest.raises(InvalidArgument, match=r"max-rules: configuration: 1,001 rules; a bucket has 1,000 at most"):
        check_lifecycle({"Rules": rules})


def test_ids_are_not_used_twice():
    assert find_names(make_rule(), make_rule()) == ["id"]


def test_directory_buckets_have_no_transitions():
    assert find_names(make_rule(Transitions=[IA]), bucket="fast--use1-az4--x-s3") == ["directory-bucket"]


@pytest.mark.parametrize("configuration", [{}, {"Rules": []}, {"Rules": "none"}, {"Rules": [1]}])
def test_a_configuration_must_hold_rules(configuration):
    assert [fault.rule for fault in find_faults(configuration)] == ["action"]


def test_the_message_names_rule_place_and_values():
    with pytest.raises(InvalidArgument, match=r"waterfall: a: from GLACIER to STANDARD_IA; S3 moves down only"):
        check_lifecycle({"Rules": [make_rule(Transitions=[{"Days": 1, "StorageClass": "GLACIER"}, IA])]})


@pytest.mark.parametrize(
    ("created", "days", "eligible"),
    [
        ("2014-01-15T10:30", 3, "2014-01-19"),  # user guide
        ("2024-01-02T00:05", 1, "2024-01-04"),  # user guide
        ("2024-01-02T00:00", 1, "2024-01-03"),
        ("2024-02-28T23:59", 1, "2024-03-01"),  # a leap year: 29 February 23:59, rounded up
    ],
)
def test_objects_become_eligible_at_the_next_midnight(created, days, eligible):
    at = datetime.fromisoformat(created).replace(tzinfo=UTC)
    assert get_lifecycle_date(at, days) == datetime.fromisoformat(eligible).replace(tzinfo=UTC)


def test_times_of_other_zones_count_in_utc():
    at = datetime(2024, 1, 2, 1, tzinfo=timezone(timedelta(hours=2)))  # 1 January 23:00 UTC
    assert get_lifecycle_date(at, 0) == datetime(2024, 1, 2, tzinfo=UTC)
    with pytest.raises(InvalidArgument, match="has no time zone"):
        get_lifecycle_date(datetime(2024, 1, 2), 1)  # noqa: DTZ001 - that is the point


@pytest.mark.parametrize(
    ("size", "to_class", "options", "moves"),
    [
        (65_536, "GLACIER", {"default_minimum": "varies_by_storage_class"}, True),  # user guide: before September 2024
        (65_536, "STANDARD_IA", {"default_minimum": "varies_by_storage_class"}, False),
        (65_536, "GLACIER", {}, False),
        (65_536, "GLACIER", {"larger_than": 0}, True),
        (65_536, "STANDARD_IA", {"larger_than": 65_535}, True),
        (65_536, "GLACIER", {"larger_than": 65_536}, False),  # exclusive
        (200_000, "GLACIER", {"smaller_than": 200_000}, False),
        (131_072, "GLACIER_IR", {}, True),
        (131_071, "INTELLIGENT_TIERING", {}, False),
        (10**9, "STANDARD", {}, False),
    ],
)
def test_small_objects_are_left_out_unless_a_filter_takes_them(size, to_class, options, moves):
    assert does_lifecycle_move(size, to_class, **options) is moves


@pytest.mark.parametrize(
    ("actions", "chosen"),
    [  # user guide, conflicting lifecycle actions
        (["STANDARD_IA", "GLACIER"], "GLACIER"),
        (["ONEZONE_IA", "STANDARD_IA"], "ONEZONE_IA"),
        (["INTELLIGENT_TIERING", "ONEZONE_IA"], "INTELLIGENT_TIERING"),
        (["INTELLIGENT_TIERING", "GLACIER"], "GLACIER"),
        (["DEEP_ARCHIVE", "delete"], "delete"),
        (["delete marker", "STANDARD_IA"], "STANDARD_IA"),
    ],
)
def test_conflicting_rules_have_a_winner(actions, chosen):
    assert choose_action(actions) == choose_action(actions[::-1]) == chosen


def test_what_is_no_action_has_no_place():
    with pytest.raises(InvalidArgument, match="'STANDARD' is no action of a lifecycle"):
        choose_action(["STANDARD"])


def test_an_unknown_default_is_refused():
    with pytest.raises(InvalidArgument, match="'none' is not a default of S3"):
        does_lifecycle_move(1, "GLACIER", default_minimum="none")
