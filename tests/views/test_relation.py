"""Errors of files as they reach the user: lakekit's own through lake.sql, Polars and Arrow, DuckDB's through DuckDB."""

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as pe
import pytest

from lakekit import ArchivedFile, CorruptFile, EncryptedFile, EngineFailed, LakekitError, TypeConflict
from tests.views.lakes import ENGINES, Place, count_gets, read_all, to_parquet

NUMBERS = pa.table({"x": list(range(100)), "s": [f"text {number}" for number in range(100)]})
GOOD = to_parquet(NUMBERS, compression="none", use_dictionary=False)


def damage_page(content: bytes = GOOD) -> bytes:
    """A file whose footer is whole and whose first page is not."""
    return content[:4] + b"\xff" * 60 + content[64:]


BAD_FILES = {
    "empty": b"",
    "text": b"<Error><Code>AccessDenied</Code></Error>",
    "only the magic": b"PAR1PAR1",
    "cut short": GOOD[:-20],
    "cut in half": GOOD[: len(GOOD) // 2],
    "a footer of noise": GOOD[:-200] + b"\x5a" * 192 + GOOD[-8:],
    "a footer longer than the file": GOOD[:-8] + b"\xff\xff\xff\x7fPAR1",
    "a damaged page": damage_page(),
    "zeros": b"\0" * 2_000,
}


def encrypt(table: pa.Table, *, plain_footer: bool) -> bytes:
    """The table as Parquet with encrypted columns."""

    class Vault(pe.KmsClient):
        def wrap_key(self, key_bytes, master_key_identifier):
            return key_bytes

        def unwrap_key(self, wrapped_key, master_key_identifier):
            return wrapped_key

    config = pe.EncryptionConfiguration(footer_key="f", column_keys={"k": ["x"]}, plaintext_footer=plain_footer)
    factory = pe.CryptoFactory(lambda connection: Vault())
    properties = factory.file_encryption_properties(pe.KmsConnectionConfig(), config)
    return to_parquet(table, encryption_properties=properties)


def put_beside_good(place: Place, bad: bytes, **options) -> None:
    """A good file under k=1, this one under k=2."""
    place.put("t/k=1/good.parquet", GOOD)
    place.put("t/k=2/bad.parquet", bad, **options)


def ask_all(place: Place, engine: str, condition: str, **options) -> int:
    """The number of rows whose every column was read, through one engine."""
    if engine in ("sql", "duckdb"):
        query = f"SELECT count(x), sum(x), sum(length(s)) FROM t WHERE {condition}"  # all of both is read
        if engine == "sql":
            return place.open_lake(t=options).sql(query).fetchall()[0][0]
        con = duckdb.connect()
        place.open_table(**options).duckdb(con, "t")
        return con.execute(query).fetchall()[0][0]
    frame = place.open_table(**options).polars().filter(pl.sql_expr(condition))
    return len([row for row in frame.collect().rows() if row[0] is not None])


@pytest.mark.parametrize("engine", ["duckdb", "sql", "polars"])
@pytest.mark.parametrize("kind", BAD_FILES)
def test_a_bad_file_outside_the_filter_is_no_matter_and_inside_it_is_an_error(folder, engine, kind):
    put_beside_good(folder, BAD_FILES[kind])
    assert ask_all(folder, engine, "k = 1") == 100
    with pytest.raises(CorruptFile if engine != "duckdb" else duckdb.Error) as raised:
        ask_all(folder, engine, "k = 2")
    assert "k=2/bad.parquet" in str(raised.value)
    assert "Hint: " in str(raised.value)
    with pytest.raises(CorruptFile if engine != "duckdb" else duckdb.Error, match="k=2/bad.parquet"):
        ask_all(folder, engine, "k > 0")


@pytest.mark.parametrize("engine", ["duckdb", "sql", "polars"])
def test_a_bad_file_on_s3_is_the_same(s3, engine):
    put_beside_good(s3, BAD_FILES["cut in half"])
    assert ask_all(s3, engine, "k = 1") == 100
    with pytest.raises(CorruptFile if engine != "duckdb" else duckdb.Error, match="k=2/bad.parquet"):
        ask_all(s3, engine, "k = 2")


@pytest.mark.parametrize("kind", BAD_FILES)
def test_arrow_raises_for_a_bad_file(folder, kind):
    put_beside_good(folder, BAD_FILES[kind])
    with pytest.raises(CorruptFile, match="k=2/bad.parquet"):
        folder.open_table().arrow().read_all()


@pytest.mark.parametrize("engine", ["duckdb", "sql", "polars"])
def test_a_damaged_page_of_a_long_file_is_found_when_it_is_read(folder, engine):
    long = pa.table({"x": list(range(100_000)), "s": ["text"] * 100_000})  # 800 kB of x: too long to look into at once
    content = to_parquet(long, compression="snappy", use_dictionary=False)
    put_beside_good(folder, damage_page(content))
    assert ask_all(folder, engine, "k = 1") == 100
    with pytest.raises(CorruptFile if engine != "duckdb" else duckdb.Error) as raised:
        ask_all(folder, engine, "k = 2")
    assert engine == "duckdb" or "k=2/bad.parquet is damaged" in str(raised.value)  # DuckDB names no file of its own


@pytest.mark.parametrize("engine", ENGINES)
def test_bad_files_are_left_out_when_that_is_asked_for(folder, engine):
    put_beside_good(folder, BAD_FILES["cut in half"])
    assert read_all(folder, engine, on_bad_file="skip").num_rows == 100
    table = folder.open_table(on_bad_file="skip")
    assert table.skipped["path"].to_list() == ["k=2/bad.parquet"]
    assert "partial" in repr(table)


@pytest.mark.parametrize("engine", ["duckdb", "sql", "polars"])
@pytest.mark.parametrize("plain_footer", [True, False])
def test_an_encrypted_file_is_named(folder, engine, plain_footer):
    put_beside_good(folder, encrypt(NUMBERS, plain_footer=plain_footer))
    assert ask_all(folder, engine, "k = 1") == 100
    with pytest.raises(EncryptedFile if engine != "duckdb" else duckdb.Error, match="k=2/bad.parquet is encrypted"):
        ask_all(folder, engine, "k = 2")


@pytest.mark.parametrize("engine", ["duckdb", "sql", "polars"])
def test_columns_that_conflict_are_an_error_only_where_they_are_read(place, engine):
    place.put("t/k=1/a.parquet", pa.table({"x": [1, 2], "s": ["a", "b"]}))
    place.put("t/k=2/a.parquet", pa.table({"x": ["one"], "s": ["c"]}))
    place.put("t/k=3/a.parquet", pa.table({"x": [3], "s": ["d"]}))
    assert ask_all(place, engine, "k <> 2") == 3
    with pytest.raises(TypeConflict if engine != "duckdb" else duckdb.Error) as raised:
        ask_all(place, engine, "k = 2")
    text = str(raised.value)
    for words in ("'x'", "string in k=2/a.parquet", "int64", "2 other files", "Hint: ", 'on_type_conflict="string"'):
        assert words in text


@pytest.mark.parametrize("engine", ["sql", "polars"])
def test_a_column_beside_one_in_conflict_can_be_read(folder, engine):
    folder.put("t/a.parquet", pa.table({"x": [1], "s": ["a"]}))
    folder.put("t/b.parquet", pa.table({"x": ["one"], "s": ["b"]}))
    lake = folder.open_lake()
    rows = lake.sql("SELECT s FROM t").fetchall() if engine == "sql" else lake.polars("t").select("s").collect().rows()
    assert sorted(rows) == [("a",), ("b",)]


STEPS = {
    "fetchall": lambda relation: relation.fetchall(),
    "pl": lambda relation: relation.pl(),
    "to_arrow_table": lambda relation: relation.to_arrow_table(),
    "to_arrow_reader": lambda relation: relation.to_arrow_reader().read_all(),
    "fetchnumpy": lambda relation: relation.fetchnumpy(),
    "repr": lambda relation: repr(relation),
    "show": lambda relation: relation.show(),
    "notebook": lambda relation: relation._repr_mimebundle_(),
    "len": lambda relation: relation.filter("x >= 0").shape,
    "iter_rows": lambda relation: list(relation.iter_rows()),
    "to_dicts": lambda relation: relation.to_dicts(),
    "materialize": lambda relation: relation.materialize(),
    "describe": lambda relation: relation.describe().fetchall(),
    "aggregate": lambda relation: relation.aggregate("sum(x)").fetchall(),
    "join": lambda relation: relation.join(relation.set_alias("other"), "x").fetchall(),
    "query": lambda relation: relation.query("numbers", "SELECT sum(x) FROM numbers").fetchall(),
    "create": lambda relation: relation.create("copied"),
    "to_parquet": lambda relation: relation.to_parquet("/dev/null"),
    "map": lambda relation: relation.filter("x > 0").order("x").fetchall(),
}


@pytest.mark.parametrize("step", STEPS)
def test_whatever_reads_a_lakes_relation_raises_lakekits_error(folder, step):
    put_beside_good(folder, BAD_FILES["cut in half"])
    relation = folder.open_lake().sql("SELECT * FROM t")
    with pytest.raises(CorruptFile, match="k=2/bad.parquet"):
        STEPS[step](relation)


READERS = {
    "in memory": lambda frame: frame.collect(),
    "streaming": lambda frame: frame.collect(engine="streaming"),
    "together": lambda frame: pl.collect_all([frame, frame.select("x")]),
    "into a file": lambda frame: frame.sink_parquet("/dev/null"),
    "grouped": lambda frame: frame.group_by("k").agg(pl.col("x").sum()).collect(),
    "sorted": lambda frame: frame.sort("x").head(2).collect(),
    "joined": lambda frame: frame.join(frame, on="x").collect(),
    "one column": lambda frame: frame.select("s").collect(),
    "in batches": lambda frame: list(frame.collect_batches()),
}


@pytest.mark.parametrize("step", READERS)
def test_whatever_reads_a_polars_frame_raises_lakekits_error(folder, step):
    put_beside_good(folder, BAD_FILES["cut in half"])
    frame = folder.open_table().polars()
    with pytest.raises(CorruptFile, match="k=2/bad.parquet"):
        READERS[step](frame)


def test_a_query_that_fails_leaves_the_lake_in_order(folder):
    put_beside_good(folder, BAD_FILES["cut in half"])
    lake = folder.open_lake()
    for _ in range(2):
        with pytest.raises(CorruptFile, match="k=2/bad.parquet"):
            lake.sql("SELECT sum(x) FROM t").fetchall()
        assert lake.sql("SELECT sum(x) FROM t WHERE k = 1").fetchall() == [(4950,)]  # 0 + 1 + … + 99
        with pytest.raises(duckdb.ConversionException):
            lake.sql("SELECT CAST(s AS INTEGER) FROM t WHERE k = 1").fetchall()


def test_a_mistake_in_a_query_stays_duckdbs_own_error(folder):
    put_beside_good(folder, BAD_FILES["cut in half"])
    lake = folder.open_lake()
    for query, kind in [
        ("SELECT nope FROM t", duckdb.BinderException),
        ("SELECT * FROM nope", duckdb.CatalogException),
        ("SELEC 1", duckdb.ParserException),
        ("SELECT x FROM t WHERE k = 1 AND error('mine') IS NULL", duckdb.InvalidInputException),
    ]:
        with pytest.raises(kind) as raised:
            lake.sql(query).fetchall()
        assert not isinstance(raised.value, LakekitError)


def test_an_error_names_its_cause_and_shows_no_inner_traceback(folder):
    put_beside_good(folder, BAD_FILES["cut in half"])
    with pytest.raises(CorruptFile) as raised:
        folder.open_lake().sql("SELECT * FROM t").fetchall()
    assert isinstance(raised.value.__cause__, duckdb.Error)
    assert "Traceback" not in str(raised.value)


@pytest.mark.parametrize("engine", ["duckdb", "sql", "polars"])
def test_an_archived_object_is_an_error_before_anything_is_read(s3, engine):
    put_beside_good(s3, GOOD, storage_class="GLACIER")
    assert ask_all(s3, engine, "k = 1") == 100
    with pytest.raises(ArchivedFile if engine != "duckdb" else duckdb.Error) as raised:
        ask_all(s3, engine, "k = 2")
    for words in ("k=2/bad.parquet", "GLACIER", "1 of 2 files", "Hint: ", 'on_archived="skip"'):
        assert words in str(raised.value)


@pytest.mark.parametrize("engine", ["polars", "arrow"])
def test_nothing_is_read_for_a_question_that_needs_an_archived_object(s3, engine):
    put_beside_good(s3, GOOD, storage_class="DEEP_ARCHIVE")
    table = s3.open_table()

    def ask() -> str:
        with pytest.raises(ArchivedFile) as raised:
            table.polars().collect() if engine == "polars" else table.arrow().read_all()
        return str(raised.value)

    text, gets = count_gets(table, ask)
    assert ("DEEP_ARCHIVE" in text, gets) == (True, 0)


@pytest.mark.parametrize("engine", ENGINES)
def test_archived_objects_are_left_out_when_that_is_asked_for(s3, engine):
    put_beside_good(s3, GOOD, storage_class="GLACIER")
    assert read_all(s3, engine, on_archived="skip").num_rows == 100
    table = s3.open_table(on_archived="skip")
    assert table.skipped["path"].to_list() == ["k=2/bad.parquet"]
    assert "partial: 1 file left out" in repr(table)
    assert "partial" in table._repr_html_()


def test_objects_in_instant_retrieval_are_read(s3):
    put_beside_good(s3, GOOD, storage_class="GLACIER_IR")
    assert read_all(s3, "sql").num_rows == 200


def test_an_interrupt_while_duckdb_reads_a_file_is_one_and_asks_for_nothing_more(s3):
    for number in range(4):  # 2 MB each, so that DuckDB reads them through lakekit
        s3.put(f"t/{number}.parquet", pa.table({"x": range(250_000)}), compression="none", use_dictionary=False)
    lake = s3.open_lake()
    lake.duckdb.execute("SET threads = 1")
    store, asked = lake["t"].store, []
    read_range = store.read_range

    def interrupt(*args, **kwargs):
        asked.append(args)
        raise KeyboardInterrupt  # as Ctrl-C does where Python waits for the bytes

    store.read_range = interrupt
    before = store.requests.snapshot()
    with pytest.raises(KeyboardInterrupt):
        lake.sql("SELECT sum(x) FROM t").fetchall()
    assert store.requests.since(before)["GET"] == 0 < len(asked)  # nor does anybody look for a damaged file
    store.read_range = read_range
    assert lake.sql("SELECT sum(x) FROM t").fetchall() == [(4 * 250_000 * 249_999 // 2,)]


def test_an_error_of_duckdb_s_own_says_that_the_lake_is_to_be_opened_anew(folder, tmp_path):
    folder.put("t/a.parquet", pa.table({"x": [1]}))
    (tmp_path / "plain").mkdir()
    inner = pa.struct([("b", pa.int64())])
    pq.write_table(pa.table({"v": pa.array([{"z": 5}, None])}), tmp_path / "plain/a.parquet")
    pq.write_table(
        pa.table({"v": pa.array([{"a": {"b": 1}}], pa.struct([("a", inner)]))}), tmp_path / "plain/b.parquet"
    )
    lake = folder.open_lake()
    query = f"SELECT * FROM read_parquet('{tmp_path}/plain/*.parquet', union_by_name=true)"
    for broken in (query, "SELECT x FROM t"):
        with pytest.raises(EngineFailed, match="(?s)DuckDB met an error of its own.*Hint: open the lake anew"):
            lake.sql(broken).fetchall()
    assert lake.polars("t").collect()["x"].to_list() == [1]
    assert folder.open_lake().sql("SELECT x FROM t").fetchall() == [(1,)]
