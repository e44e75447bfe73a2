"""The same rows have one fingerprint however they lie in memory; other rows, or another order, have another."""

import datetime as dt
import decimal

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakekit.ingest.fingerprint import Fingerprint
from lakekit.ingest.quarantine import BadRow

STRUCT = pa.struct([("a", pa.int8()), ("b", pa.list_(pa.string()))])
KINDS = {
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.bool_(): st.booleans(),
    pa.string(): st.text(max_size=5),
    pa.binary(): st.binary(max_size=5),
    pa.float64(): st.floats(allow_nan=False),
    pa.decimal128(6, 2): st.integers(-99_999, 99_999).map(lambda n: decimal.Decimal(n).scaleb(-2)),
    pa.timestamp("us", "UTC"): st.datetimes(dt.datetime(1970, 1, 1), dt.datetime(2100, 1, 1)),  # noqa: DTZ001
    pa.list_(pa.int16()): st.lists(st.one_of(st.none(), st.integers(-9, 9)), max_size=3),
    pa.map_(pa.string(), pa.int8()): st.dictionaries(st.text(max_size=2), st.integers(0, 9), max_size=2).map(
        lambda made: list(made.items())
    ),
    STRUCT: st.fixed_dictionaries(
        {"a": st.one_of(st.none(), st.integers(0, 9)), "b": st.one_of(st.none(), st.lists(st.text(max_size=2)))}
    ),
    pa.null(): st.none(),
}


def tell(rows: pa.Table, bad=()) -> str:
    content = Fingerprint()
    content.add(rows, bad)
    return content.tell()


def make(values, kind) -> pa.Table:
    return pa.table({"c": pa.array(values, kind)})


@pytest.mark.parametrize("kind", KINDS, ids=str)
@settings(max_examples=25)
@given(data=st.data())
def test_it_is_of_the_values_and_not_of_their_memory(kind, data):
    values = data.draw(st.lists(st.one_of(st.none(), KINDS[kind]), min_size=1, max_size=6))
    whole = make(values, kind)
    cut = data.draw(st.integers(0, len(values)))
    told = tell(whole)
    assert told == tell(pa.concat_tables([whole.slice(0, cut), whole.slice(cut)]))
    # behind others that are not taken, and with what other bytes lie under a NULL
    assert told == tell(make([*reversed(values), *values], kind).slice(len(values)))
    assert told == tell(whole.take(pa.array(range(len(values)))))
    assert told.startswith(f"{len(values)}-")


@pytest.mark.parametrize("kind", [kind for kind in KINDS if not pa.types.is_null(kind)], ids=str)
@settings(max_examples=25)
@given(data=st.data())
def test_other_values_have_another(kind, data):
    one, other = (data.draw(st.lists(st.one_of(st.none(), KINDS[kind]), max_size=4)) for _ in range(2))
    one, other = make(one, kind), make(other, kind)
    is_same = repr(one.to_pylist()) == repr(other.to_pylist())  # -0.0 is not 0.0 here
    assert (tell(one) == tell(other)) == is_same


def test_what_is_easily_taken_for_the_same_is_not():
    text, number = pa.string(), pa.int64()
    different = [
        make(["ab", "c"], text),
        make(["a", "bc"], text),
        make(["", None], text),
        make([None, ""], text),
        make([b"ab", b"c"], pa.binary()),
        make([[1], [2, 3]], pa.list_(number)),
        make([[1, 2], [3]], pa.list_(number)),
        make([[], None], pa.list_(number)),
        make([0, None], number),
        make([None, 0], number),
        make([0, 0], number),
        make([0, 0], pa.int32()),
        make([0, 0, 0], number),
        pa.table({"d": pa.array([0, 0], number)}),
        pa.table({"c": [0, 0], "d": [0, 0]}),
        make([], number),
    ]
    told = [tell(rows) for rows in different]
    bad = [BadRow("a", 1, "x", b"1")]
    told += [tell(make([0, 0], number), bad), tell(make([0, 0], number), bad * 2)]
    assert len(set(told)) == len(told) == 18
