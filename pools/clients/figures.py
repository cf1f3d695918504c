"""Figures out of what a pool says: each right, or left out with a warning."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hmm.lib.http import BadAnswer
from hmm.lib.units import parse_si

H_PER_GH = 1e9
MOST_GHS = 1e15
"""A million EH/s: a thousand times what all the world's miners do."""

MOST = 2**62
"""More than a pool of all the world's miners counts in a lifetime, and what a column of the database still holds."""

MOST_COUNT = 2**31 - 1
"""Of workers, users or blocks, for the same reason."""

UNITS_H = {"h/s": 1, "kh/s": 1e3, "mh/s": 1e6, "gh/s": 1e9, "th/s": 1e12, "ph/s": 1e15, "eh/s": 1e18}


@dataclass(frozen=True, slots=True)
class Figures:
    """Some of a report's figures by name, and what was odd about others."""

    found: dict[str, Any]
    warnings: tuple[str, ...] = ()


class Told:
    """An object of the pool's, of which figures are taken by key; `warnings` says which could not be."""

    def __init__(self, told: Mapping[str, Any], whose: str = "") -> None:
        self._told = told
        self._whose = f"{whose} " if whose else ""
        self.warnings: list[str] = []
        self.read = 0

    def has(self, key: str) -> bool:
        """Return whether `key` is told, if only as null."""
        return key in self._told

    def number(self, key: str, *, least: float = 0.0, most: float = float(MOST)) -> float | None:
        """Return a number; it may be written as text, with an SI letter: "4.29G", "1e+03T"."""
        if key not in self._told:
            return None
        value = self._told[key]
        try:
            if isinstance(value, bool) or not isinstance(value, int | float | str):
                raise ValueError(value)
            number = parse_si(value)
        except (ValueError, OverflowError):
            self._leave_out(key, value)
            return None
        if not math.isfinite(number) or not least <= number <= most:
            self._leave_out(key, value)
            return None
        self.read += 1
        return number

    def count(self, key: str, *, most: int = MOST_COUNT) -> int | None:
        """Return a whole number; a fraction of one is cut off."""
        number = self.number(key, most=float(most))
        return None if number is None else int(number)

    def hashrate_ghs(self, key: str, unit: str = "h/s") -> float | None:
        """Return a hashrate, told in `unit`, in GH/s."""
        h_per_unit = UNITS_H.get(unit.strip().lower())
        if h_per_unit is None:
            if self._told.get(key) is not None:
                self._leave_out(key, f"{self._told[key]} {unit}")
            return None
        number = self.number(key, most=MOST_GHS * H_PER_GH / h_per_unit)
        return None if number is None else number * h_per_unit / H_PER_GH

    def text(self, key: str) -> str:
        """Return a text, "" where there is none."""
        value = self._told.get(key)
        return value if isinstance(value, str) else ""

    def object(self, key: str) -> Mapping[str, Any]:
        """Return an object within, empty where there is none."""
        value = self._told.get(key, {})
        if isinstance(value, dict):
            return value
        self._leave_out(key, value)
        return {}

    def list(self, key: str) -> list[Any] | None:
        """Return a list within, None where there is none."""
        value = self._told.get(key, [])
        if not isinstance(value, list):
            self._leave_out(key, value)
        return value if key in self._told and isinstance(value, list) else None

    def figures(self, what: str, **found: Any) -> Figures:
        """Return these figures with the warnings. Raises BadAnswer where not one could be read: it is not `what`."""
        if not self.read:
            why = f" ({self.warnings[0]})" if self.warnings else ""
            raise BadAnswer(f"answer is not {what}{why}", 200)
        return Figures(found, tuple(self.warnings))

    def warn(self, what: str) -> None:
        """Say that something is odd."""
        self.warnings.append(f"{self._whose}{what}")

    def _leave_out(self, key: str, value: Any) -> None:
        shown = "null" if value is None else repr(str(value)[:60])
        self.warnings.append(f"{self._whose}{key} left out: {shown} is no figure")
