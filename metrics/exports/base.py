"""What an export format is, and what it is given: the selected figures of the store, as streams."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple, Protocol
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Selection:
    """Which figures: those of periods that begin in [start, end) and are over at `now`."""

    types: Sequence[str]
    periods: Sequence[str]
    entity_types: Sequence[str]
    start: datetime
    end: datetime
    now: datetime


@dataclass(frozen=True, slots=True)
class Setting:
    """Where the figures were made: zone and currency of the installation, and what its entities are called."""

    zone: ZoneInfo
    currency: str
    names: Mapping[tuple[str, int | None], str]


@lru_cache(maxsize=1024)
def local_iso(moment: datetime, zone: ZoneInfo) -> str:
    """Return `moment` as ISO 8601 in `zone`, with its offset."""
    return moment.astimezone(zone).isoformat()


class Row(NamedTuple):
    """One metric of one entity in one period. `value` is the JSON text of its `value_json`."""

    metric_type: str
    entity_type: str
    entity_id: int | None
    period: str
    timestamp: datetime
    value: str
    computed_at: datetime


class Sample(NamedTuple):
    """One number of a metric: `epoch_s` is the start of its period, `value` the number as text, without exponent."""

    entity_type: str
    entity_id: int | None
    period: str
    epoch_s: int
    value: str


class Figures(Protocol):
    """The selected figures. Every method streams: what has been yielded is not kept."""

    @property
    def selection(self) -> Selection:
        """What was asked for."""

    @property
    def setting(self) -> Setting:
        """Zone, currency and names."""

    def rows(self) -> Iterator[Row]:
        """Yield whole metrics by type and period, and in those by timestamp, entity type and entity id."""

    def keys(self, metric_type: str) -> list[str]:
        """Return the keys of `value_json` that selected rows of a type may have."""

    def samples(self, metric_type: str, key: str) -> Iterator[Sample]:
        """Yield the numbers under one key, null ones left out: by period, entity type, entity id, timestamp."""


class Exporter(Protocol):
    """A format. `description` is one line for --help."""

    description: str

    def write(self, figures: Figures) -> Iterator[str]:
        """Yield the document piece by piece, holding no more of it than a piece."""
