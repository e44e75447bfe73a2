"""Random lives of Iceberg tables: after each change every engine reads what pyiceberg does, at every snapshot."""

import os
import random
from decimal import Decimal

import polars as pl
import pyarrow as pa
import pytest
from pyiceberg.types import DecimalType, DoubleType, FloatType, IntegerType, LongType, StringType

from tests.iceberg.places import IcebergPlace, sort_rows
from tests.manifest.places import make_place

ROUNDS = int(os.environ.get("LAKEKIT_TORTURE_ROUNDS", "2"))
NAMES = ["a", "b", "c", "d", "E", "f g", "h.i", "ä"]
KINDS = [IntegerType(), LongType(), FloatType(), DoubleType(), StringType(), DecimalType(6, 2)]


class Life:
    """One table, and a change of it by chance.

    Args:
        place: where.
        seed: of the chance.
    """

    def __init__(self, place, seed):
        self.chance = random.Random(seed)
        self.place = place
        self.table = place.create(pa.schema([("id", pa.int64()), ("k", pa.string()), ("a", pa.int32())]))
        self.next_id = 0

    def change(self):
        """What was done, in a word."""
        done = self.chance.choice([self.append] * 4 + [self.add, self.drop, self.rename, self.promote, self.move,
                                   self.respec, self.delete, self.overwrite])  # fmt: skip
        done()
        return done.__name__

    def rows(self):
        count = self.chance.randint(1, 4)
        schema = pa.schema([field.remove_metadata() for field in self.table.schema().as_arrow()])
        columns = {}
        for field in schema:
            columns[field.name] = [self.value(field.type) for _ in range(count)]
        columns["id"] = range(self.next_id, self.next_id + count)
        self.next_id += count
        return pa.table({name: pa.array(values, schema.field(name).type) for name, values in columns.items()})

    def value(self, kind):
        if self.chance.random() < 0.2:
            return None
        if pa.types.is_integer(kind):
            return self.chance.choice([0, 1, -5, 2**31 - 1])
        if pa.types.is_floating(kind):
            return self.chance.choice([0.5, -0.0, float("nan"), 1e30])
        if pa.types.is_decimal(kind):
            return Decimal(self.chance.choice(["0.00", "1.25", "-9999.99"]))
        return self.chance.choice(["x", "", "ß%/=", "x" * 40])

    def free(self):
        taken = {name.casefold() for name in self.table.schema().column_names}
        return self.chance.choice([name for name in NAMES if name.casefold() not in taken])

    def some(self):
        """A column that may change; None for none."""
        used = {field.source_id for field in self.table.spec().fields}
        found = [one for one in self.table.schema().fields if one.name != "id" and one.field_id not in used]
        return self.chance.choice(found) if found else None

    def append(self):
        self.table.append(self.rows())

    def overwrite(self):
        self.table.overwrite(self.rows())

    def delete(self):
        self.table.delete(f"id >= {self.chance.randint(0, self.next_id)}")

    def add(self):
        if len(self.table.schema().fields) < len(NAMES):
            self.table.update_schema().add_column((self.free(),), self.chance.choice(KINDS)).commit()

    def drop(self):
        if column := self.some():
            self.table.update_schema(allow_incompatible_changes=True).delete_column((column.name,)).commit()

    def rename(self):
        if column := self.some():
            self.table.update_schema().rename_column((column.name,), self.free()).commit()

    def promote(self):
        wider = {"int": LongType(), "float": DoubleType(), "decimal(6, 2)": DecimalType(20, 2)}
        column = self.some()
        if column is not None and str(column.field_type) in wider:
            self.table.update_schema().update_column((column.name,), wider[str(column.field_type)]).commit()

    def move(self):
        if column := self.some():
            self.table.update_schema().move_first((column.name,)).commit()

    def respec(self):
        fields = self.table.spec().fields
        with self.table.update_spec() as update:
            if fields:
                update.remove_field(fields[0].name)
            elif (column := self.some()) and str(column.field_type) not in ("float", "double"):
                update.add_identity(column.name)  # of floats pyiceberg finds no row of the partition of NaN


@pytest.mark.torture
@pytest.mark.parametrize("number", range(ROUNDS))
def test_every_snapshot_of_a_random_life_is_read_as_pyiceberg_reads_it(tmp_path, number):
    seed = number if ROUNDS < 10 else random.SystemRandom().randrange(10**9)
    print("seed", seed)
    life = Life(IcebergPlace(make_place("folder", tmp_path), tmp_path / "catalog"), seed)
    opened = life.place.open()
    for _ in range(10):
        what = life.change()
        opened.refresh()
        assert sort_rows(opened.polars().collect()).equals(life.place.scan()), what
    life.place.check_snapshots()
    found, expected = life.place.open(), life.place.scan()
    for field in found.schema:
        for value in expected[field.name].unique().to_list()[:4]:
            same = pl.col(field.name).eq_missing(value)
            assert found.polars().filter(same).collect().height == expected.filter(same).height, (field.name, value)
