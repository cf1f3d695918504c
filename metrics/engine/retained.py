"""What outlives what it was made of: slots whose telemetry is dropped, days whose slots and hours are.

Nothing there is computed from what is gone. Where a miner's telemetry has been dropped its slots are the floor: they
and the percentiles of its hours stay, a slot with one price is priced anew from its joules, its hashes are valued
anew, and longer periods are merged from slots as ever. Where slots and hours have been dropped, days are the floor: they and their percentiles stay
as they are, and sites, the system, weeks and months are merged from them as ever. docs/adr/0008 says why.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from itertools import pairwise
from typing import Any

from django.db import connection
from django.db.backends.utils import CursorWrapper
from django.db.models import F

from energy.points import ceil_to_slot, floor_to_slot
from hmm.lib.buckets import Bucket
from metrics.engine.slots import SEGMENT, SPAN, SlotWindow, slot_params
from metrics.engine.valued import read_valued
from metrics.engine.worth import WORTH
from metrics.models import StoreForm
from metrics.store.columns import JOULES_PER_KWH
from metrics.store.kept import Batch
from miners.models import DroppedTelemetry
from miners.telemetry.packed.reading import NEVER_PACKED

# Stored seconds and joules of power are those that have a price, where one price holds for all of the slot.
REPRICE = f"""
UPDATE metrics_rollup r
SET priced_s = CASE WHEN seg.pence IS NOT NULL THEN r.power_s END,
    priced_j = CASE WHEN seg.pence IS NOT NULL THEN r.energy_j END,
    cost_pence = r.energy_j * seg.pence / {JOULES_PER_KWH}.0,
    computed_at = %(now)s
FROM {SPAN} JOIN {SEGMENT} ON seg.tariff_id = span.tariff_id AND seg.end_s - seg.start_s = %(slot_s)s
WHERE r.period = 'slot' AND r.entity_type = 'miner' AND r.entity_id = span.miner_id
  AND r.entity_id = ANY(%(miner_ids)s) AND r.elapsed_s = %(slot_s)s
  AND r.timestamp >= %(low)s AND r.timestamp < %(high)s
  AND r.timestamp >= to_timestamp(span.start_s) AND r.timestamp < to_timestamp(span.end_s)
  AND r.timestamp = to_timestamp(%(origin_s)s + seg.n * %(slot_s)s)
  AND r.cost_pence IS DISTINCT FROM r.energy_j * seg.pence / {JOULES_PER_KWH}.0
"""

REVALUE = f"""
UPDATE metrics_rollup r
SET expected_s = r.hashrate_s, expected_btc = r.hashes_gh * worth.btc_per_gh,
    revenue_s = CASE WHEN worth.pence_per_btc IS NOT NULL THEN r.hashrate_s END,
    revenue_pence = r.hashes_gh * worth.btc_per_gh * worth.pence_per_btc,
    computed_at = %(now)s
FROM {WORTH}
WHERE r.period = 'slot' AND r.entity_type = 'miner' AND r.entity_id = ANY(%(miner_ids)s) AND r.elapsed_s = %(slot_s)s
  AND r.timestamp >= %(low)s AND r.timestamp < %(high)s
  AND r.timestamp = to_timestamp(%(origin_s)s + worth.worth_n * %(slot_s)s)
  AND (r.expected_btc, r.revenue_pence) IS DISTINCT FROM
      (r.hashes_gh * worth.btc_per_gh, r.hashes_gh * worth.btc_per_gh * worth.pence_per_btc)
"""

READ = f"""
SELECT form.slots_from, form.zone_from, dropped.miner_id, dropped.start, dropped."end"
FROM (SELECT) AS one_row_at_least
LEFT JOIN {StoreForm._meta.db_table} form ON TRUE
LEFT JOIN {DroppedTelemetry._meta.db_table} dropped ON dropped.miner_id = ANY(%s)
"""

STORED_LENGTHS = """
SELECT DISTINCT elapsed_s FROM metrics_rollup
WHERE period = 'slot' AND entity_type = 'miner' AND entity_id = ANY(%s) AND timestamp >= %s AND timestamp < %s
"""

WITH_A_DAY = """
SELECT DISTINCT entity_id FROM metrics_rollup
WHERE period = 'daily' AND entity_type = 'miner' AND entity_id = ANY(%s) AND timestamp >= %s AND timestamp < %s
"""


MADE_OF_DROPPED = ("hourly", "daily")


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of time, and which of the miners have all telemetry there that they ever had.

    `is_below_slots`: slots and hours of that time have been dropped.
    """

    start: datetime
    end: datetime
    told: list[int]
    retained: list[int]
    is_below_slots: bool


