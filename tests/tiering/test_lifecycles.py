"""A plan becomes few lifecycle rules; they are compared with the bucket's, put when asked, and come back equal."""

import json
from dataclasses import replace

import polars as pl
import pytest
from botocore.stub import Stubber
from hypothesis import given
from hypothesis import strategies as st

from lakekit.errors import AccessDenied, InvalidArgument, LakekitError, StaleFile
from lakekit.prices import load_book
from lakekit.tiering import (
    Assumptions,
    Constraints,
    apply_lifecycle,
    diff_lifecycle,
    find_faults,
    lifecycle,
    plan,
    read_lifecycle,
)
from lakekit.tiering.lifecycles import _merge
from tests.tiering.tables import make_heat, make_table

BOOK = load_book(as_of="2026-11-25")
GIB = 2**30
COLD = {"files": 4, "size_bytes": 100 * GIB, "age_days": 200.0}
HOT = COLD | {"requests_per_month": 64.0, "bytes_per_month": 1600.0 * GIB, "file_reads_per_month": 64.0}
HOT |= {"file_bytes_per_month": 1600.0 * GIB, "temperature": "hot"}


def make_plan(rows, *, bucket="lake", prefix="t", constraints=None, **assumptions):
    table = make_table([("a", GIB, 100)], url=("s3", bucket, prefix))
    return plan(table, make_heat(rows), constraints=constraints, assumptions=Assumptions(**assumptions), book=BOOK)


def list_rules(found):
    return [
        (rule["Filter"]["Prefix"], step["StorageClass"], step["Days"])
        for rule in found.rules
        for step in rule["Transitions"]
    ]


def test_neighbours_with_one_target_share_a_rule():
    # p=000 to p=011 are cold, p=012 to p=019 hot: p=00* and p=010, p=011
    rows = [COLD | {"age_days": 220.0 - number} for number in range(12)] + [HOT] * 8
    found = lifecycle(make_plan(rows))
    assert list_rules(found) == [
        ("t/p=00", "GLACIER_IR", 211),  # the youngest of ten
        ("t/p=010/", "GLACIER_IR", 210),
        ("t/p=011/", "GLACIER_IR", 209),
    ]
    assert found.faults == []
    assert json.loads(found.to_json()) == found.configuration
    assert "t/p=00* to GLACIER_IR after 211 days" in repr(found)
    assert "Objects under 128 KB stay where they are" in found.warnings[0]


def test_one_target_for_all_is_one_rule_and_none_is_none():
    assert list_rules(lifecycle(make_plan([COLD] * 3))) == [("t/p=00", "GLACIER_IR", 200)]
    assert lifecycle(make_plan([HOT])).rules == []
    assert list_rules(lifecycle(make_plan([COLD], prefix=""))) == [("p=000/", "GLACIER_IR", 200)]


def test_ia_waits_for_30_days():
    warm = COLD | {"age_days": 30.0}
    found = lifecycle(make_plan([warm], constraints=Constraints(classes=["STANDARD_IA"])))
    assert list_rules(found) == [("t/p=000/", "STANDARD_IA", 30)]


def test_small_files_are_moved_by_a_size_filter():
    found = lifecycle(make_plan([COLD], small_files="move"))
    assert found.rules[0]["Filter"] == {"And": {"Prefix": "t/p=000/", "ObjectSizeGreaterThan": 0}}
    assert found.faults == []


def test_files_of_one_folder_that_want_different_things_get_no_rule():
    # archived ones stay archived, and a rule to GLACIER_IR would not touch them; those in IA would be moved along
    rows = [COLD | {"folder": "p=0/"}, COLD | {"folder": "p=0/", "storage_class": "GLACIER"}]
    assert list_rules(lifecycle(make_plan(rows))) == [("t/p=0/", "GLACIER_IR", 200)]
    read = HOT | {"folder": "p=0/", "storage_class": "STANDARD_IA"}
    found = lifecycle(make_plan([COLD | {"folder": "p=0/"}, read], constraints=Constraints(classes=["GLACIER_IR"])))
    assert found.rules == []
    assert "p=0/: files in several classes want different things; it has no rule" in found.warnings[0]


