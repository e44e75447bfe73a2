"""The panels that are shown in a browser: a line for each."""

from dataclasses import dataclass

FLIGHTS = """
import datetime, polars as pl
flights = lk.open_table(lk.sample_folder() / "lake" / "flights")
days = flights.files["path"].to_list()[::-1]
reads = pl.DataFrame({"path": [day for age, day in enumerate(days) for _ in range(60 // (age + 1) ** 2)]})
reads = reads.with_columns(read_at=pl.lit(datetime.datetime(2099, 12, 1)) + pl.duration(minutes=pl.int_range(pl.len())))
heat = lk.tiering.heat(flights, reads, as_of="2100-01-01").resize(size_bytes=3 * lk.TIB, files=12_288)
"""


@dataclass(frozen=True)
class Shown:
    """A panel in a notebook.

    Attributes:
        name: its class.
        make: Python that makes it, an expression.
        slider: the label of the slider that is moved.
        keys: what is pressed there, in the light theme and then in the dark one.
        before: Python that comes first.
    """

    name: str
    make: str
    slider: str
    keys: tuple[str, str] = ("ArrowRight", "ArrowRight")
    before: str = ""

    @property
    def code(self) -> str:
        """The cell."""
        return f"import lakekit as lk\n{self.before}\nlk.widgets.{self.make}"


PANELS = (
    Shown("LakeExplorer", "LakeExplorer(lk.open_lake(lk.sample_folder() / 'lake'), table='flights', colour='bytes')",
          "partition"),
    Shown("TieringPanel", "TieringPanel(flights, heat)", "reads a month", ("End", "Home"), FLIGHTS),
    Shown("IngestionPanel", "IngestionPanel()", "records a second"),
    Shown("TransferPanel", "TransferPanel()", "TB"),
    Shown("DynamoDBPanel", "DynamoDBPanel()", "writes a second", ("PageUp", "PageUp")),
    Shown("FileSizePanel", "FileSizePanel()", "latency, ms"),
)  # fmt: skip
