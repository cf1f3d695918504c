"""What the page of one miner needs from the database."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from hmm.lib.buckets import DEFAULT_SLOT_S, bucket_at
from hmm.lib.times import local_midnight
from metrics.miner_page.health import Day
from metrics.miner_page.money import AMOUNTS, first_start
from metrics.miner_page.series import QUANTITIES, SPANS, Line, line_of_figures, line_of_readings
from metrics.query import MetricRow, metrics_in_range, miner_metrics
from miners.models import Command, LatestReading, Miner, MinerState, StateChange
from miners.telemetry.read import rows_between

EVENTS_SHOWN = 12
MOST_MARKS = 60


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to the miner: when, what, why, and for how long it stayed so."""

    at: datetime
    what: str
    why: str
    tone: str
    lasted: timedelta | None


TONES = {
    MinerState.ONLINE: "good",
    MinerState.UNREACHABLE: "bad",
    MinerState.OFFLINE: "warn",
    MinerState.MAINTENANCE: "muted",
    MinerState.NEW: "muted",
}


def find_miner(miner_id: int) -> Miner:
    """Return the miner with its site, model and latest reading. One query. Raises Miner.DoesNotExist."""
    return Miner.objects.select_related("site", "model", "latest").get(pk=miner_id)


def latest_of(miner: Miner) -> LatestReading | None:
    """Return its latest reading; None where there never was one."""
    found = getattr(miner, "latest", None)
    return found if found is not None and found.timestamp is not None else None


def figures(miner_id: int, now: datetime, zone: ZoneInfo) -> list[MetricRow]:
    """Return every metric of the days that a table of days shows. Raises NotComputedYet."""
    start = first_start("daily", now, zone)
    return miner_metrics(miner_id, period="daily", start=start, end=now, now=now)


def money_by(miner_id: int, period: str, now: datetime, zone: ZoneInfo) -> list[MetricRow]:
    """Return the amounts of the periods that a table of that length shows. Raises NotComputedYet."""
    start = first_start(period, now, zone)
    return miner_metrics(miner_id, period=period, start=start, end=now, types=AMOUNTS, now=now)


def today(miner_id: int, now: datetime, zone: ZoneInfo) -> list[MetricRow]:
    """Return every metric of the local day so far. Raises NotComputedYet."""
    midnight = local_midnight(now.astimezone(zone).date(), zone)
    return miner_metrics(miner_id, period="daily", start=midnight, end=now, now=now)


def day_so_far(rows: Sequence[MetricRow], now: datetime, zone: ZoneInfo) -> Day:
    """Return the local day of `now` among daily figures, without values where it has none."""
    start = local_midnight(now.astimezone(zone).date(), zone)
    return Day(start, {row.metric_type: row.value_json for row in rows if row.timestamp == start})


def line(miner_id: int, quantity: str, span: str, now: datetime, zone: ZoneInfo) -> Line:
    """Return a chart's line. Raises KeyError for another quantity or span, and NotComputedYet."""
    what, back = QUANTITIES[quantity], SPANS[span]
    if back.period is None:
        return line_of_readings(what, rows_between(miner_id, now - back.length, now))
    rows = metrics_in_range(
        metric_type=what.metric_type,
        period=back.period,
        start=bucket_at(back.period, now - back.length, zone, DEFAULT_SLOT_S).start,
        end=now,
        entity_type="miner",
        entity_id=miner_id,
        now=now,
    )
    return line_of_figures(what, back, rows, now, zone)


def marks(miner_id: int, start: datetime) -> list[tuple[datetime, str]]:
    """Return what happened to the miner and what it was told since `start`, in order. Two queries.

    Where there is much, the last of it.
    """
    changes = StateChange.objects.filter(miner_id=miner_id, at__gte=start).order_by("-at")[:MOST_MARKS]
    orders = Command.objects.filter(miner_id=miner_id, asked_at__gte=start).order_by("-asked_at")[:MOST_MARKS]
    return sorted(
        [(change.at, change.get_state_display()) for change in changes]
        + [(order.asked_at, f"{order.get_kind_display()}: {order.get_status_display()}") for order in orders]
    )


def events(miner_id: int) -> list[Event]:
    """Return the latest changes of its state, the newest first. One query."""
    found = list(StateChange.objects.filter(miner_id=miner_id).order_by("-at")[: EVENTS_SHOWN + 1])
    ends = [None, *(change.at for change in found)]
    return [
        Event(
            change.at,
            change.get_state_display(),
            change.reason,
            TONES[MinerState(change.state)],
            end - change.at if end else None,
        )
        for change, end in zip(found[:EVENTS_SHOWN], ends, strict=False)
    ]