def test_files_above_folders_cannot_be_told_apart():
    rows = [COLD | {"folder": ""}, HOT | {"folder": "p=1/"}]
    with pytest.raises(
        InvalidArgument, match="Files right in the table are to move to GLACIER_IR, those below it are not"
    ):
        lifecycle(make_plan(rows))
    assert list_rules(lifecycle(make_plan([HOT | {"folder": ""}, COLD]))) == [("t/p=001/", "GLACIER_IR", 200)]
    assert "_delta_log" in lifecycle(make_plan([COLD | {"folder": ""}])).warnings[-1]


def test_more_than_a_thousand_rules_are_refused_by_name():
    few = make_plan([HOT, COLD])
    number = pl.int_range(pl.len(), dtype=pl.UInt16).cast(pl.String).str.zfill(4)
    many = pl.concat([few.frame] * 1001).with_columns(pl.concat_str(pl.lit("p="), number, pl.lit("/")).alias("folder"))
    with pytest.raises(InvalidArgument, match="max-rules: configuration: 1,001 rules"):
        lifecycle(replace(few, frame=many))
    assert len(lifecycle(replace(few, frame=many[:2000])).rules) == 1000


FOLDERS = st.lists(st.text("ab/=", min_size=1, max_size=4).map(lambda text: f"{text}/"), unique=True, max_size=8)


@given(
    FOLDERS.flatmap(lambda names: st.fixed_dictionaries({name: st.sampled_from([None, "A", "B"]) for name in names}))
)
def test_merged_prefixes_cover_every_folder_once_and_no_other(targets):
    try:
        rules = list(_merge({folder: (name, 1.0) for folder, name in targets.items()}))
    except InvalidArgument:
        assert any(one != other and other.startswith(one) for one in targets for other in targets)
        return
    for folder, name in targets.items():
        assert [target for prefix, target, _ in rules if folder.startswith(prefix)] == ([name] if name else [])


def test_what_is_put_comes_back_equal(storage, bucket):
    found = lifecycle(make_plan([COLD] * 3 + [HOT], bucket=bucket))
    change = diff_lifecycle(found, storage)
    assert (change.before, change.added) == ([], ("lakekit:t/p=000/", "lakekit:t/p=001/", "lakekit:t/p=002/"))
    assert read_lifecycle(bucket, storage)[0] == []  # nothing is put by looking
    assert apply_lifecycle(change) == found.rules
    again = diff_lifecycle(found, storage)
    assert (again.added, again.removed, again.changed) == ((), (), ())
    assert len(again.kept) == 3


def test_rules_of_others_are_kept_and_old_ones_of_lakekit_replaced(storage, bucket):
    theirs = {"ID": "expire", "Status": "Enabled", "Filter": {"Prefix": "logs/"}, "Expiration": {"Days": 7}}
    storage.boto3("s3").put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [theirs]})
    apply_lifecycle(diff_lifecycle(lifecycle(make_plan([COLD, HOT], bucket=bucket)), storage))
    change = diff_lifecycle(lifecycle(make_plan([HOT, COLD], bucket=bucket)), storage)
    assert (change.added, change.removed, change.kept) == (
        ("lakekit:t/p=001/",), ("lakekit:t/p=000/",), ("expire",),
    )  # fmt: skip
    assert "replaces all rules of the bucket" in change.warnings[0]
    assert "  + lakekit:t/p=001/\n  - lakekit:t/p=000/\n    expire" in repr(change)
    assert {rule["ID"] for rule in apply_lifecycle(change)} == {"expire", "lakekit:t/p=001/"}


def test_a_changed_rule_is_called_changed(storage, bucket):
    apply_lifecycle(diff_lifecycle(lifecycle(make_plan([COLD], bucket=bucket)), storage))
    older = lifecycle(make_plan([COLD | {"age_days": 250.0}], bucket=bucket))
    assert diff_lifecycle(older, storage).changed == ("lakekit:t/p=000/",)


def test_a_plan_without_moves_takes_its_rules_off(storage, bucket):
    apply_lifecycle(diff_lifecycle(lifecycle(make_plan([COLD], bucket=bucket)), storage))
    assert apply_lifecycle(diff_lifecycle(lifecycle(make_plan([HOT], bucket=bucket)), storage)) == []


