"""A price for a stretch of time: what a valid one is, and how long ones are cut into slots."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hmm.lib.magnitude import vanishes
from hmm.lib.times import EARLIEST, LATEST

EDGE_S = 300
"""Prices begin and end on marks of five minutes, as no market is finer."""

MAX_PENCE_PER_KWH = 100_000.0
"""No market has ever come near; beyond it a price is a mistake."""

WHOLE_UP_TO = timedelta(hours=1)
"""A stretch this short is a slot of its market; a longer one is cut into the tariff's slots."""


class PriceError(ValueError):
    """A price, or a set of them, that cannot be stored; the message says which and why."""


@dataclass(frozen=True, slots=True, order=True)
class PricePoint:
    """The price of the half-open stretch [start, end), UTC, in pence (cents) per kWh; may be negative."""

    start: datetime
    end: datetime
    pence_per_kwh: float

    def __str__(self) -> str:
        return span(self.start, self.end)


@dataclass(frozen=True, slots=True, order=True)
class Rate:
    """A price as its provider states it: `end` None is open, for as long as nothing else is said."""

    start: datetime
    end: datetime | None
    pence_per_kwh: float


def span(start: datetime, end: datetime) -> str:
    """Return a stretch of time for people: "2025-03-30T12:00Z to 2025-03-30T12:30Z"."""
    return f"{_utc(start)} to {_utc(end)}"


def check_point(point: PricePoint) -> None:
    """Raise PriceError unless `point` has length, edges on marks of five minutes, from 2000 to 2100, and a possible price."""
    if not all(map(_is_on_mark, (point.start, point.end))):
        raise PriceError(f"{point} does not begin and end on a mark of five minutes")
    if point.start >= point.end:
        raise PriceError(f"{point} ends before it has begun")
    if point.start < EARLIEST or point.end > LATEST:
        raise PriceError(f"{point} is not between {EARLIEST:%Y} and {LATEST:%Y}")
    if not is_possible(point.pence_per_kwh):
        raise PriceError(f"{point}: {point.pence_per_kwh} is not a possible price per kWh")


def is_possible(pence_per_kwh: float) -> bool:
    """Return whether that can be a price; zero and less than zero can."""
    return abs(pence_per_kwh) <= MAX_PENCE_PER_KWH and not vanishes(pence_per_kwh)


def cut(rates: Iterable[Rate], start: datetime, end: datetime, slot_s: int) -> list[PricePoint]:
    """Return the slots of `rates` that overlap [start, end), in order.

    A rate of up to an hour stays as it is. A longer or open one is cut at each UTC-aligned multiple of
    `slot_s` and kept within [start, end), widened to whole slots: an open end thus reaches as far as was
    asked for, and the next fetch carries it on or replaces it slot by slot. An open rate ends where the next
    begins. Raises PriceError when two rates overlap otherwise.
    """
    ordered = sorted(rates, key=_by_start)
    _refuse_overlaps(ordered)
    low, high = floor_to_slot(start, slot_s), ceil_to_slot(end, slot_s)
    pieces = (
        piece
        for rate, following in pairwise([*ordered, None])
        if rate is not None and rate.start < end
        for piece in _pieces(rate, following.start if following else high, (low, high), slot_s)
    )
    return [piece for piece in pieces if piece.start < end and piece.end > start]


def _by_start(rate: Rate) -> datetime:
    return rate.start


def _refuse_overlaps(ordered: list[Rate]) -> None:
    for rate, following in pairwise(ordered):
        if rate.start == following.start:
            raise PriceError(f"there are two prices from {_utc(rate.start)}")
        if rate.end is not None and rate.end > following.start:
            raise PriceError(f"{span(rate.start, rate.end)} overlaps the price from {_utc(following.start)}")


def _pieces(
    rate: Rate, open_until: datetime, within: tuple[datetime, datetime], slot_s: int
) -> Iterator[PricePoint]:
    if rate.end is not None and rate.end - rate.start <= WHOLE_UP_TO:
        yield PricePoint(rate.start, rate.end, rate.pence_per_kwh)
        return
    at, end = max(rate.start, within[0]), min(rate.end or open_until, within[1])
    while at < end:
        edge = min(floor_to_slot(at, slot_s) + timedelta(seconds=slot_s), end)
        yield PricePoint(at, edge, rate.pence_per_kwh)
        at = edge


def floor_to_slot(moment: datetime, slot_s: int) -> datetime:
    """Return the last UTC-aligned multiple of `slot_s` seconds up to `moment`."""
    return datetime.fromtimestamp(math.floor(moment.timestamp() / slot_s) * slot_s, UTC)


def ceil_to_slot(moment: datetime, slot_s: int) -> datetime:
    """Return the first UTC-aligned multiple of `slot_s` seconds from `moment` on."""
    return datetime.fromtimestamp(math.ceil(moment.timestamp() / slot_s) * slot_s, UTC)


def _is_on_mark(moment: datetime) -> bool:
    if moment.tzinfo is None:
        raise PriceError(f"{moment.isoformat()} has no UTC offset")
    return moment.microsecond == 0 and moment.timestamp() % EDGE_S == 0


def _utc(moment: datetime) -> str:
    text = moment.astimezone(UTC).isoformat(timespec="auto" if moment.second else "minutes")
    return text.replace("+00:00", "Z")
