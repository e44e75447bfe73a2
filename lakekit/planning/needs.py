"""What someone wants to bring into the lake, said in the words of who has the data.

It must not know tools.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from lakekit.arguments import require_choice, require_number
from lakekit.units import GIB, KIB

KINDS = {
    "events": "records that programs or devices send",
    "kafka": "records of programs that speak Kafka already",
    "files": "files that exist somewhere",
    "partner-files": "files that others send by SFTP",
    "database": "tables of a database",
    "media": "video or audio",
    "tasks": "messages that one worker each takes and finishes",
}
FORMATS = ("json", "csv", "avro", "parquet", "orc", "text", "binary")
CONTINUOUS_S = 0


@dataclass(frozen=True)
class IngestNeed:
    """What is to come into the lake.

    Attributes:
        kind: one of "events", "kafka", "files", "partner-files", "database", "media", "tasks".
        latency_s: how long after its arrival the data must be there to query: 0.2 for dashboards, 86,400 for next day.
        bytes_per_day: how much arrives in a day; for "files" and "database" that move once, how much there is.
        record_bytes: the size of one record.
        arrives_every_s: how often something arrives; 0 for continuously.
        data_format: "json", "csv", "avro", "parquet", "orc", "text" or "binary".
        replay_hours: for how long consumers must be able to read the same again; 0 for not at all.
        consumers: programs that each read everything.
        needs_state: windows, joins or running totals over the stream.
        stays_in_sync: the source goes on changing, and the lake follows; else it is moved once.
        on_premises: the data lies outside of AWS.
        keeps_local_access: programs on premises go on using it through NFS or SMB.
        bits_per_s: the link from there; 1 Gbit/s is 1e9.
        deadline_days: when what exists must be there; None for whenever.

    Example:
        >>> IngestNeed("events", latency_s=60, bytes_per_day=86_400 * 1024).records_per_s
        1.0
    """

    kind: str
    latency_s: float
    bytes_per_day: float = GIB
    record_bytes: float = field(default=KIB, kw_only=True)
    arrives_every_s: float = field(default=CONTINUOUS_S, kw_only=True)
    data_format: str = field(default="json", kw_only=True)
    replay_hours: float = field(default=0, kw_only=True)
    consumers: int = field(default=1, kw_only=True)
    needs_state: bool = field(default=False, kw_only=True)
    stays_in_sync: bool = field(default=True, kw_only=True)
    on_premises: bool = field(default=False, kw_only=True)
    keeps_local_access: bool = field(default=False, kw_only=True)
    bits_per_s: float = field(default=1e9, kw_only=True)
    deadline_days: float | None = field(default=None, kw_only=True)

    def __post_init__(self):
        require_choice("kind", self.kind, KINDS)
        require_choice("data_format", self.data_format, FORMATS)
        require_number("latency_s", self.latency_s, above=0)
        require_number("bytes_per_day", self.bytes_per_day, above=0)
        require_number("record_bytes", self.record_bytes, above=0)
        require_number("arrives_every_s", self.arrives_every_s)
        require_number("replay_hours", self.replay_hours, most=8760)
        require_number("consumers", self.consumers, at_least=1)
        require_number("bits_per_s", self.bits_per_s, above=0)
        if self.deadline_days is not None:
            require_number("deadline_days", self.deadline_days, above=0)

    @property
    def bytes_per_s(self) -> float:
        """The average rate."""
        return self.bytes_per_day / 86_400

    @property
    def records_per_s(self) -> float:
        """The average number of records in a second."""
        return self.bytes_per_s / self.record_bytes

    @property
    def is_stream(self) -> bool:
        """Whether records arrive, rather than files or tables."""
        return self.kind in ("events", "kafka", "tasks")
