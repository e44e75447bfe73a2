"""What folders say about the rows of their files: keys, values, and one type for each key."""

from datetime import date, datetime

import pyarrow as pa
import pytest

from lakekit.errors import (
    ColumnNameConflict,
    InvalidArgument,
    PartitionMismatch,
    PartitionTypeConflict,
    UnknownPartitionKey,
)
from lakekit.manifest.partitions import decode_segment, folder_of, read_partitions


def read_values(*folders, **options):
    """The values of one file in each of these folders, by key."""
    paths = [f"{folder}/x.parquet" if folder else "x.parquet" for folder in folders]
    found = read_partitions(paths, **options)
    rows = [found.values_of(path) for path in paths]
    return {key: [row[index] for row in rows] for index, key in enumerate(found.keys)}


def read_types(*folders, **options):
    found = read_partitions([f"{folder}/x.parquet" for folder in folders], **options)
    return dict(zip(found.keys, map(str, found.types), strict=True))


def test_folders_named_key_and_value_are_columns():
    folders = ["year=2024/city=Ulm", "year=2023/city=Bonn"]
    assert read_values(*folders) == {"year": [2024, 2023], "city": ["Ulm", "Bonn"]}
    assert read_types(*folders) == {"year": "int64", "city": "string"}


def test_files_without_keys_have_no_columns():
    assert read_values("", "some/folder", "other") == {}


def test_folders_that_are_no_keys_are_passed_over():
    assert read_values("v1/a=1/part", "v2/a=2/part") == {"a": [1, 2]}


def test_a_folder_that_begins_with_an_equals_sign_is_no_key():
    assert read_values("=5/a=1") == {"a": [1]}


def test_names_of_files_are_no_keys():
    assert read_partitions(["a=1/b=2.parquet"]).keys == ("a",)


def test_no_paths_have_no_keys():
    assert read_partitions([]).keys == ()


def test_keys_and_values_are_percent_decoded():
    assert read_values("my%20key=a%2Fb%3D%C3%BC") == {"my key": ["a/b=ü"]}
    assert read_values("ts=2024-01-05 10%3A00%3A00") == {"ts": [datetime.fromisoformat("2024-01-05 10:00")]}


def test_a_plus_is_a_plus_and_no_space():
    assert read_values("a=b+c") == {"a": ["b+c"]}


@pytest.mark.parametrize("text", ["%", "%zz", "100%", "%AF", "%C3", "a%2"])
def test_what_does_not_decode_stays_as_it_is(text):
    assert decode_segment(text) == text


def test_a_value_may_hold_equals_signs():
    assert read_values("a=b=c", "a==") == {"a": ["b=c", "="]}


def test_hives_default_partition_is_null():
    folders = ["a=1/b=x", "a=__HIVE_DEFAULT_PARTITION__/b=__HIVE_DEFAULT_PARTITION__"]
    assert read_values(*folders) == {"a": [1, None], "b": ["x", None]}
    assert read_types(*folders) == {"a": "int64", "b": "string"}


def test_a_key_of_nothing_but_null_is_text():
    assert read_types("a=__HIVE_DEFAULT_PARTITION__") == {"a": "string"}


def test_the_word_null_is_text():
    assert read_values("a=NULL", "a=null") == {"a": ["NULL", "null"]}


def test_an_escaped_default_partition_is_that_text():
    assert read_values("a=%5F_HIVE_DEFAULT_PARTITION__") == {"a": ["__HIVE_DEFAULT_PARTITION__"]}


def test_an_empty_value_is_null_unless_the_key_is_text():
    assert read_values("a=/b=", "a=1/b=x") == {"a": [None, 1], "b": ["", "x"]}


def test_leading_zeros_make_a_key_text_in_all_its_folders():
    assert read_values("month=01", "month=10", "month=2") == {"month": ["01", "10", "2"]}


def test_dates_and_times_of_one_key_are_times():
    folders = ["t=2024-01-05", "t=2024-01-05 10:00:00"]
    assert read_values(*folders) == {
        "t": [datetime.fromisoformat("2024-01-05"), datetime.fromisoformat("2024-01-05 10:00")]
    }
    assert read_types(*folders) == {"t": "timestamp[us]"}


def test_each_key_has_a_type_of_its_own():
    folders = ["dt=2024-01-05/n=1/s=01", "dt=2024-01-06/n=-2/s=1"]
    assert read_types(*folders) == {"dt": "date32[day]", "n": "int64", "s": "string"}
    assert read_values(*folders)["dt"] == [date(2024, 1, 5), date(2024, 1, 6)]


def test_keys_stand_in_the_order_of_the_first_path():
    found = read_partitions(["b=1/a=2/x", "a=3/b=4/x"])
    assert found.keys == ("b", "a")
    assert found.values_of("a=3/b=4/x") == (4, 3)


