"""DDL for other engines: it parses in their dialects, names each partition, and projects only what it can prove."""

import datetime as dt

import duckdb
import pyarrow as pa
import pytest
import sqlglot

import lakekit as lk
from lakekit import InvalidArgument
from tests.publish.places import make_bucket, put_odd


@pytest.fixture(scope="module")
def odd():
    """The table of put_odd."""
    return put_odd(make_bucket())


def open_table(place, name="t", **options):
    return lk.open_table(f"{place.url}/{name}", **options)


def get_properties(made):
    """The table properties in a statement of Athena."""
    parsed = sqlglot.parse_one(made.statements[0], dialect="athena")
    return {
        one.this.name: one.args["value"].name for one in parsed.find_all(sqlglot.exp.Property) if one.args.get("value")
    }


@pytest.mark.parametrize(("engine", "dialect"), [("athena", "athena"), ("spark", "spark"), ("duckdb", "duckdb")])
def test_every_statement_parses_in_the_dialect(odd, engine, dialect):
    made = lk.publish.ddl(odd, engine, database="db")
    creates = [sqlglot.parse_one(text, dialect=dialect) for text in made.statements if text.startswith("CREATE")]
    assert len(creates) == 1 and creates[0].kind in ("TABLE", "VIEW")
    assert [str(warning) for warning in made.warnings] and str(made).count("-- ") == len(made.warnings)


def test_redshift_creates_an_external_table_and_adds_partitions(odd):
    create, add = lk.publish.ddl(odd, "redshift", database="lake").statements
    assert create.startswith('CREATE EXTERNAL TABLE "lake"."odd" (\n  "temp" double precision,\n  "at" timestamp,')
    assert '"city" varchar(65535)\n)\nSTORED AS PARQUET' in create and "('numRows' = '5')" in create
    assert add.count("PARTITION (") == 3
    assert f"""PARTITION ("dt" = '2024-01-01', "city" = 'a/b') LOCATION '{odd.url}/dt=2024-01-01/city=a%2Fb/'""" in add
    parsed = sqlglot.parse_one(
        create.replace("EXTERNAL ", "").split("STORED")[0].split("PARTITIONED")[0], dialect="redshift"
    )
    assert [column.name for column in parsed.find_all(sqlglot.exp.ColumnDef)] == ["temp", "at", "note"]


def test_null_keys_and_escapes_are_listed_and_not_projected(odd):
    made = lk.publish.ddl(odd, "athena")
    assert "projection" not in made.statements[0]
    assert made.statements[1].count("PARTITION (") == 3
    assert "`city` = '__HIVE_DEFAULT_PARTITION__'" in made.statements[1]


def test_days_integers_and_names_are_projected(folder):
    today = dt.datetime.now(dt.UTC).date()
    days = [today - dt.timedelta(days=days) for days in (0, 1, 3)]
    for day in days:
        for hour, city in ((0, "rome"), (23, "oslo")):
            folder.put(f"t/dt={day}/hour={hour}/city={city}/a.parquet", pa.table({"x": [1]}))
    made = lk.publish.ddl(open_table(folder), "athena")
    properties = get_properties(made)
    assert len(made.statements) == 1
    assert properties["projection.enabled"] == "true"
    assert properties["projection.dt.type"] == "date"
    assert properties["projection.dt.range"] == f"{days[-1]},NOW+1DAYS"
    assert properties["projection.dt.format"] == "yyyy-MM-dd"
    assert (properties["projection.hour.type"], properties["projection.hour.range"]) == ("integer", "0,23")
    assert (properties["projection.city.type"], properties["projection.city.values"]) == ("enum", "oslo,rome")
    template = f"{folder.url}/t/dt=${{dt}}/hour=${{hour}}/city=${{city}}/"
    assert properties["storage.location.template"] == template
    assert any("Projected values of 'hour' are 0 to 23" in text for text in made.warnings)


def test_a_template_is_projected_with_its_digits(folder):
    for month in (1, 2, 12):
        folder.put(f"t/2024/{month:02}/a.parquet", pa.table({"x": [month]}))
    table = open_table(folder, template="{year:int}/{month:int}")
    properties = get_properties(lk.publish.ddl(table, "athena"))
    assert (properties["projection.month.digits"], properties["projection.month.range"]) == ("2", "1,12")
    assert properties["storage.location.template"] == f"{folder.url}/t/${{year}}/${{month}}/"


