"""Explain an average power: what the store has is energy, which a page divides by the time."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from hmm.lib.units import UNKNOWN
from metrics.explain.account import Account
from metrics.explain.build import explanation
from metrics.explain.figure import FigureRef, explain_address, explained, id_in, times_in, written
from metrics.query import Refused
from metrics.query.words import check_word, check_words
from metrics.store.columns import JOULES_PER_KWH
from metrics.templatetags.hmm_format import decimal, power

ENERGY = {"miner": "kwh", "site": "total_kwh", "system": "total_kwh"}
"""By kind of entity: the key of its energy."""


OF_ALL_TIME = (
    "The energy of this time over all of its seconds, measured or not, as the average hashrate of all is their hashes "
    "over all of the time."
)
OF_MEASURED_TIME = "The energy of this time over the seconds of it that were measured."


@dataclass(frozen=True, slots=True)
class AveragePowerRef:
    """The average power of an entity from `start` to `end`, whole hours, over all of that time.

    Without an `end` that of the `period` which begins at `start`, over the time that was measured.
    """

    entity_type: str
    entity_id: int | None
    start: datetime
    end: datetime | None = None
    period: str = "hourly"

    @property
    def url(self) -> str:
        """The address of its explanation."""
        when = (
            f"from={written(self.start)}&to={written(self.end)}" if self.end else f"at={written(self.start)}"
        )
        return f"{self.what}&{when}"

    @property
    def what(self) -> str:
        """The address but for the time."""
        one = f"&entity_id={self.entity_id}" if self.entity_id is not None else ""
        whose = f"entity_type={self.entity_type}{one}&period={self.period}"
        return f"{explain_address()}?formed=power&{whose}"

    @property
    def anchor(self) -> str:
        """The id of its link."""
        start = f"{self.start.astimezone(UTC):%Y%m%dT%H%M}"
        return f"figure-average-power-{self.entity_type}-{self.entity_id or 'all'}-{start}"

    @property
    def energy(self) -> FigureRef:
        """The figure of the store that it is formed of."""
        key = ENERGY[self.entity_type]
        return FigureRef(
            "energy_cost", key, self.entity_type, self.entity_id, self.period, self.start, self.end
        )


def average_power_ref(given: Mapping[str, str], zone: ZoneInfo) -> AveragePowerRef:
    """Return the average power that an address asks for. Raises Refused naming what is wrong with it."""
    entity_type = given.get("entity_type", "")
    check_word("entity_type", entity_type, list(ENERGY))
    entity_id = id_in("entity_id", given.get("entity_id", "")) if entity_type != "system" else None
    start, end = times_in(given, zone)
    period = given.get("period", "hourly")
    check_words("energy_cost", period, entity_type)
    if end is None and entity_type != "miner":
        raise Refused("from", "is needed, and to: of the time that was measured it is told of a miner alone")
    return AveragePowerRef(entity_type, entity_id, start, end, period)


def average_power_account(ref: AveragePowerRef, now: datetime, zone: ZoneInfo, currency: str) -> Account:
    """Return the explanation, which is that of the energy and how it is divided. Raises NotComputedYet, NotThere."""
    energy = explanation(ref.energy, now, zone, currency)
    seconds = (ref.end - ref.start).total_seconds() if ref.end else energy.measured_s
    kwh = energy.value if isinstance(energy.value, int | float) else None
    power_w = kwh * JOULES_PER_KWH / seconds if kwh is not None and seconds else None
    return Account(
        title="Average power",
        whose=energy.whose,
        text=power(power_w),
        when=energy.period,
        definition=OF_ALL_TIME if ref.end else OF_MEASURED_TIME,
        notice="" if energy.is_known else "There is no figure: nothing was measured in this time.",
        pairs=[
            ("Formula", "W = kWh × 3,600,000 ÷ s"),
            ("Energy", explained(energy.text, ref.energy)),
            ("Time", f"{decimal(seconds, 0)} s"),
            ("Exactly", UNKNOWN if power_w is None else f"{power_w!r} W"),
            ("Measured", f"{energy.coverage} of the time, by {energy.records:,} readings"),
        ],
        tables=energy.tables,
        command=energy.command,
        command_words="To compute it again",
        url=ref.url,
    )
