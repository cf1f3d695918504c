"""Repeatable chance: wind and sun for each UK day, noise for each slot, all from a seed and no state."""

import hashlib
import math
from datetime import date, datetime, timedelta
from functools import lru_cache


@lru_cache(maxsize=65536)
def chance(*of_what: object) -> float:
    """Return a number in [0, 1) that depends on nothing but `of_what`."""
    digest = hashlib.blake2b(repr(of_what).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def wind(seed: int, here: datetime) -> float:
    """Return how windy it is, 0 (still) to 1 (storm), at the local time `here`: days run into each other."""
    day, hours = here.date(), here.hour + here.minute / 60
    today, tomorrow = _day_wind(seed, day), _day_wind(seed, day + timedelta(days=1))
    return today + (tomorrow - today) * hours / 24


def sun(seed: int, here: datetime) -> float:
    """Return how strong the sun is, 0 to 1, at the local time `here`."""
    season = summer(here.date())
    half_day_h = 4.0 + 4.5 * season
    noon_h = 12.2 + 0.8 * season
    away = abs(here.hour + here.minute / 60 + 0.25 - noon_h) / half_day_h
    height = math.cos(away * math.pi / 2) if away < 1 else 0.0
    clear = 1.0 - 0.75 * chance(seed, "clouds", here.date())
    return height * clear * (0.25 + 0.75 * season)


def summer(day: date) -> float:
    """Return how much of a summer day `day` is: 0 in mid-January, 1 in mid-July."""
    return 0.5 - 0.5 * math.cos(2 * math.pi * (day.timetuple().tm_yday - 15) / 365.25)


def _day_wind(seed: int, day: date) -> float:
    # Weather comes in spells: a slow part that lasts some days, and a part of the day's own.
    spell = chance(seed, "spell", day.toordinal() // 4)
    windier_in_winter = 1.0 - 0.3 * summer(day)
    return (0.6 * spell + 0.4 * chance(seed, "wind", day)) * windier_in_winter