@dataclass(frozen=True, slots=True)
class Floors:
    """From when until when each miner's telemetry is dropped, whole UTC days, and up to when slots and hours are."""

    telemetry: Mapping[int, tuple[datetime, datetime]]
    slots: datetime | None
    zone: datetime | None = None
    """What is stored before is merged in an earlier time zone, and stays as it is."""

    def parts(self, start: datetime, end: datetime, miner_ids: Sequence[int]) -> list[Part]:
        """Cut [start, end), as far as it is in this zone, where a floor begins or ends."""
        edges = {edge for m in miner_ids for edge in self.telemetry.get(m, ())} | {self.slots or start}
        start = max(start, self.zone or start)
        inside = sorted(edge for edge in edges if start < edge < end)
        return [self._part(a, b, miner_ids) for a, b in pairwise([start, *inside, end]) if a < b]

    def _part(self, start: datetime, end: datetime, miner_ids: Sequence[int]) -> Part:
        gone = self._dropped(start, end, miner_ids)
        told = [m for m in miner_ids if m not in gone]
        return Part(start, end, told, sorted(gone), self.slots is not None and end <= self.slots)

    def _dropped(self, start: datetime, end: datetime, miner_ids: Iterable[int]) -> set[int]:
        found = ((m, self.telemetry[m]) for m in miner_ids if m in self.telemetry)
        return {m for m, (since, until) in found if since < end and until > start}

    def hours_kept(self, hours: Iterable[Bucket], miner_ids: Sequence[int]) -> list[Bucket]:
        """Return those of `hours` of which some of what these miners told has been dropped."""
        return [h for h in hours if self._dropped(h.start, h.end, miner_ids)]

    def in_this_zone(self, found: Iterable[Bucket]) -> list[Bucket]:
        """Return those of `found` that no earlier zone's figures overlap."""
        return [b for b in found if self.zone is None or b.start >= self.zone]

    def across(self, days: Iterable[Bucket]) -> list[Bucket]:
        """Return that one of `days`, if any, within which slots begin to be kept."""
        return [day for day in days if self.slots is not None and day.start < self.slots < day.end]

    def made_anew(self, period: str, found: Sequence[Bucket]) -> list[Bucket]:
        """Return those of `found` whose miners' rows can be: not one of what they are made of has been dropped."""
        if self.slots is None or period not in MADE_OF_DROPPED:
            return list(found)
        return [b for b in found if b.start >= self.slots]


NO_FLOORS = Floors({}, None)


def read_floors(miner_ids: Sequence[int], start: datetime, now: datetime) -> Floors:
    """Return the floors of these miners for computing from `start` on: none, and no query, where that is recent."""
    if start >= now - NEVER_PACKED:
        return NO_FLOORS
    with connection.cursor() as cursor:
        cursor.execute(READ, [list(miner_ids)])
        found = cursor.fetchall()
    slots, zone = found[0][:2]
    return Floors({m: (since, until) for _, _, m, since, until in found if m is not None}, slots, zone)


def leave_before_slots() -> datetime | None:
    """Have everything that began before the oldest slots stay in the zone that it is merged in; return when that is."""
    StoreForm.objects.update(zone_from=F("slots_from"))
    return StoreForm.objects.values_list("slots_from", flat=True).first()


def without_days(miner_ids: Sequence[int], start: datetime, end: datetime) -> list[int]:
    """Return those of the miners that have no row of a day which begins in [start, end)."""
    with connection.cursor() as cursor:
        cursor.execute(WITH_A_DAY, [list(miner_ids), start, end])
        known = {miner_id for (miner_id,) in cursor.fetchall()}
    return [m for m in miner_ids if m not in known]


def reprice(window: SlotWindow, now: datetime, batch: Batch) -> None:
    """Price the stored slots of `window` anew, those that have one price each, and value the hashes of all anew.

    They may be longer than slots are cut now: finer ones than there were are not made of them.
    """
    for slot_s in _stored_lengths(window):
        start, end = floor_to_slot(window.start, slot_s), ceil_to_slot(window.end, slot_s)
        as_stored = replace(window, start=start, end=end, slot_s=slot_s)
        valued = read_valued(as_stored)
        params: dict[str, Any] = slot_params(as_stored, valued.prices_between, valued.coins_between)
        params |= {"now": now, "low": window.start, "high": window.end}
        batch.at_once(partial(_reprice, params=params))


def _stored_lengths(window: SlotWindow) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(STORED_LENGTHS, [list(window.miner_ids), window.start, window.end])
        return [slot_s for (slot_s,) in cursor.fetchall()]


def _reprice(cursor: CursorWrapper, params: dict[str, Any]) -> int:
    cursor.execute(REPRICE, params)
    repriced = int(cursor.rowcount)
    cursor.execute(REVALUE, params)
    return repriced + int(cursor.rowcount)