def test_what_a_rule_would_not_give_back_is_listed(folder):
    for name in ("n=1", "n=100000"):  # 100,000 projected for 2
        folder.put(f"sparse/{name}/a.parquet", pa.table({"x": [1]}))
    assert len(lk.publish.ddl(open_table(folder, "sparse"), "athena").statements) == 2
    for name in ("v=a,b", "v=c"):
        folder.put(f"commas/{name}/a.parquet", pa.table({"x": [1]}))
    assert len(lk.publish.ddl(open_table(folder, "commas"), "athena").statements) == 2
    for name in ("m=01", "m=2"):
        folder.put(f"mixed/{name}/a.parquet", pa.table({"x": [1]}))
    mixed = open_table(folder, "mixed", partitions={"m": "int32"})
    assert len(lk.publish.ddl(mixed, "athena").statements) == 2
    folder.put("old/dt=1900-01-01/a.parquet", pa.table({"x": [1]}))  # 46,000 days to today for one
    assert len(lk.publish.ddl(open_table(folder, "old"), "athena").statements) == 2


def test_the_view_of_plain_duckdb_gives_the_same_rows(folder):
    folder.put("t/k=a%2Fb/a.parquet", pa.table({"x": [1, 2], "y": ["p", None]}))
    folder.put("t/k=__HIVE_DEFAULT_PARTITION__/a.parquet", pa.table({"x": [1.5]}))
    folder.put("t/k=c[1]/a*.parquet", pa.table({"x": pa.array([7], pa.uint8()), "z": [dt.time(1, 2)]}))
    table = open_table(folder)
    con = duckdb.connect()
    for statement in lk.publish.ddl(table, "duckdb").statements:
        con.execute(statement)
    assert con.sql("DESCRIBE t").fetchall() == table.duckdb(duckdb.connect()).query("t", "DESCRIBE t").fetchall()
    query = "SELECT * FROM t ORDER BY ALL"
    assert con.sql(query).fetchall() == table.duckdb(duckdb.connect()).query("t", query).fetchall()


def test_what_cannot_be_written_is_an_error_that_says_why(folder):
    folder.put("t/a.parquet", pa.table({"clock": pa.array([1], pa.time64("us"))}))
    table = open_table(folder)
    for engine in ("athena", "redshift", "spark"):
        with pytest.raises(InvalidArgument, match="'clock' is time64"):
            lk.publish.ddl(table, engine)
    with pytest.raises(InvalidArgument, match="(?s)engine='hive' is not known.*athena, redshift, spark, duckdb"):
        lk.publish.ddl(table, "hive")
    folder.put("u/a.parquet", pa.table({"n": pa.array([2**40], pa.uint64())}))
    assert "`n` decimal(20,0)" in lk.publish.ddl(open_table(folder, "u"), "spark").statements[0]


def test_conflicts_and_odd_names_are_told_and_quoted(folder):
    folder.put("t/a.parquet", pa.table({"it's a `name`": [1], "v": ["text"]}))
    folder.put("t/b.parquet", pa.table({"it's a `name`": [2], "v": [1]}))
    made = lk.publish.ddl(open_table(folder), "spark", name="o'hare")
    assert made.statements[0].startswith("CREATE TABLE `o'hare` (\n  `it's a ``name``` bigint,")
    assert any("'v' is int64 in 1 file" in text and "fail, in lakekit too" in text for text in made.warnings)


def test_a_column_in_conflict_fails_in_plain_duckdb_only_where_it_is_asked_for(folder):
    folder.put("t/a.parquet", pa.table({"v": [1], "x": [1]}))
    folder.put("t/b.parquet", pa.table({"v": ["text"], "x": [2]}))
    con = duckdb.connect()
    con.execute(lk.publish.ddl(open_table(folder), "duckdb").statements[0])
    assert con.sql("SELECT sum(x) FROM t").fetchall() == [(3,)]
    with pytest.raises(duckdb.Error, match="TypeConflict: v is of another type in .*.parquet"):
        con.sql("SELECT v FROM t").fetchall()


def test_a_backslash_in_a_folder_does_not_end_a_text_of_redshift(folder):
    """Redshift reads a backslash and a quote as a quote: what follows in the name would be SQL."""
    folder.put("t/k=\\'; DROP TABLE q; --/a.parquet", pa.table({"x": [1]}))
    add = lk.publish.ddl(open_table(folder), "redshift").statements[1]
    assert r"""PARTITION ("k" = '\\''; DROP TABLE q; --') LOCATION '""" in add
    assert r"""/t/k=\\''; DROP TABLE q; --/'""" in add
