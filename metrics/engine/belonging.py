"""Which site a miner belonged to, and on which tariff that was, span by span."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

from hmm.lib.times import local_midnight
from metrics.engine.segments import NO_TARIFF

END_OF_TIME = date(9999, 1, 1)


@dataclass(frozen=True, slots=True)
class Span:
    """A miner at a site on a tariff during [start_s, end_s), seconds since the epoch."""

    miner_id: int
    site_id: int
    tariff_id: int
    start_s: int
    end_s: int


Moves = Iterable[tuple[int, date, int]]
"""(who, since when, where): miners to sites, or sites to tariffs."""


def spans_of(miner_sites: Moves, site_tariffs: Moves, zone: ZoneInfo) -> list[Span]:
    """Return the spans that these moves make."""
    sites, tariffs = _dated(miner_sites), _dated(site_tariffs)
    return [
        span
        for miner_id, at_sites in sites.items()
        for begin, stop, site_id in at_sites
        for span in _at_site(miner_id, site_id, begin, stop, tariffs.get(site_id, []), zone)
    ]


def overlapping(spans: Iterable[Span], start: datetime, end: datetime) -> list[Span]:
    """Return those of `spans` that overlap [start, end)."""
    low, high = int(start.timestamp()), int(end.timestamp())
    return [span for span in spans if span.start_s < high and span.end_s > low]


@dataclass(frozen=True, slots=True)
class SiteTariffSpan:
    """A site on a tariff during [start_s, end_s), seconds since the epoch."""

    site_id: int
    tariff_id: int
    start_s: int
    end_s: int


def tariff_spans_of(site_tariffs: Moves, zone: ZoneInfo) -> list[SiteTariffSpan]:
    """Return which tariff each site was on by these moves, since when and until when."""
    return [
        SiteTariffSpan(site_id, tariff_id, _epoch(begin, zone), _epoch(stop, zone))
        for site_id, rows in _dated(site_tariffs).items()
        for begin, stop, tariff_id in rows
    ]


Dated = tuple[date, date, int]


def _dated(rows: Moves) -> dict[int, list[Dated]]:
    """Group (owner, since, what) rows to owner → [(since, until, what)]."""
    grouped: dict[int, list[tuple[date, int]]] = {}
    for owner, since, what in sorted(rows):
        grouped.setdefault(owner, []).append((since, what))
    return {owner: _until(changes) for owner, changes in grouped.items()}


def _until(changes: Sequence[tuple[date, int]]) -> list[Dated]:
    ends = [*changes, (END_OF_TIME, 0)]
    return [(since, until, what) for (since, what), (until, _) in pairwise(ends)]


def _at_site(
    miner_id: int, site_id: int, begin: date, stop: date, tariffs: list[Dated], zone: ZoneInfo
) -> Iterable[Span]:
    edges = sorted({begin, stop, *(d for t in tariffs for d in t[:2] if begin < d < stop)})
    for since, until in pairwise(edges):
        tariff_id = next((t for a, b, t in tariffs if a <= since < b), NO_TARIFF)
        yield Span(miner_id, site_id, tariff_id, _epoch(since, zone), _epoch(until, zone))


@lru_cache(maxsize=4096)  # most miners came on a few days
def _epoch(day: date, zone: ZoneInfo) -> int:
    return int(local_midnight(day, zone).timestamp())


def known_miners(spans: Iterable[Span]) -> list[int]:
    """Return the miners that have a span."""
    return sorted({s.miner_id for s in spans})
