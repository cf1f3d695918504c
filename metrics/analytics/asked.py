"""What a page of analytics is asked, all of it in its address."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from hmm.lib.buckets import PERIODS
from hmm.lib.local_times import local_day
from hmm.lib.times import EARLIEST, LATEST
from metrics.analytics.whom import Whom, whom_named
from metrics.query import Refused
from metrics.query.keys import numeric_key
from metrics.query.words import check_type, check_word
from metrics.sketches.quantities import QUANTITIES
from metrics.types import metric_types

VIEWS = {
    "series": "Over time",
    "calendar": "Calendar",
    "distribution": "Distribution",
    "ranking": "Ranking",
    "bands": "By price",
    "waterfall": "What changed the cost",
}

OF_ENERGY = ("bands", "waterfall")
"""They are of energy and its cost, whichever figure is asked for."""

SKETCHED = tuple(quantity.name for quantity in QUANTITIES)
MOST_ENTITIES = 4
MOST_POINTS = 800
MOST_DAYS = 400
USUAL_DAYS = 30
LENGTH = {
    "slot": timedelta(minutes=30),
    "hourly": timedelta(hours=1),
    "daily": timedelta(days=1),
    "weekly": timedelta(days=7),
    "monthly": timedelta(days=30),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A view of a metric's key, of some entities, period by period over the local days `first` to `last`.

    `compare` lays the range of the same length before it beside it.
    """

    view: str
    metric_type: str
    key: str
    whom: tuple[Whom, ...]
    period: str
    first: date
    last: date
    compare: bool
    zone: ZoneInfo

    @property
    def metric(self) -> str:
        """Type and key, as in the address."""
        return f"{self.metric_type}.{self.key}"

    @property
    def start(self) -> datetime:
        """When the range begins."""
        return local_day(self.first, self.zone).start

    @property
    def end(self) -> datetime:
        """When it ends."""
        return local_day(self.last, self.zone).end

    @property
    def days(self) -> int:
        """How many local days it has."""
        return (self.last - self.first).days + 1

    @property
    def before(self) -> tuple[datetime, datetime]:
        """The range of as many days just before it."""
        return local_day(self.first - timedelta(days=self.days), self.zone).start, self.start

    def not_over(self, now: datetime) -> list[str]:
        """Return what is to be said of a comparison with the whole range before, where this one is not over."""
        return ["this range is not over yet"] if now < self.end else []

    def key_of(self, entity_type: str, currency: str) -> str:
        """Return what the key is called for that kind of entity. Raises Refused where it has no such figure."""
        return same_key(self.metric_type, self.key, entity_type, currency)

    def address(self, **changes: str) -> str:
        """Return the query of its address, with changes."""
        given: list[tuple[str, str]] = [
            ("view", self.view),
            ("metric", self.metric),
            *(("of", each.text) for each in self.whom),
            ("period", self.period),
            ("from", self.first.isoformat()),
            ("to", self.last.isoformat()),
            ("compare", "1" if self.compare else ""),
        ]
        return "?" + urlencode(
            [(name, changes.get(name, value)) for name, value in given if changes.get(name, value)]
        )

    @property
    def query(self) -> str:
        """The query of its address."""
        return self.address()


def asked_of(
    given: Mapping[str, str], whom: Sequence[str], today: date, zone: ZoneInfo, currency: str
) -> Asked:
    """Return what an address asks. Raises Refused naming what is wrong with it; at most one query a name in `whom`."""
    view, period = given.get("view") or "series", given.get("period") or "daily"
    check_word("view", view, list(VIEWS))
    check_word("period", period, PERIODS)
    metric_type, key = _metric(given.get("metric") or "energy_cost.kwh", currency)
    last = _day("to", given.get("to"), today)
    first = _day("from", given.get("from"), last - timedelta(days=USUAL_DAYS - 1))
    names = [name for name in dict.fromkeys(text.replace("\x00", "").strip() for text in whom) if name]
    if len(names) > MOST_ENTITIES:
        raise Refused("of", f"at most {MOST_ENTITIES} are drawn together, not {len(names)}")
    found = tuple(whom_named(name) for name in names or ["all"])
    if view == "distribution" and metric_type not in SKETCHED:
        raise Refused("metric", f"a distribution is of {' or '.join(SKETCHED)}")
    asked = Asked(view, metric_type, key, found, period, first, last, bool(given.get("compare")), zone)
    _check_bounds(asked)
    for each in found:
        asked.key_of(each.entity_type, currency)
        if view in OF_ENERGY:
            same_key("energy_cost", "kwh", each.entity_type, currency)
    return asked


def same_key(metric_type: str, key: str, entity_type: str, currency: str) -> str:
    """Return the key by which that kind of entity has the figure: of the same name, or else of the same formula."""
    metric = metric_types[metric_type]
    if entity_type not in metric.entities:
        raise Refused(
            "of", f"there is no {metric_type} of a {entity_type}; there is of: {', '.join(metric.entities)}"
        )
    own = metric.formulas(entity_type, currency)
    if key in own:
        return key
    formulas = {sql for other in metric.entities if (sql := metric.formulas(other, currency).get(key))}
    found = next((name for name, sql in own.items() if sql in formulas), None)
    if found is None:
        raise Refused("metric", f"there is no {key} of a {entity_type}")
    return found


def _metric(text: str, currency: str) -> tuple[str, str]:
    metric_type, _, key = text.partition(".")
    check_type(metric_type)
    for entity_type in metric_types[metric_type].entities:
        if key in metric_types[metric_type].formulas(entity_type, currency):
            numeric_key(metric_type, entity_type, key)
            return metric_type, key
    raise Refused("metric", f"there is no {key!r} of {metric_type}")


def _day(name: str, text: str | None, usual: date) -> date:
    if not text:
        return usual
    try:
        found = date.fromisoformat(text)
    except ValueError:
        raise Refused(name, f"{text!r} is not a date such as 2025-03-30") from None
    if not datetime.combine(found, datetime.min.time(), UTC) > EARLIEST or found >= LATEST.date():
        raise Refused(name, f"{text!r} is not between {EARLIEST:%Y} and {LATEST:%Y}")
    return found


def _check_bounds(asked: Asked) -> None:
    if asked.days < 1:
        raise Refused("to", "must not be before from")
    if asked.days > MOST_DAYS and (asked.view != "series" or asked.period in ("slot", "hourly", "daily")):
        raise Refused("from", f"is {asked.days} days before to; this view goes over at most {MOST_DAYS}")
    points = int(asked.days * timedelta(days=1) / LENGTH[asked.period]) * len(asked.whom)
    if asked.view == "series" and points > MOST_POINTS:
        raise Refused(
            "period",
            f"that is about {points:,} figures; a page draws at most {MOST_POINTS}: "
            "take a longer period, fewer days or fewer miners",
        )
