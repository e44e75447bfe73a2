"""A template names the folders of a layout that has no key names."""

import pytest

from lakekit.errors import InvalidArgument, PartitionMismatch
from lakekit.manifest.template import parse_template


def match(template, folder):
    return parse_template(template).match(folder.split("/"), f"{folder}/x.parquet")


def test_a_key_stands_for_one_folder():
    assert match("{year}/{month}/{day}", "2024/01/05") == [("year", "2024"), ("month", "01"), ("day", "05")]


def test_types_are_part_of_the_template():
    assert parse_template("{year:int}/{month:int}/{city}").types == {"year": "int", "month": "int"}


def test_text_around_a_key_must_be_there():
    assert match("dt={dt:date}/h{hour}", "dt=2024-01-05/h13") == [("dt", "2024-01-05"), ("hour", "13")]
    assert match("data/v1/{year}", "data/v1/2024") == [("year", "2024")]
    with pytest.raises(PartitionMismatch, match=r"data/v2/2024/x.parquet does not lie where .* \(level 2\)"):
        match("data/v1/{year}", "data/v2/2024")


def test_one_folder_may_hold_many_keys():
    assert match("{year}-{month}", "2024-01") == [("year", "2024"), ("month", "01")]


def test_text_is_not_a_pattern():
    assert match("v1.0+{a}", "v1.0+x") == [("a", "x")]
    with pytest.raises(PartitionMismatch):
        match("v1.0+{a}", "v1x00x")


def test_a_missing_folder_is_named_by_its_level():
    with pytest.raises(PartitionMismatch, match=r"2024/x.parquet .* '{year}/{month}' says \(level 2\)") as caught:
        match("{year}/{month}", "2024")
    assert "{year:int}" in caught.value.hint


def test_folders_below_the_template_are_not_its_business():
    assert match("{year}", "2024/more/folders") == [("year", "2024")]


def test_slashes_at_the_ends_mean_nothing():
    assert parse_template("/{a}/{b}/").levels == parse_template("{a}/{b}").levels


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("year/month", "names no key"),
        ("", "names no key"),
        ("{a}/{a}", "names a key twice"),
        ("{a:int}-{a}", "names a key twice"),
        ("{a/{b}", "has a brace that is not a key's"),
        ("{a}}", "has a brace that is not a key's"),
        ("{}/{b}", "has a brace that is not a key's"),
        ("{a:}/{b}", "has a brace that is not a key's"),
    ],
)
def test_a_template_that_means_nothing_is_refused(text, what):
    with pytest.raises(InvalidArgument, match=what):
        parse_template(text)