def test_rules_that_changed_meanwhile_are_not_overwritten(storage, bucket):
    change = diff_lifecycle(lifecycle(make_plan([COLD], bucket=bucket)), storage)
    theirs = {"ID": "expire", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 7}}
    storage.boto3("s3").put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [theirs]})
    with pytest.raises(StaleFile, match="has changed since it was compared: 1 rules now"):
        apply_lifecycle(change)
    assert [rule["ID"] for rule in read_lifecycle(bucket, storage)[0]] == ["expire"]


@pytest.mark.parametrize(
    ("transitions", "name"),
    [
        ([{"Days": 30, "StorageClass": "GLACIER"}, {"Days": 200, "StorageClass": "STANDARD_IA"}], "waterfall"),
        ([{"Days": 4, "StorageClass": "GLACIER_IR"}, {"Days": 90, "StorageClass": "DEEP_ARCHIVE"}], "minimum-duration"),
        ([{"Days": 3, "StorageClass": "STANDARD_IA"}], "30-days-before-ia"),
    ],
)
def test_wrong_rules_are_refused_by_us_though_the_embedded_s3_would_take_them(storage, bucket, transitions, name):
    found = lifecycle(make_plan([COLD], bucket=bucket))
    wrong = replace(found, configuration={"Rules": [found.rules[0] | {"Transitions": transitions}]})
    with pytest.raises(
        InvalidArgument, match=f"S3 would refuse this lifecycle configuration: {name}: lakekit:t/p=000/"
    ):
        diff_lifecycle(wrong, storage)
    assert read_lifecycle(bucket, storage)[0] == []


def test_the_default_of_old_buckets_is_warned_of_and_put_along(storage, bucket):
    # the embedded S3 knows no buckets from before September 2024: this is what S3 answers for one
    theirs = {"ID": "old", "Status": "Enabled", "Filter": {"Prefix": "x/"}, "Expiration": {"Days": 7}}
    answer = {"Rules": [theirs], "TransitionDefaultMinimumObjectSize": "varies_by_storage_class"}
    found = lifecycle(make_plan([COLD], bucket=bucket))
    sent = {
        "Bucket": bucket,
        "LifecycleConfiguration": {"Rules": [theirs, *found.rules]},
        "TransitionDefaultMinimumObjectSize": "varies_by_storage_class",
    }
    with Stubber(storage.boto3("s3")) as stub:
        for _ in range(2):
            stub.add_response("get_bucket_lifecycle_configuration", answer)
        stub.add_response("put_bucket_lifecycle_configuration", {}, sent)
        stub.add_response("get_bucket_lifecycle_configuration", answer)
        change = diff_lifecycle(found, storage)
        apply_lifecycle(change)
        stub.assert_no_pending_responses()
    assert any("from before September 2024" in warning for warning in change.warnings)


def test_a_folder_has_no_lifecycle_and_a_missing_bucket_is_an_error(storage):
    folder = make_table([("a", GIB, 100)], url=("file", "", "/lake/t"))
    found = lifecycle(plan(folder, make_heat([COLD]), book=BOOK))
    assert found.rules  # to look at
    with pytest.raises(InvalidArgument, match="t lies in a folder, and a folder has no lifecycle"):
        diff_lifecycle(found, storage)
    with pytest.raises(LakekitError, match="no-such-bucket"):
        diff_lifecycle(lifecycle(make_plan([COLD], bucket="no-such-bucket")), storage)


def test_who_may_not_look_is_told_the_permission(storage, bucket):
    with Stubber(storage.boto3("s3")) as stub:
        stub.add_client_error("get_bucket_lifecycle_configuration", "AccessDenied", http_status_code=403)
        with pytest.raises(AccessDenied, match="s3:GetLifecycleConfiguration"):
            read_lifecycle(bucket, storage)


def test_long_prefixes_have_short_ids():
    rows = [COLD | {"folder": f"{'x' * 300}={number}/"} for number in (1, 2)]
    rows[1] = HOT | {"folder": rows[1]["folder"]}
    found = lifecycle(make_plan(rows))
    assert len(found.rules[0]["ID"]) == 255
    assert find_faults(found.configuration) == []


def test_the_frame_of_a_plan_is_not_changed():
    found = make_plan([COLD])
    before = found.frame.clone()
    lifecycle(found)
    assert found.frame.equals(before) and isinstance(before, pl.DataFrame)
