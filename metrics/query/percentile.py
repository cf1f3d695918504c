"""A percentile of a range: of all covered seconds in it, whatever periods it is made of."""

from dataclasses import dataclass
from datetime import datetime

from metrics.query.aggregate import average
from metrics.query.words import check_word
from metrics.sketches.quantities import PERCENTS, QUANTITIES


@dataclass(frozen=True, slots=True)
class Percentile:
    """The percentile `percent` of a quantity over [start, end), in its metric type's unit; null where none is told."""

    metric_type: str
    percent: int
    entity_type: str
    entity_id: int | None
    period: str
    start: datetime
    end: datetime
    value: float | None
    coverage: float | None


def percentile(
    *,
    metric_type: str,
    percent: int,
    period: str,
    start: datetime,
    end: datetime,
    entity_type: str,
    entity_id: int | None = None,
    now: datetime | None = None,
) -> Percentile | None:
    """Return a percentile of the readings in the buckets of `period` that begin in [start, end), None without data.

    At least `percent` % of the covered seconds have a reading that is no greater, of a site and the system over the
    readings of their miners; within 1 %. Sketches are merged for it: percentiles themselves never are.
    Raises UnknownWord for a percent or a type that has none, else as `aggregate`.
    """
    check_word("type", metric_type, [quantity.name for quantity in QUANTITIES], of="percentiles")
    check_word("percent", str(percent), [str(known) for known in PERCENTS])
    found = average(
        metric_type=metric_type,
        key=f"p{percent}",
        period=period,
        start=start,
        end=end,
        entity_type=entity_type,
        entity_id=entity_id,
        now=now,
    )
    if found is None:
        return None
    asked = (metric_type, percent, entity_type, entity_id, period)
    return Percentile(*asked, found.start, found.end, found.value, found.coverage)
