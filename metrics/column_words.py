"""Figures that stand below each other in a table: all in one unit, with as many decimals, so that they compare at a glance."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from hmm.lib.units import UNKNOWN, hashrate_unit
from metrics.figure_words import in_words, unit_of
from metrics.templatetags.hmm_format import SMALL_MONEY, SYMBOLS, decimal, digits_that_count, money

Say = Callable[[Any], str]

MOST_DIGITS = 6
MWH_FROM_KWH = 10_000
"""From this energy on a column is in MWh."""


@dataclass(frozen=True, slots=True)
class MoneyUnit:
    """What a column of money is in: `text` is the sign of the currency's whole or hundredth, of which a whole has `factor`."""

    text: str
    factor: int
    digits: int
    is_whole: bool

    def number(self, amount: float | None) -> str:
        """Return an amount as a cell of a column that names the unit in its heading: −0.0075."""
        return UNKNOWN if amount is None else decimal(amount * self.factor, self.digits)

    def words(self, amount: float | None) -> str:
        """Return an amount with its unit: −£1.92, 7.44 p."""
        number = self.number(amount)
        if amount is None:
            return number
        if not self.is_whole:
            return f"{number} {self.text}"
        return f"−{self.text}{number[1:]}" if number.startswith("−") else f"{self.text}{number}"


def money_unit(
    amounts: Iterable[float | None],
    currency: str,
    digits: int | None = None,
    whole_from: float = SMALL_MONEY,
) -> MoneyUnit:
    """Return the unit for all of these: the whole if one of them is `whole_from`; as many decimals as the greatest needs, or `digits`."""
    size = max((abs(amount) for amount in amounts if amount is not None), default=0.0)
    whole, hundredth = SYMBOLS[currency]
    is_whole = size >= whole_from
    factor = 1 if is_whole else 100
    return MoneyUnit(
        whole if is_whole else hundredth,
        factor,
        _digits(size * factor) if digits is None else digits,
        is_whole,
    )


def money_beside(amounts: Iterable[float | None], currency: str) -> Say:
    """Return what says these few amounts, which stand beside each other, in one unit: £1.17, £0.04 and −£1.13."""
    known = [amount for amount in amounts if amount is not None]
    if len(known) < 2:
        return lambda amount: money(amount, currency)
    unit = money_unit(known, currency)
    return (money_unit(known, currency, digits=2) if unit.is_whole else unit).words


def words_of_column(metric_type: str, key: str, currency: str, values: Iterable[Any]) -> Say:
    """Return what says each of these figures of one key with its unit, which is the same for all."""
    found = [value for value in values if isinstance(value, int | float)]
    size = max(map(abs, found), default=0.0)
    unit = unit_of(metric_type, key, currency)
    if unit.text == SYMBOLS[currency][0]:
        return money_unit(found, currency).words
    if key.endswith("kwh"):
        return _in(1000, "MWh") if size >= MWH_FROM_KWH else _in(1, "kWh")
    if unit.text == "TH/s" and size:
        return _in(*hashrate_unit(size))
    return lambda value: in_words(metric_type, key, value, currency)


def _in(scale: float, unit: str) -> Say:
    return lambda value: UNKNOWN if value is None else f"{decimal(value / scale, 2)} {unit}"


def _digits(size: float) -> int:
    return min(digits_that_count(size), MOST_DIGITS) if size > 0 else 2
