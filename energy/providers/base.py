"""What a price provider is."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from energy.models import Tariff
from energy.points import Rate


class ProviderError(Exception):
    """The provider gave no prices; `reason` is for people.

    `retry_after_s` is how long it makes no sense to ask again, where that is known.
    """

    def __init__(self, reason: str, retry_after_s: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True, order=True)
class Charge:
    """A standing charge as its provider states it, in pence (cents) a local day; `end` None is open."""

    start: datetime
    end: datetime | None
    pence_per_day: float


@dataclass(frozen=True, slots=True)
class Published:
    """What a provider says of a stretch of time. `charges` None: it says nothing of standing charges.

    A `warning` is for people: the prices are good, something beside them is not.
    """

    rates: list[Rate]
    charges: list[Charge] | None = None
    warning: str = ""


class PriceProvider(Protocol):
    """A source of prices for tariffs. Without state: one instance serves every tariff."""

    name: str
    """The value of `Tariff.provider`."""

    correction_window: timedelta
    """How far back each fetch asks again, because published prices are sometimes corrected."""

    def problems(self, tariff: Tariff) -> dict[str, str]:
        """Return what is wrong with the tariff's terms for this provider, by field name."""

    def published_until(self, now: datetime) -> datetime:
        """Return up to when prices should be known at `now`; until they are, each run asks again."""

    def ask_until(self, now: datetime) -> datetime:
        """Return the end of what to ask for at `now`: at least `published_until`, past all there may be."""

    def fetch(self, tariff: Tariff, start: datetime, end: datetime, base_url: str | None = None) -> Published:
        """Return the prices of `tariff` that overlap [start, end), in any order.

        `base_url` replaces the provider's usual address. Raises ProviderError.
        """
