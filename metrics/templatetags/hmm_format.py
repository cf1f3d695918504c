"""Numbers as people read them: money, prices, energy, power, ages. Usable as functions and as template filters."""

from datetime import datetime, timedelta, tzinfo
from math import floor, log10

from django import template

from hmm.lib.ages import age_words
from hmm.lib.units import UNKNOWN, format_hashrate

register = template.Library()

SYMBOLS = {"GBP": ("£", "p"), "EUR": ("€", "ct"), "USD": ("$", "¢")}
"""By currency: the sign of the whole, and of its hundredth."""

SMALL_MONEY = 0.1
"""Less money than this is said in hundredths."""

SATS_PER_BTC = 100_000_000
MAGNITUDES = ((1e18, "E"), (1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))

LEAST_MONEY = 1e-6
"""Less money than this is said to be about nothing."""


@register.filter
def hashrate(hashrate_ghs: float | None) -> str:
    """Return a hashrate with the unit that suits it: 1.21 TH/s."""
    return format_hashrate(hashrate_ghs)


@register.filter
def money(amount: float | None, currency: str = "GBP") -> str:
    """Return an amount to the hundredth, a small one with three digits that count: £1,204.10, −£1.92, £0.42, 7.47 p, 0.18 p."""
    if amount is None:
        return UNKNOWN
    (symbol, hundredth), size = SYMBOLS[currency], abs(amount)
    if 0 < size < LEAST_MONEY:
        return f"≈{symbol}0"
    is_whole = size >= SMALL_MONEY or size == 0
    text = f"{symbol}{size:,.2f}" if is_whole else f"{_little(100 * size)} {hundredth}"
    return f"−{text}" if amount < 0 else text


def digits_that_count(size: float, least: int = 2) -> int:
    """Return the decimals that show three significant digits of a size above 0, not fewer than `least`."""
    return max(least, 2 - floor(log10(size)))


@register.filter
def price(hundredths: float | None, currency: str = "GBP") -> str:
    """Return a price per kWh in hundredths of the currency: 18.4 p."""
    return UNKNOWN if hundredths is None else f"{decimal(hundredths, 1)} {SYMBOLS[currency][1]}"


@register.filter
def energy(kwh: float | None) -> str:
    """Return an amount of energy: 0.42 kWh, 12.3 kWh, 1,234 kWh, 12.3 MWh."""
    if kwh is None:
        return UNKNOWN
    return f"{_three_figures(kwh / 1000)} MWh" if abs(kwh) >= 10_000 else f"{_three_figures(kwh)} kWh"


@register.filter
def power(power_w: float | None) -> str:
    """Return a power: 18.2 W, 840 W, 3.62 kW, 1.2 MW."""
    if power_w is None:
        return UNKNOWN
    for size, unit in ((1e6, "MW"), (1e3, "kW")):
        if abs(power_w) >= size:
            return f"{_three_figures(power_w / size)} {unit}"
    return f"{decimal(power_w, 1 if abs(power_w) < 100 else 0)} W"


@register.filter
def decimal(number: float | None, places: int = 1) -> str:
    """Return a number with that many decimals, thousands set apart, and a true minus sign."""
    if number is None:
        return UNKNOWN
    text = f"{abs(number):,.{places}f}"
    return f"−{text}" if round(number, places) < 0 else text


@register.filter
def sats(btc: float | None) -> str:
    """Return an amount of bitcoins in satoshis: 1,234 sat."""
    return UNKNOWN if btc is None else f"{decimal(btc * SATS_PER_BTC, 0)} sat"


@register.filter
def magnitude(number: float | None) -> str:
    """Return a large number with its letter: 950, 6.10 G, 144 T."""
    if number is None:
        return UNKNOWN
    for size, letter in MAGNITUDES:
        if abs(number) >= 0.9995 * size:  # else it would be said as 1,000 of the letter before
            return f"{_three_figures(number / size)} {letter}"
    return decimal(number, 0)


@register.filter
def percent(share: float | None) -> str:
    """Return a share (0..1) as a whole per cent that says 100 % only of the whole: 98 %."""
    if share is None:
        return UNKNOWN
    whole = 100 if share >= 1 else min(round(100 * share), 99)
    return f"{whole} %"


@register.filter
def age(span: timedelta | None) -> str:
    """Return how long something lasts or is ago: 12 s, 8 min, 3 h, 2 days."""
    return UNKNOWN if span is None else age_words(span)


@register.filter
def seconds_ago(age_s: float) -> str:
    """Return an age in seconds as people say it: now, 12 s ago, 3 min ago."""
    return age_words(timedelta(seconds=age_s), past=True)


def clock(moment: datetime, now: datetime, zone: tzinfo) -> str:
    """Return a time near `now` as people say it: 13:00, 02:30 tomorrow, Wed 02:30."""
    local = moment.astimezone(zone)
    days = (local.date() - now.astimezone(zone).date()).days
    if days == 0:
        return f"{local:%H:%M}"
    return f"{local:%H:%M} tomorrow" if days == 1 else f"{local:%a %H:%M}"


def _little(size: float) -> str:
    """Return a size below 10 with three digits that count, and no zero behind its hundredths."""
    text = f"{size:.{digits_that_count(size)}f}"
    whole, _, parts = text.partition(".")
    return f"{whole}.{parts[:2]}{parts[2:].rstrip('0')}"


def _three_figures(number: float) -> str:
    size = abs(number)
    return decimal(number, 2 if size < 10 else 1 if size < 100 else 0)
