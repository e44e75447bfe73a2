"""What a table stores: kinds of items with their sizes, and the sizes of their entries in each index.

It must not know how often they are read or written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lakekit.columns import exact_name
from lakekit.dynamodb import limits
from lakekit.dynamodb.design import TableDesign, check_item_in_table, get_entry_bytes
from lakekit.dynamodb.rows import as_item, is_table, measure_frame, read_frame
from lakekit.dynamodb.sizes import Sizes, make_sizes
from lakekit.dynamodb.units import check_number
from lakekit.errors import InvalidArgument

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Entry:
    """The entries that an entity has in one index.

    Attributes:
        sizes: of the entries, in bytes.
        share: of the items that are in the index, 0 to 1; below 1 for a sparse one.
    """

    sizes: Sizes
    share: float = 1.0


@dataclass(frozen=True)
class Entity:
    """One kind of item in a table.

    Attributes:
        name: such as "player".
        sizes: of its items, in bytes; a number will do.
        count: how many are stored.
        entries: by index; without one, an index is taken to hold whole items. `make_entity` measures them.
    """

    name: str
    sizes: Sizes
    count: float = 1
    entries: Mapping[str, Entry] = field(default_factory=dict)

    def __post_init__(self):
        object.__setattr__(self, "sizes", make_sizes(self.sizes))
        check_number("count", self.count)
        if self.sizes.largest_bytes > limits.ITEM_BYTES:
            raise InvalidArgument(
                f"The entity {self.name!r} has items of {self.sizes.largest_bytes:,} bytes.",
                hint=f"{limits.ITEM_BYTES:,} (400 KB) are the most; put what is large on S3 and keep its address.",
            )

    def entry(self, index: str) -> Entry:
        """Its entries in an index."""
        return self.entries.get(index, Entry(self.sizes))


def make_entity(name: str, items: Any, table: TableDesign, *, count: float | None = None) -> Entity:
    """An entity measured on a sample: its items, and their entries in each index of the table.

    Args:
        items: a list of items, or a table with one item in each row, where NULL is an absent attribute.
        count: how many are stored; by default as many as are in the sample.

    Raises:
        InvalidArgument: an item the table would refuse; names the attribute.

    Example:
        >>> games = TableDesign("games", "id")
        >>> make_entity("player", [{"id": 1, "name": "Ann"}, {"id": 2}], games, count=5000).sizes.mean_bytes
        7.5
    """
    if is_table(items):
        return _make_entity_of_frame(name, read_frame(items), table, count)
    items = list(items)
    if not items:
        raise InvalidArgument(f"The entity {name!r} has no items.", hint="one typical item is enough.")
    sizes = make_sizes([check_item_in_table(item, table).size_bytes for item in items])
    entries = {}
    for index in table.indexes:
        found = [size for item in items if (size := get_entry_bytes(item, index, table)) is not None]
        entries[index.name] = Entry(make_sizes(found or 0), len(found) / len(items))
    return Entity(name, sizes, len(items) if count is None else count, entries)


def _make_entity_of_frame(name: str, frame: pl.DataFrame, table: TableDesign, count: float | None) -> Entity:
    _check_frame(name, frame, table)
    sizes = measure_frame(frame)
    row = int(sizes.arg_max())
    if sizes[row] > limits.ITEM_BYTES:
        measured = {
            column: measure_frame(frame[row : row + 1].select(exact_name(column)))[0] for column in frame.columns
        }
        largest = max(measured, key=measured.get)
        raise InvalidArgument(
            f"Row {row} has {sizes[row]:,} bytes, {measured[largest]:,} of them in {largest!r}; "
            f"{limits.ITEM_BYTES:,} (400 KB) are the most.",
            hint="put what is large on S3 and keep its address.",
        )
    entries = {}
    for index in table.indexes:
        inside = (
            frame.drop_nulls([*map(exact_name, index.keys)]) if set(index.keys) <= set(frame.columns) else frame.clear()
        )
        if index.projection != "ALL":
            kept = {*table.keys, *index.keys, *index.include}
            inside = inside.select(exact_name(column) for column in inside.columns if column in kept)
        entry_sizes = make_sizes(measure_frame(inside).to_numpy() if inside.height else 0)
        entries[index.name] = Entry(entry_sizes, inside.height / frame.height)
    return Entity(name, make_sizes(sizes.to_numpy()), frame.height if count is None else count, entries)


def _check_frame(name: str, frame: pl.DataFrame, table: TableDesign) -> None:
    """Raises unless every row has the whole primary key, and keys are of a type and length that keys can have."""
    if not frame.height:
        raise InvalidArgument(f"The entity {name!r} has no rows.", hint="one typical item is enough.")
    for key in table.keys:
        if key not in frame.columns or frame[key].null_count():
            raise InvalidArgument(f"The key attribute {key!r} is missing in a row.", hint="every item has it.")
    keys = dict.fromkeys((*table.keys, *(key for index in table.indexes for key in index.keys)))
    for key in keys:
        present = frame.drop_nulls(exact_name(key)) if key in frame.columns else frame.clear()
        sizes = measure_frame(present.select(exact_name(key))).to_numpy() if present.height else []
        for row in {int(sizes.argmin()), int(sizes.argmax())} if len(sizes) else ():  # the shortest, and the longest
            check_item_in_table(as_item({name: present[name][row] for name in (*table.keys, key)}), table)
