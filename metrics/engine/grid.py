"""How time is cut in this installation: its zone, and how long slots are since when."""

from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

from django.db import connection

from energy.models import Tariff
from hmm.installation import installation
from hmm.lib.buckets import Bucket, bucket_at, buckets, slot_length_s
from hmm.replica.route import use_primary
from metrics.models import SlotGrid

BEGINNING = datetime(2009, 1, 3, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Grid:
    """The zone, and the (since, slot_s) steps in order; the first holds for all time before it too."""

    zone: ZoneInfo
    steps: tuple[tuple[datetime, int], ...]

    def slot_s(self, moment: datetime) -> int:
        """Return the length of the slot that holds `moment`, in seconds."""
        return next((s for since, s in reversed(self.steps) if since <= moment), self.steps[0][1])

    def buckets(self, period: str, start: datetime, end: datetime) -> list[Bucket]:
        """Return the buckets of `period` that overlap [start, end)."""
        if period != "slot":
            return buckets(period, start, end, self.zone, 0)
        return [b for a, e, s in self.spans(start, end) for b in buckets("slot", a, e, self.zone, s)]

    def bucket_at(self, period: str, moment: datetime) -> Bucket:
        """Return the bucket of `period` that holds `moment`."""
        return bucket_at(period, moment, self.zone, self.slot_s(moment))

    def last_boundary(self, period: str, moment: datetime) -> datetime:
        """Return the end of the last bucket of `period` that is over at `moment`."""
        return self.bucket_at(period, moment).start

    def spans(self, start: datetime, end: datetime) -> list[tuple[datetime, datetime, int]]:
        """Cut [start, end) where the length of slots changes: (from, to, slot_s)."""
        edges = [start, *(since for since, _ in self.steps[1:] if start < since < end), end]
        return [(a, b, self.slot_s(a)) for a, b in pairwise(edges) if a < b]


def grid(now: datetime) -> Grid:
    """Return the installation's grid, made finer from the next local midnight on where a tariff needs it."""
    use_primary()  # it may have to be changed by what it is
    zone = installation().zone
    steps = list(SlotGrid.objects.order_by("start").values_list("start", "slot_s"))
    wanted = slot_length_s(zone, tariff_slots_s(), now)
    if not steps or wanted < steps[-1][1]:
        steps = _refine(steps, wanted, zone, now)
    return Grid(zone, tuple(steps))


def tariff_slots_s() -> list[int]:
    """Return the different lengths of the tariffs' slots, in seconds."""
    return list(Tariff.objects.values_list("slot_s", flat=True).distinct())


def _refine(
    steps: list[tuple[datetime, int]], wanted: int, zone: ZoneInfo, now: datetime
) -> list[tuple[datetime, int]]:
    if not steps or not _any_slots():
        SlotGrid.objects.all().delete()
        steps, since = [], BEGINNING
    else:
        since = bucket_at("daily", now, zone, wanted).end
    SlotGrid.objects.update_or_create(start=since, defaults={"slot_s": wanted})
    return [*(s for s in steps if s[0] < since), (since, wanted)]


def _any_slots() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM metrics_rollup WHERE period = 'slot')")
        return bool(cursor.fetchone()[0])


def day_after(moment: datetime, zone: ZoneInfo, days: int) -> datetime:
    """Return the local midnight `days` local days after the one that begins the day of `moment`."""
    start = bucket_at("daily", moment, zone, 0).start
    for _ in range(days):
        start = bucket_at("daily", start, zone, 0).end
    return start
