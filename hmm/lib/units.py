"""Units as people read them: hashrates, efficiency, and numbers with an SI letter."""

import math
import re
from decimal import Decimal

UNKNOWN = "–"
_HASHRATE_UNITS = ((1e-3, "MH/s"), (1.0, "GH/s"), (1e3, "TH/s"), (1e6, "PH/s"), (1e9, "EH/s"))
_SI_EXPONENTS = {"": 0, "k": 3, "K": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_SI_NUMBER = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?)\s*([kKMGTPE]?)\s*")


def format_hashrate(hashrate_ghs: float | None) -> str:
    """Return a hashrate (GH/s) with three significant digits: "1.05 TH/s"; "–" where it is not known."""
    if hashrate_ghs is None or not math.isfinite(hashrate_ghs):
        return UNKNOWN
    if hashrate_ghs == 0:
        return "0 GH/s"
    shown = [(_three_digits(hashrate_ghs / scale), unit) for scale, unit in _HASHRATE_UNITS]
    number, unit = next((pair for pair in shown if abs(pair[0]) < 1000), shown[-1])
    return f"{number:.{_decimals(number)}f} {unit}"


def hashrate_unit(hashrate_ghs: float) -> tuple[float, str]:
    """Return the unit in which a hashrate (GH/s) is shown, and how many GH/s it is: (1000.0, "TH/s")."""
    unit = format_hashrate(hashrate_ghs).partition(" ")[2]
    return next(pair for pair in _HASHRATE_UNITS if pair[1] == unit)


def j_per_th(power_w: float | None, hashrate_ghs: float | None) -> float | None:
    """Return the efficiency in J/TH (W per TH/s); None where either is not known or nothing is hashed."""
    if power_w is None or hashrate_ghs is None or hashrate_ghs <= 0:
        return None
    efficiency = power_w / hashrate_ghs * 1000
    return efficiency if math.isfinite(efficiency) else None


def counted(count: int, noun: str, nouns: str = "") -> str:
    """Return so many of something in words: "1 miner", "1,200 miners"; `nouns` where the plural is not `noun` and s."""
    return f"{count:,} {noun if count == 1 else nouns or noun + 's'}"


def unit_for(value: float, unit: str) -> str:
    """Return a unit that is a plural noun, such as "questions" or "polls/s", as it is said of `value`: one question."""
    noun, slash, per = unit.partition("/")
    is_noun = len(noun) > 2 and noun.endswith("s")
    return f"{noun[:-1]}{slash}{per}" if is_noun and value == 1 else unit


def parse_si(text: str | float) -> float:
    """Return the number that "4.29G", "483k" or "1e+03T" stands for; a number stands for itself.

    Raises ValueError for anything else, NaN and infinity included.
    """
    match = _SI_NUMBER.fullmatch(str(text))
    if not match:
        raise ValueError(f"{text!r} is not a number such as 4.29G")
    number = float(Decimal(match[1]).scaleb(_SI_EXPONENTS[match[2]]))
    if not math.isfinite(number):
        raise ValueError(f"{text!r} is too large")
    return number


def _three_digits(value: float) -> float:
    return float(f"{value:.2e}")


def _decimals(rounded: float) -> int:
    if rounded == 0:
        return 2
    return max(0, 2 - math.floor(math.log10(abs(rounded))))
