"""Figures that no database holds, for tests of the formats alone."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from metrics.exports.base import Row, Sample, Selection, Setting

START = datetime(2025, 6, 11, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)
SELECTION = Selection(["energy_cost"], ["hourly"], ["miner"], START, START + HOUR, START + 2 * HOUR)


def setting(name: str = "bench") -> Setting:
    """Return an installation in London whose miner 1 has this name."""
    return Setting(ZoneInfo("Europe/London"), "GBP", {("miner", 1): name})


@dataclass
class MadeUp:
    """So many hours of miner 1, each of 3 kWh."""

    hours: int = 1
    setting: Setting = field(default_factory=setting)
    selection: Selection = SELECTION

    def rows(self) -> Iterator[Row]:
        for n in range(self.hours):
            yield Row("energy_cost", "miner", 1, "hourly", START + n * HOUR, f'{{"kwh": 3, "n": {n}}}', START)

    def keys(self, metric_type: str) -> list[str]:
        return ["kwh", "n"]

    def samples(self, metric_type: str, key: str) -> Iterator[Sample]:
        for n in range(self.hours):
            yield Sample("miner", 1, "hourly", int(START.timestamp()) + 3600 * n, "3.5")
