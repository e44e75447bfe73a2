"""The sample lake on the embedded S3: the same as the folder, and put there once."""

from lakekit import open_lake, sample_lake
from lakekit.sample import sample_folder

TABLES = ["airlines", "airports", "flights", "planes", "turbines", "turbines_hourly", "weather"]


def test_the_sample_folder_holds_the_lake_and_its_licence():
    folder = sample_folder()
    assert (folder / "lake" / "weather").is_dir()
    assert (folder / "LICENSE.md").is_file()


def test_the_sample_on_s3_is_the_sample_in_the_folder():
    on_s3, in_folder = sample_lake(), open_lake(sample_folder() / "lake")
    assert list(on_s3) == list(in_folder) == TABLES
    for name in TABLES:
        assert on_s3[name].files["path"].to_list() == in_folder[name].files["path"].to_list()
        assert on_s3[name].schema == in_folder[name].schema
        assert on_s3[name].files["rows"].sum() == in_folder[name].files["rows"].sum()
    assert on_s3["weather"].drift.frame.equals(in_folder["weather"].drift.frame)


def test_the_sample_is_uploaded_once():
    first = sample_lake()
    files = first["flights"].files.select("path", "etag", "modified_at")
    assert sample_lake()["flights"].files.select("path", "etag", "modified_at").equals(files)
    assert first.url == "s3://lakekit-sample/lake"


def test_one_question_has_one_answer_on_s3():
    lake = sample_lake()
    assert lake.sql("SELECT count(*) FROM flights").fetchall() == [(28_834,)]
    assert lake.polars("flights").collect().height == 28_834
    total = lake.sql("SELECT round(sum(precip), 2) FROM weather WHERE date <= DATE '2013-03-31'").fetchall()
    assert total == [(7.66,)]
