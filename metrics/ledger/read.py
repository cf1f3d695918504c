"""The ledger of a day, from the store's slot rows: read, never computed."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from hmm.lib.buckets import Bucket
from hmm.lib.local_times import local_day
from metrics.ledger.asked import LedgerAsked
from metrics.ledger.lines import Amounts, LedgerLine, amounts_of, lines_of, lines_of_miners, with_gaps
from metrics.query import MetricRow, get_metric, metrics_in_range, prepared_state
from metrics.query.by_name import Place, SlotsByName
from metrics.query.questions.whom import miner_id as id_of_miner
from miners.models import Miner

ON_A_PAGE = 50
IN_A_PIECE = 5000
"""How many lines a file is read in at a time."""

ALL_TOGETHER = "All miners"


@dataclass(frozen=True, slots=True)
class Total:
    """What the store says of the whole day; the standing charge is beside the cost, null where it is not known."""

    amounts: Amounts
    miners: int | None
    standing_charge: float | None
    start: datetime


@dataclass(frozen=True, slots=True)
class Ledger:
    """One page of a day; `name` says whose it is, `page_before` and `next_page` are None where there is none."""

    asked: LedgerAsked
    day: Bucket
    slot_count: int
    miner_id: int | None
    name: str
    lines: list[LedgerLine]
    total: Total | None
    page_before: LedgerAsked | None
    next_page: LedgerAsked | None


class LedgerReader:
    """Reads what `asked` asks for at `now`. Raises Refused for a miner that there is not, and NotComputedYet."""

    def __init__(self, asked: LedgerAsked, now: datetime, zone: ZoneInfo, currency: str) -> None:
        self.asked, self.now, self.zone, self.currency = asked, now, zone, currency
        self.day = local_day(asked.day, zone)
        self.miner_id = id_of_miner(asked.miner) if asked.miner else None
        self.slots = prepared_state("slot", self.day.start, self.day.end, now).cut.buckets(
            "slot", self.day.start, self.day.end
        )
        self.name = _name(self.miner_id) if self.miner_id else ALL_TOGETHER

    def page(self) -> Ledger:
        """Return the page. The queries are as many however many miners there are."""
        asked = self.asked
        lines, after = self._some(asked.after, ON_A_PAGE) if asked.is_of_each else (self._whole(), None)
        if all(line.is_missing for line in lines):
            lines = []
        return Ledger(
            asked,
            self.day,
            len(self.slots),
            self.miner_id,
            self.name,
            lines,
            self._total(),
            self._page_before(),
            asked.behind(after) if after else None,
        )

    def lines(self) -> Iterator[LedgerLine]:
        """Return the lines of all pages; the first are read at once, so that a refusal comes before any is sent."""
        if not self.asked.is_of_each:
            return iter(self._whole())
        return self._from(*self._some(None, IN_A_PIECE))

    def _from(self, lines: list[LedgerLine], after: Place | None) -> Iterator[LedgerLine]:
        """Yield these lines, and all behind `after`."""
        yield from lines
        while after is not None:
            lines, after = self._some(after, IN_A_PIECE)
            yield from lines

    @property
    def _whom(self) -> dict[str, Any]:
        if self.miner_id:
            return {"entity_type": "miner", "entity_id": self.miner_id}
        return {"entity_type": "system"}

    def _some(self, after: Place | None, limit: int) -> tuple[list[LedgerLine], Place | None]:
        """Return at most `limit` lines of single miners from behind `after`, and what the next ones are behind."""
        rows = self._slots_by_name.page(after, limit + 1)
        lines = lines_of_miners(rows[:limit], self._slots_by_start, self.currency)
        return lines, rows[limit - 1].place if len(rows) > limit else None

    def _page_before(self) -> LedgerAsked | None:
        if self.asked.after is None or not self.asked.is_of_each:
            return None
        return self.asked.behind(self._slots_by_name.back(self.asked.after, ON_A_PAGE))

    @cached_property
    def _slots_by_name(self) -> SlotsByName:
        return SlotsByName(("energy_cost", "earnings"), self.day.start, self.day.end, self.now)

    def _whole(self) -> list[LedgerLine]:
        """Return every slot of the day that has begun, of one miner or of all together."""
        energy = self._rows("energy_cost", **self._whom)
        earnings = self._rows("earnings", **self._whom)
        lines = lines_of(energy, earnings, self._slots_by_start, self.name, self.currency)
        return with_gaps(lines, self.slots, self.miner_id, self.name, self.now)

    @property
    def _slots_by_start(self) -> dict[datetime, Bucket]:
        return {slot.start: slot for slot in self.slots}

    def _rows(self, metric_type: str, **whose: Any) -> list[MetricRow]:
        return metrics_in_range(
            metric_type=metric_type,
            period="slot",
            start=self.day.start,
            end=self.day.end,
            now=self.now,
            **whose,
        )

    def _total(self) -> Total | None:
        if self.day.start > self.now:
            return None
        energy, earnings = (
            get_metric(metric_type=name, period="daily", timestamp=self.day.start, now=self.now, **self._whom)
            for name in ("energy_cost", "earnings")
        )
        if energy is None:
            return None
        value = energy.value_json
        return Total(
            amounts_of(value, earnings.value_json if earnings else {}, self.currency),
            value.get("miner_count"),
            value.get(f"standing_charge_{self.currency.lower()}"),
            energy.timestamp,
        )


def _name(miner_id: int) -> str:
    return Miner.objects.values_list("name", flat=True).get(pk=miner_id)
