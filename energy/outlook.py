"""What is to be said of a tariff's prices: where they are negative, where they are missing, when the next ones come."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from energy.models import Tariff
from energy.points import PricePoint
from energy.providers import providers
from energy.providers.base import PriceProvider
from hmm.lib.buckets import Bucket

HALF_HOUR = timedelta(minutes=30)


class Publication(StrEnum):
    """How far a tariff's prices are known, against what should be."""

    UNKNOWN = "unknown"
    """None is known for now or later."""

    LATE = "late"
    """Less is known than is published by now."""

    COMING = "coming"
    """All that is published is known; tomorrow is not published yet."""

    KNOWN = "known"
    """Tomorrow is known."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """How far prices are known (null: not at all), and when the next ones are published, null where nobody knows."""

    publication: Publication
    known_until: datetime | None
    next_at: datetime | None


def outlook_of(tariff: Tariff, known_until: datetime | None, tomorrow: Bucket, now: datetime) -> Outlook:
    """Return the outlook of a tariff whose prices are known until then."""
    provider = providers[tariff.provider] if tariff.active and tariff.provider in providers else None
    published = provider.published_until(now) if provider else None
    return Outlook(
        publication(known_until, published, tomorrow, now),
        known_until,
        next_publication(provider, now) if provider else None,
    )


def publication(
    known_until: datetime | None, published_until: datetime | None, tomorrow: Bucket, now: datetime
) -> Publication:
    """Return the state of what is known; `published_until` is up to when prices should be, null where nobody says."""
    if known_until is None or known_until <= now:
        return Publication.UNKNOWN
    if published_until is not None and known_until < min(published_until, tomorrow.end):
        return Publication.LATE
    # A day of a market may end an hour before or after the local one, and says little of the next.
    return Publication.KNOWN if known_until > tomorrow.start + timedelta(hours=2) else Publication.COMING


def next_publication(provider: PriceProvider, now: datetime) -> datetime | None:
    """Return the next half hour from which more is published than at `now`, None where there is none within two days."""
    first = datetime.fromtimestamp(now.timestamp() // 1800 * 1800, now.tzinfo) + HALF_HOUR
    known = provider.published_until(now)
    moments = (first + n * HALF_HOUR for n in range(96))
    return next((moment for moment in moments if provider.published_until(moment) > known), None)


def negative_runs(prices: Iterable[PricePoint]) -> list[list[PricePoint]]:
    """Return the prices below zero, those that adjoin together."""
    runs: list[list[PricePoint]] = []
    for price in prices:
        if price.pence_per_kwh >= 0:
            continue
        if runs and runs[-1][-1].end == price.start:
            runs[-1].append(price)
        else:
            runs.append([price])
    return runs


def missing(prices: Sequence[PricePoint], start: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
    """Return the stretches of [start, end) for which no price is known; `prices` are in order and do not overlap."""
    found, at = [], start
    for price in prices:
        if price.start > at and at < end:
            found.append((at, min(price.start, end)))
        at = max(at, price.end)
    return [*found, (at, end)] if at < end else found


def average_pence(prices: Iterable[PricePoint], start: datetime, end: datetime) -> float | None:
    """Return what a kWh costs on average over the known part of [start, end), None where nothing is known."""
    parts = [(min(p.end, end) - max(p.start, start), p.pence_per_kwh) for p in prices]
    told = [(length / timedelta(seconds=1), pence) for length, pence in parts if length > timedelta()]
    seconds = sum(length for length, _ in told)
    return sum(length * pence for length, pence in told) / seconds if seconds else None
