"""What a page of analytics is asked, all of it in its address."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TypeVar
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from hmm.lib.buckets import PERIODS
from hmm.lib.local_times import local_day
from hmm.lib.times import EARLIEST, LATEST
from metrics.analytics.whom import ALL, ALL_MINERS, Whom, whom_named
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

OF_ENERGY_KEY = ("energy_cost", "kwh")
USUAL_METRIC = "energy_cost.kwh"
USUAL_METRIC_OF = {"distribution": "hashrate.avg"}
"""Of the views that cannot be of the usual one."""
EARLIEST_DAY = EARLIEST.date() + timedelta(days=1)
"""The first that has begun after EARLIEST wherever one is."""

SKETCHED = tuple(quantity.name for quantity in QUANTITIES)
MOST_ENTITIES = 4
MOST_POINTS = 800
MOST_DAYS = 400
USUAL_DAYS = 30
USUAL_DAYS_OF = {"waterfall": 7}
"""Of the view that needs as many days before: a house that is a month old shall have both."""

LONGEST_DAYS = 1000
"""In so many days there is a week and a month for certain."""

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
    def figure(self) -> tuple[str, str]:
        """Type and key that the view needs of whom it is of."""
        return OF_ENERGY_KEY if self.view in OF_ENERGY else (self.metric_type, self.key)

    @property
    def kinds(self) -> list[str]:
        """Which kinds of entity it is of."""
        return ["miner"] if self.view == "ranking" else list(dict.fromkeys(w.entity_type for w in self.whom))

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
    """Return what an address asks. Raises the first of `read_asked`'s refusals."""
    asked, refusals = read_asked(given, whom, today, zone, currency)
    if refusals:
        raise refusals[0]
    return asked


def read_asked(
    given: Mapping[str, str], whom: Sequence[str], today: date, zone: ZoneInfo, currency: str
) -> tuple[Asked, list[Refused]]:
    """Return what an address asks, what is usual in place of what is wrong with it, and what that is.

    At most one query for each different name in `whom`, of which there are not more than MOST_ENTITIES.
    """
    read = _Reading()
    view = read(lambda: _word("view", given.get("view") or "series", list(VIEWS)), "series")
    period = read(lambda: _word("period", given.get("period") or "daily", PERIODS), "daily")
    usual_metric = USUAL_METRIC_OF.get(view, USUAL_METRIC)
    metric_type, key = read(
        lambda: _metric(given.get("metric") or usual_metric, currency), _metric(usual_metric, currency)
    )
    found = tuple(read(lambda n=name: whom_named(n), None) for name in read(lambda: _names(whom), [ALL]))  # type: ignore[misc]
    last = read(lambda: _day("to", given.get("to"), today), today)
    usual_days = USUAL_DAYS_OF.get(view, USUAL_DAYS)
    usual_first = max(last - timedelta(days=usual_days - 1), EARLIEST_DAY)
    first = read(lambda: _day("from", given.get("from"), usual_first), usual_first)
    asked = Asked(
        view,
        metric_type,
        key,
        tuple(each for each in found if each) or (ALL_MINERS,),
        period,
        first,
        last,
        bool(given.get("compare")),
        zone,
    )
    return asked, read.refusals or list(wrong_with(asked, currency))


T = TypeVar("T")


class _Reading:
    """Reads one part after the other, and keeps what was refused."""

    def __init__(self) -> None:
        self.refusals: list[Refused] = []

    def __call__(self, read: Callable[[], T], usual: T) -> T:
        try:
            return read()
        except Refused as refused:
            self.refusals.append(refused)
            return usual


def wrong_with(asked: Asked, currency: str) -> Iterator[Refused]:
    """Yield why there cannot be such a view, each part of which is right by itself; nothing where there can."""
    if asked.view == "distribution" and asked.metric_type not in SKETCHED:
        yield Refused("metric", f"a distribution is of {' or '.join(SKETCHED)}")
    for kind in asked.kinds:
        yield from _unknown(asked.figure, kind, currency)
    yield from _out_of_bounds(asked)


def has_key(metric: tuple[str, str], entity_type: str, currency: str) -> bool:
    """Return whether that kind of entity has the figure."""
    return not any(_unknown(metric, entity_type, currency))


def _unknown(metric: tuple[str, str], entity_type: str, currency: str) -> Iterator[Refused]:
    try:
        same_key(*metric, entity_type, currency)
    except Refused as refused:
        yield refused


def _names(whom: Sequence[str]) -> list[str]:
    names = [name for name in dict.fromkeys(text.replace("\x00", "").strip() for text in whom) if name]
    if len(names) > MOST_ENTITIES:
        raise Refused("of", f"at most {MOST_ENTITIES} are drawn together, not {len(names)}")
    return names or [ALL]


def _word(field: str, text: str, known: Sequence[str]) -> str:
    check_word(field, text, known)
    return text


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
    if not EARLIEST_DAY <= found < LATEST.date():
        raise Refused(name, f"{text!r} is not between {EARLIEST:%Y} and {LATEST:%Y}")
    return found


def _out_of_bounds(asked: Asked) -> Iterator[Refused]:
    if asked.days < 1:
        yield Refused("to", "must not be before from")
    elif asked.view != "series" and asked.days > MOST_DAYS:
        yield Refused("from", f"is {asked.days} days before to; this view goes over at most {MOST_DAYS}")
    elif asked.view == "series" and asked.period not in (fitting := fitting_periods(asked)):
        yield Refused("period", _why_not(asked, fitting))


def fitting_periods(asked: Asked) -> list[str]:
    """Return the periods of which the range has at least one, and not more than a page draws."""
    return [
        period
        for period in PERIODS
        if 0 < _begun(asked, period) * len(asked.whom) <= MOST_POINTS
        and (asked.days <= MOST_DAYS or period in ("weekly", "monthly"))
    ]


def _begun(asked: Asked, period: str) -> int:
    """Return about how many periods begin in the range; none where there is none for certain."""
    first, last = asked.first, asked.last
    if period == "weekly" and 0 < asked.days < LONGEST_DAYS:
        return (last.toordinal() - 1) // 7 - (first.toordinal() - 2) // 7  # day 1 was a Monday
    if period == "monthly" and 0 < asked.days < LONGEST_DAYS:
        return 12 * (last.year - first.year) + last.month - first.month + (first.day == 1)
    return int(asked.days * timedelta(days=1) / LENGTH[period])


def _why_not(asked: Asked, fitting: Sequence[str]) -> str:
    points = _begun(asked, asked.period) * len(asked.whom)
    if not points:
        return f"none begins from {asked.first} to {asked.last}: take a shorter period or more days"
    instead = f"a {' or '.join(fitting)} one, " if fitting else ""
    return (
        f"that is about {points:,} figures; a page draws at most {MOST_POINTS}: "
        f"take a longer period, {instead}fewer days or fewer miners"
    )
