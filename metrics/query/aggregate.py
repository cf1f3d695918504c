"""Many periods made into one figure, or into longer periods, from the sums of the store."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import fmean

from django.utils import timezone

from hmm.lib.buckets import Bucket
from metrics.engine.grid import Grid
from metrics.query.keys import Kind, numeric_key
from metrics.query.merge import Figure, Tail, merged
from metrics.query.merge_parts import Whom
from metrics.query.prepared import prepared_state
from metrics.query.ranges import metrics_in_range
from metrics.query.words import Refused, check_words

LONGER = {
    "slot": ("hourly", "daily", "weekly", "monthly"),
    "hourly": ("daily", "weekly", "monthly"),
    "daily": ("weekly", "monthly"),
    "weekly": (),
    "monthly": (),
}
"""The periods that whole ones of each make up: a month is not made of weeks."""

MOMENT = timedelta(microseconds=1)

FigurePosition = tuple[datetime, int | None]
"""Where a page of figures ended: start and entity id of its last one."""


def aggregate(
    *,
    metric_type: str,
    period: str,
    start: datetime,
    end: datetime,
    entity_type: str,
    entity_id: int | None = None,
    into: str | None = None,
    limit: int | None = None,
    after: FigurePosition | None = None,
    now: datetime | None = None,
) -> list[Figure]:
    """Return the metric of all buckets of `period` that begin in [start, end), merged: as one figure an entity.

    With `into`, a longer period, one figure for each of those, of what of it lies in the range. All is merged from
    the sums of the store, so that whole days make exactly what a period of that length would show; averages are
    never averaged. The open bucket counts up to this moment, and its figure says `"partial": true`. Ordered by
    (start, entity_id); `after` is the position of the last figure of the page before.
    Raises Refused for an unknown word or an `into` that is no longer than `period`, and NotComputedYet.
    """
    now = now or timezone.now()
    check_words(metric_type, period, entity_type)
    _check_into(period, into)
    state = prepared_state(period, start, end, now)
    stretches = stretches_of(state.cut, period, start, min(end, now), into)
    if after is not None:
        stretches = [s for s in stretches if s.start >= after[0]]
    return merged(metric_type, Whom(entity_type, entity_id), stretches, state, now, _page(limit, after))


@dataclass(frozen=True, slots=True)
class Average:
    """The average of one key over [start, end). `kind` says how it comes about; null where there is no figure."""

    metric_type: str
    key: str
    entity_type: str
    entity_id: int | None
    period: str
    start: datetime
    end: datetime
    kind: Kind
    value: float | None
    coverage: float | None


def average(
    *,
    metric_type: str,
    key: str,
    period: str,
    start: datetime,
    end: datetime,
    entity_type: str,
    entity_id: int | None = None,
    now: datetime | None = None,
) -> Average | None:
    """Return the average of a key over the buckets of `period` that begin in [start, end), None without data.

    A mean, share or rate is that of the whole range, weighted rightly by merging the sums. A total (kWh, cost,
    shares) is divided by the number of periods, of which the open one counts with what has passed of it. Of a
    least or greatest it is the mean over the periods that have one.
    Raises UnknownWord for a key that is no number of that type, else as `aggregate`.
    """
    now = now or timezone.now()
    check_words(metric_type, period, entity_type)
    kind = numeric_key(metric_type, entity_type, key)
    check_one(entity_type, entity_id)
    state = prepared_state(period, start, end, now)
    stretches = stretches_of(state.cut, period, start, min(end, now), None)
    found = merged(metric_type, Whom(entity_type, entity_id), stretches, state, now, Tail())
    if not found:
        return None
    (whole,) = found
    value, coverage = whole.value_json[key], whole.value_json["coverage"]
    if kind is Kind.TOTAL and value is not None:
        value /= periods_in(state.cut, period, whole.start, whole.end)
    elif kind is Kind.EXTREME:
        value = _mean_of_periods(whole, key, period, end, now)
    asked = (metric_type, key, entity_type, entity_id, period)
    return Average(*asked, whole.start, whole.end, kind, value, coverage)


def stretches_of(cut: Grid, period: str, start: datetime, end: datetime, into: str | None) -> list[Bucket]:
    """Return what the buckets of `period` that begin in [start, end) make: one stretch, or one for each `into`."""
    whole = _whole(cut, period, start, end)
    if whole.start >= whole.end:
        return []
    if into is None:
        return [whole]
    longer = cut.buckets(into, whole.start, whole.end)
    return [Bucket(max(b.start, whole.start), min(b.end, whole.end)) for b in longer]


def periods_in(cut: Grid, period: str, start: datetime, end: datetime) -> float:
    """Return how many buckets of `period` [start, end) is long; one that it holds in part counts as that part."""
    return sum(
        (min(b.end, end) - max(b.start, start)) / (b.end - b.start) for b in cut.buckets(period, start, end)
    )


def _whole(cut: Grid, period: str, start: datetime, end: datetime) -> Bucket:
    """Return from the first edge of `period` at or after `start` to the end of the last bucket begun before `end`."""
    first, last = cut.bucket_at(period, start), cut.bucket_at(period, end - MOMENT)
    return Bucket(start if first.start == start else first.end, last.end)


def _check_into(period: str, into: str | None) -> None:
    if into is not None and into not in LONGER[period]:
        raise Refused("into", f"{period} figures do not make {into!r}; they make: {_listed(LONGER[period])}")


def _listed(words: Sequence[str]) -> str:
    return ", ".join(words) or "no longer period"


def check_one(entity_type: str, entity_id: int | None) -> None:
    """Raise Refused unless that is one entity: a miner or a site by its id, or the system, which has none."""
    if entity_type == "system" and entity_id is not None:
        raise Refused("entity_id", "the system has no id; leave entity_id out")
    if entity_type != "system" and entity_id is None:
        raise Refused("entity_id", f"is needed: which {entity_type}?")


def _page(limit: int | None, after: FigurePosition | None) -> Tail:
    behind = "WHERE (timestamp, coalesce(entity_id, 0)) > (%(after_at)s, %(after_id)s)" if after else ""
    params = {"after_at": after[0], "after_id": after[1] or 0} if after else {}
    return Tail(f"{behind} ORDER BY timestamp, entity_id LIMIT %(limit)s", {**params, "limit": limit})


def _mean_of_periods(whole: Figure, key: str, period: str, end: datetime, now: datetime) -> float | None:
    rows = metrics_in_range(
        metric_type=whole.metric_type,
        period=period,
        start=whole.start,
        end=end,
        entity_type=whole.entity_type,
        entity_id=whole.entity_id,
        now=now,
    )
    told = [row.value_json[key] for row in rows if row.value_json[key] is not None]
    return fmean(told) if told else None
