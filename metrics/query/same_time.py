"""A day so far, beside the day before up to the same time of day."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from hmm.installation import installation
from hmm.lib.buckets import Bucket
from hmm.lib.times import local_midnight
from metrics.engine.state import State
from metrics.query.merge import Figure, merged_together
from metrics.query.merge_parts import Whom
from metrics.query.prepared import prepared_state


@dataclass(frozen=True, slots=True)
class SameTime:
    """Figures by metric type of the local day up to `until`, and of the day before up to that time of day.

    Both are made of whole stored hours, so that they can be compared; a day without figures is empty.
    """

    until: datetime
    today: Mapping[str, Figure]
    yesterday: Mapping[str, Figure]


def same_time_yesterday(types: Sequence[str], whom: Whom, now: datetime) -> SameTime | None:
    """Return today and yesterday up to the last stored hour; None in the first hour of a day.

    Two queries. Raises NotComputedYet.
    """
    zone = installation().zone
    since = local_midnight(now.astimezone(zone).date() - timedelta(days=1), zone)
    state = prepared_state("slot", since, now, now)
    stretches = comparable(now, zone, _stored_to(state, now))
    if stretches is None:
        return None
    found = {
        figures[types[0]].start: figures for figures in merged_together(types, whom, stretches, state, now)
    }
    yesterday, _, today = stretches
    return SameTime(today.end, found.get(today.start, {}), found.get(yesterday.start, {}))


def comparable(now: datetime, zone: ZoneInfo, stored_to: datetime) -> tuple[Bucket, Bucket, Bucket] | None:
    """Return yesterday up to the time of day that is stored of today, what is between, and today up to there.

    None where nothing of today is stored, or where a change of the clocks leaves nothing to compare with.
    """
    day = now.astimezone(zone).date()
    midnight, before = local_midnight(day, zone), local_midnight(day - timedelta(days=1), zone)
    wall = stored_to.astimezone(zone).replace(tzinfo=None) - timedelta(days=1)
    until = wall.replace(tzinfo=zone).astimezone(midnight.tzinfo)
    if not (midnight < stored_to and before < until < midnight):
        return None
    return Bucket(before, until), Bucket(until, midnight), Bucket(midnight, stored_to)


def _stored_to(state: State, now: datetime) -> datetime:
    last = state.cut.last_boundary("hourly", now)
    return min(last, state.marks.get("hourly", last))
