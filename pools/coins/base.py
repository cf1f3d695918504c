"""What a source of coin prices is."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from hmm.door import Source, books
from hmm.door.source import host_of
from hmm.lib.http import BadAnswer
from hmm.lib.units import parse_si

COINS = ("BTC", "BCH", "DGB")
CURRENCIES = ("GBP", "EUR", "USD")
MOST = 1e9
"""No coin costs a thousand million."""

Pair = tuple[str, str]
"""A coin and a currency."""


@dataclass(frozen=True, slots=True)
class Prices:
    """Prices by (coin, currency), `age_s` old; `error` is why they could not be had anew, else empty."""

    found: Mapping[Pair, float]
    age_s: float = 0.0
    error: str = ""


Past = Sequence[tuple[datetime, float]]
"""What a coin cost, in order of time, whole seconds."""


class PriceSource(Protocol):
    """Tells what coins cost, now and perhaps in the past. Without state."""

    name: str

    rank: int
    """Who is asked first; the next one is asked for what is missing then."""

    coins: tuple[str, ...]
    """The coins that it knows."""

    past_days: int
    """Of how many days it tells the past in one answer, prices an hour or so apart; 0 where it does not."""

    def prices(self, base_url: str | None = None) -> Prices:
        """Return the prices it knows. `base_url` replaces its usual address. Raises HttpError."""

    def past(self, pair: Pair, start: datetime, end: datetime, base_url: str | None = None) -> Past:
        """Return what a coin cost in [start, end), at most `past_days` days. Raises HttpError."""


class OnlyNow:
    """What a source is that tells no past: see PriceSource."""

    past_days = 0

    def past(self, pair: Pair, start: datetime, end: datetime, base_url: str | None = None) -> Past:
        """Return nothing."""
        return []


def past_of(told: Iterable[tuple[Any, Any]], start: datetime, end: datetime) -> Past:
    """Return those of these (seconds since 1970, price) that are prices in [start, end), in order, one a second."""
    low, high = start.timestamp(), end.timestamp()
    found: dict[int, float] = {}
    for second, value in told:
        price = price_of(value)
        if (
            not isinstance(second, bool)
            and isinstance(second, int | float)
            and low <= second < high
            and price
        ):
            found[int(second)] = price
    return [(datetime.fromtimestamp(second, UTC), found[second]) for second in sorted(found)]


def price_of(value: Any) -> float | None:
    """Return a price that is a number or a text of one; None where it is neither, or cannot be."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        price = parse_si(value)
    except (ValueError, OverflowError):
        return None
    return price if 0 < price < MOST else None


def some_prices(told: Mapping[Pair, Any]) -> dict[Pair, float]:
    """Return those of these values that are prices. Raises BadAnswer where none is."""
    found = {pair: price for pair, value in told.items() if (price := price_of(value)) is not None}
    if not found:
        raise BadAnswer("answer has no price", 200)
    return found


def note_missing(source: Source, url: str, found: Mapping[Pair, float], wanted: Collection[Pair]) -> None:
    """Keep as the source's last error which of the wanted prices its answer lacks."""
    missing = [f"{coin} in {currency}" for coin, currency in wanted if (coin, currency) not in found]
    if missing:
        books().note(source.name, host_of(url), None, f"no price of {', '.join(missing)}")
