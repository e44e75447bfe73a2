"""Whatever a table holds, what is read back is what was written."""

import datetime as dt
import decimal
import shutil
import tempfile

import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import lakekit as lk

TEXT = st.text(st.characters(codec="utf-8"), max_size=8)
YEARS = (dt.datetime.fromisoformat("1700-01-01"), dt.datetime.fromisoformat("2200-01-01"))
KINDS = {
    pa.int8(): st.integers(-128, 127),
    pa.uint64(): st.integers(0, 2**64 - 1),
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.float32(): st.floats(width=32, allow_nan=False),
    pa.float64(): st.floats(allow_nan=False),
    pa.bool_(): st.booleans(),
    pa.string(): TEXT,
    pa.binary(): st.binary(max_size=8),
    pa.date32(): st.dates(),
    pa.timestamp("us"): st.datetimes(*YEARS),
    pa.timestamp("us", "UTC"): st.datetimes(*YEARS, timezones=st.just(dt.UTC)),
    pa.decimal128(12, 3): st.decimals(-(10**8), 10**8, places=3).map(
        lambda one: one.quantize(decimal.Decimal("0.001"))
    ),
    pa.list_(pa.int64()): st.lists(st.one_of(st.none(), st.integers(-5, 5)), max_size=3),
    pa.struct([("a", pa.int64()), ("b", pa.string())]): st.fixed_dictionaries({"a": st.integers(-5, 5), "b": TEXT}),
}
KEY_VALUES = st.one_of(st.none(), TEXT.filter(lambda text: "\0" not in text and len(text.encode()) < 30))


@st.composite
def tables(draw) -> pa.Table:
    rows = draw(st.integers(1, 12))
    kinds = draw(st.lists(st.sampled_from(list(KINDS)), min_size=1, max_size=5))
    columns = {"id": pa.array(range(rows), pa.int64())}
    columns["key"] = pa.array([draw(KEY_VALUES) for _ in range(rows)], pa.string())
    for number, kind in enumerate(kinds):
        values = [draw(st.one_of(st.none(), KINDS[kind])) for _ in range(rows)]
        columns[f"c{number}"] = pa.array(values, kind)
    return pa.table(columns)


@settings(max_examples=40, suppress_health_check=list(HealthCheck))
@given(rows=tables(), is_parted=st.booleans(), is_sorted=st.booleans())
def test_any_table_is_read_back_as_it_was_written(rows, is_parted, is_sorted):
    folder = tempfile.mkdtemp()
    try:
        options = {"partition_by": "key"} if is_parted else {}
        done = lk.ingest.write_batch(rows, folder, batch_id="x", sort_by="key" if is_sorted else (), **options)
        assert (done.rows, done.quarantined) == (rows.num_rows, 0)
        table = lk.open_table(folder, partitions={"key": "string"} if is_parted else None)
        found = table.arrow().read_all().select(rows.column_names).sort_by("id")
        assert found.schema.equals(rows.schema)
        assert found.to_pylist() == rows.to_pylist()
    finally:
        shutil.rmtree(folder)