def test_a_declared_type_takes_the_place_of_the_inferred():
    folders = ["m=01/zip=01234", "m=2/zip=9"]
    declared = {"m": "int8", "zip": pa.string()}
    assert read_values(*folders, declared=declared) == {"m": [1, 2], "zip": ["01234", "9"]}
    assert read_types(*folders, declared=declared) == {"m": "int8", "zip": "string"}


def test_a_value_that_is_not_of_the_declared_type_names_its_file():
    with pytest.raises(PartitionTypeConflict, match=r"m=all is not of type int8, in m=all/x.parquet") as caught:
        read_values("m=1", "m=all", declared={"m": "int8"})
    assert caught.value.hint == 'declare another type, such as partitions={"m": "string"}.'


def test_null_is_of_every_declared_type():
    assert read_values("m=__HIVE_DEFAULT_PARTITION__", declared={"m": "date"}) == {"m": [None]}


def test_a_declared_key_that_no_path_has_is_refused_with_those_that_are_there():
    with pytest.raises(
        UnknownPartitionKey, match=r"No partition key 'yaer' in the paths: they have 'year', 'm', as in"
    ):
        read_values("year=1/m=2", declared={"yaer": "int"})
    with pytest.raises(UnknownPartitionKey, match=r"they have none, as in x.parquet"):
        read_values("", declared={"year": "int"})


def test_a_declared_type_that_is_none_is_refused():
    with pytest.raises(InvalidArgument, match="'year' was declared as 'integer'"):
        read_values("year=1", declared={"year": "integer"})


@pytest.mark.parametrize(
    ("folders", "what"),
    [
        (["a=1", "b=1"], r"a in a=1/x.parquet, b in b=1/x.parquet"),
        (["a=1/b=1", "a=2"], r"a/b in a=1/b=1/x.parquet, a in a=2/x.parquet"),
        (["", "a=2"], r"none in x.parquet, a in a=2/x.parquet"),
        (["A=1", "a=2"], r"A in A=1/x.parquet, a in a=2/x.parquet"),
    ],
)
def test_files_under_different_keys_are_no_table(folders, what):
    with pytest.raises(PartitionMismatch, match=f"Files lie under different partition keys: {what}"):
        read_values(*folders)


def test_a_key_that_stands_twice_is_refused():
    with pytest.raises(PartitionMismatch, match="The partition key 'a' stands twice in a=1/a=2/x.parquet"):
        read_values("a=1/a=2")


def test_keys_that_differ_only_in_case_are_refused():
    with pytest.raises(ColumnNameConflict, match="The partition keys 'a', 'A' differ only in case, in a=1/A=2"):
        read_values("a=1/A=2")


def test_a_template_names_folders_that_have_no_keys():
    template = "{year:int}/{month:int}/{day:int}/{hour:int}"
    values = read_values("2024/01/05/13", "2023/12/31/00", template=template)
    assert values == {"year": [2024, 2023], "month": [1, 12], "day": [5, 31], "hour": [13, 0]}


def test_keys_of_a_template_without_a_type_are_inferred():
    assert read_values("2024/01", "2024/10", template="{year}/{month}") == {"year": [2024, 2024], "month": ["01", "10"]}


def test_a_template_may_stand_where_keys_are():
    assert read_values("dt=2024-01-05", template="dt={day:date}") == {"day": [date(2024, 1, 5)]}


def test_keys_may_follow_a_template():
    assert read_values("2024/region=eu/n=1", template="{year:int}") == {"year": [2024], "region": ["eu"], "n": [1]}


def test_a_key_of_the_template_may_not_follow_it_again():
    with pytest.raises(PartitionMismatch, match="The partition key 'year' stands twice in 2024/year=2023/x.parquet"):
        read_values("2024/year=2023", template="{year:int}")


def test_a_file_above_the_template_is_refused():
    with pytest.raises(PartitionMismatch, match=r"2024/x.parquet does not lie where the template .* \(level 2\)"):
        read_values("2024/01", "2024", template="{year:int}/{month:int}")


def test_a_value_that_is_not_of_the_templates_type_is_refused():
    with pytest.raises(PartitionTypeConflict, match="year=tmp is not of type int64, in tmp/x.parquet"):
        read_values("tmp", "2024", template="{year:int}")


def test_what_is_declared_counts_more_than_the_template():
    assert read_types("2024", template="{year:int}", declared={"year": "string"}) == {"year": "string"}


def test_values_of_a_template_are_decoded_too():
    assert read_values("a%20b/__HIVE_DEFAULT_PARTITION__", template="{x}/{y}") == {"x": ["a b"], "y": [None]}


def test_the_folder_of_a_path_is_what_stands_before_its_name():
    assert [folder_of(path) for path in ("x", "a=1/x", "a=1/b/x")] == ["", "a=1", "a=1/b"]
