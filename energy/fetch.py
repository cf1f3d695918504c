"""Fetching prices: which stretch is due, and what comes of asking for it."""

import logging
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.conf import settings
from django.db import DatabaseError, transaction

from energy.models import PriceSlot, Tariff
from energy.points import PriceError, ceil_to_slot, cut, floor_to_slot
from energy.prices import StoreResult, store_prices
from energy.providers import providers
from energy.providers.base import Charge, PriceProvider, ProviderError, Published
from energy.standing import store_charges

logger = logging.getLogger(__name__)


LONGEST_WAIT_S = 6 * 3600.0
"""A service may ask to be left alone, but not for longer: tomorrow's prices are wanted today."""


class FetchError(Exception):
    """A fetch that failed; nothing was stored. `reason` is for people and is kept on the tariff."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class TariffFacts:
    """What decides whether and what to fetch."""

    priced_until: datetime | None
    fetched_at: datetime | None
    retry_at: datetime | None
    terms_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class FetchResult:
    """What a fetch of [start, end) brought."""

    start: datetime
    end: datetime
    stored: StoreResult
    charges_changed: bool
    warning: str


def is_due(facts: TariffFacts, published_until: datetime, now: datetime) -> bool:
    """Return whether a tariff's prices should be fetched at `now`.

    They are when never fetched (or not since its terms changed), or when not known as far as they should be
    published by now; not while the service has asked to be left alone.
    """
    if facts.retry_at is not None and now < facts.retry_at:
        return False
    if facts.fetched_at is None or facts.priced_until is None:
        return True
    return facts.priced_until < published_until


def stretch_due(
    facts: TariffFacts, provider: PriceProvider, now: datetime, history_days: int
) -> tuple[datetime, datetime]:
    """Return the stretch to ask for: from where prices end, or now, and the window for corrections before it.

    A tariff without prices begins `history_days` ago; one whose terms were changed keeps the prices that it had by then.
    """
    until = provider.ask_until(now)
    if facts.priced_until is None:
        return now - timedelta(days=history_days), until
    ends = min(facts.priced_until, now)
    first = ends - provider.correction_window
    return (first if facts.terms_since is None else max(first, min(ends, facts.terms_since))), until


def facts_of(tariff: Tariff) -> TariffFacts:
    """Return what is stored about `tariff`. One query."""
    # Slots never overlap: the last to begin is the last to end.
    last = PriceSlot.objects.filter(tariff=tariff).order_by("-start").values_list("end", flat=True)
    return TariffFacts(last.first(), tariff.fetched_at, tariff.retry_at, tariff.terms_since)


def history_days() -> int:
    """Return how many days back a tariff without prices begins."""
    return int(settings.PRICE_HISTORY_DAYS)


def fetch_due(now: datetime, days: int | None = None) -> dict[Tariff, FetchResult | FetchError]:
    """Fetch what is due of every active tariff; `days` is how far back one without prices begins.

    A tariff that fails is recorded and does not stop the others. Returns only those that were due.
    """
    outcomes: dict[Tariff, FetchResult | FetchError] = {}
    for tariff in Tariff.objects.filter(active=True).order_by("pk"):
        try:
            result = _fetch_if_due(tariff, now, history_days() if days is None else days)
        except FetchError as error:
            outcomes[tariff] = error
        else:
            if result is not None:
                outcomes[tariff] = result
    return outcomes


def fetch_tariff(
    tariff: Tariff, start: datetime, end: datetime, now: datetime, base_url: str | None = None
) -> FetchResult:
    """Fetch and store the prices of `tariff` that overlap [start, end), widened to whole slots.

    `base_url` replaces the provider's usual address. A failure changes no price, is recorded on the tariff
    and raised as FetchError.
    """
    low, high = floor_to_slot(start, tariff.slot_s), ceil_to_slot(end, tariff.slot_s)
    try:
        provider = provider_of(tariff)
        return _store(tariff, provider.fetch(tariff, low, high, base_url), low, high, now)
    except (ProviderError, PriceError, DatabaseError) as error:
        _record_failure(tariff, error, now)
        raise FetchError(_reason(error)) from error
    except Exception as error:
        logger.exception("fetching prices of %s (tariff %d)", tariff, tariff.pk)
        _record_failure(tariff, error, now)
        raise FetchError(_reason(error)) from error


def provider_of(tariff: Tariff) -> PriceProvider:
    """Return the tariff's price provider. Raises ProviderError when there is none of that name."""
    if tariff.provider not in providers:
        names = ", ".join(providers.names())
        raise ProviderError(f"no price provider is called {tariff.provider!r}; there are: {names}")
    return providers[tariff.provider]


def _fetch_if_due(tariff: Tariff, now: datetime, days: int) -> FetchResult | None:
    try:
        provider = provider_of(tariff)
    except ProviderError as error:
        _record_failure(tariff, error, now)
        raise FetchError(error.reason) from error
    facts = facts_of(tariff)
    if not is_due(facts, provider.published_until(now), now):
        return None
    return fetch_tariff(tariff, *stretch_due(facts, provider, now, days), now)


def _store(
    tariff: Tariff, published: Published, start: datetime, end: datetime, now: datetime
) -> FetchResult:
    points = cut(published.rates, start, end, tariff.slot_s)
    with transaction.atomic():
        stored = store_prices(tariff, points, recut=True)
        charges = _of_these_terms(tariff, published.charges, start)
        charges_changed = charges is not None and store_charges(tariff, charges, end)
        Tariff.objects.filter(pk=tariff.pk).update(
            fetched_at=now, fetch_error=published.warning, retry_at=None
        )
    return FetchResult(start, end, stored, charges_changed, published.warning)


def _of_these_terms(tariff: Tariff, charges: list[Charge] | None, start: datetime) -> list[Charge] | None:
    """Return the charges, from `start` on where the tariff's terms were other ones before."""
    if charges is None or tariff.terms_since is None:
        return charges
    since = min(start, tariff.terms_since)
    return [replace(c, start=max(c.start, since)) for c in charges if c.end is None or c.end > since]


def _record_failure(tariff: Tariff, error: Exception, now: datetime) -> None:
    wait_s = error.retry_after_s if isinstance(error, ProviderError) else None
    retry_at = None if wait_s is None else now + timedelta(seconds=min(wait_s, LONGEST_WAIT_S))
    Tariff.objects.filter(pk=tariff.pk).update(fetch_error=_reason(error), retry_at=retry_at)


def _reason(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:500]
