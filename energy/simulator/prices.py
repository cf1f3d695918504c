"""What a simulated half-hour costs: the same slot of the same seed and region always the same."""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from energy.simulator.weather import chance, summer, sun, wind
from hmm.lib.times import local_midnight

UK = ZoneInfo("Europe/London")
SLOT = timedelta(minutes=30)
CAP_INC_VAT = 100.0
VAT = 1.05
PEAK_HOURS = range(16, 19)
# fmt: off
DAILY_SHAPE = (
    -6.0, -6.5, -7.0, -7.0, -6.5, -5.0, -1.5, 3.0, 4.0, 2.0, 0.5, -0.5,
    -1.0, -1.0, -0.5, 1.5, 4.5, 6.0, 5.0, 3.0, 1.0, -0.5, -2.5, -4.5,
)
# fmt: on
"""What each local hour adds to the day's level, in p/kWh without VAT."""


def pence_exc_vat(seed: int, region: str, start: datetime) -> float:
    """Return the price of the half-hour from `start` (UTC) without VAT, in p/kWh to two decimals."""
    here = start.astimezone(UK)
    level = _wholesale(seed, here, start)
    peak = 11.5 if here.hour in PEAK_HOURS else 0.0
    return round(min(level * _region_factor(region) + peak, CAP_INC_VAT / VAT), 2)


def pence_inc_vat(exc_vat: float) -> float:
    """Return a price with VAT, to four decimals and never above the cap."""
    return min(round(exc_vat * VAT, 4), CAP_INC_VAT)


def published_until(seed: int, now: datetime) -> datetime:
    """Return up to when prices are public at `now`: a whole UK day, the next from publication on."""
    today = now.astimezone(UK).date()
    days = 2 if now >= publication(seed, today) else 1
    return local_midnight(today + timedelta(days=days), UK)


def publication(seed: int, day: date) -> datetime:
    """Return when the prices of the day after `day` come out: soon after 16:00 UK time, now and then late."""
    late = chance(seed, "late", day) < 0.06
    minutes = 90 + 210 * chance(seed, "delay", day) if late else 14 * chance(seed, "delay", day)
    at = datetime(day.year, day.month, day.day, 16, tzinfo=UK).astimezone(UTC)
    return at + timedelta(minutes=int(minutes))


def _wholesale(seed: int, here: datetime, start: datetime) -> float:
    day = here.date()
    season = summer(day)
    blowing, shining = wind(seed, here), sun(seed, here)
    level = 27.5 - 3.5 * season - (2.0 if day.weekday() >= 5 else 0.0)
    shape = DAILY_SHAPE[here.hour] * (1.1 - 0.2 * season)
    scarce = max(0.0, 0.25 - blowing) * 60.0 * (1.0 - season) * (1.0 + max(0.0, shape) / 3.0)
    noise = 3.0 * (chance(seed, "slot", int(start.timestamp())) - 0.5)
    return level + shape + scarce - 15.0 * blowing - 21.0 * shining + _shock(seed, here) + noise


def _shock(seed: int, here: datetime) -> float:
    """Return what a few days a year add: a glut at night or at noon, a shortage on winter evenings."""
    day = here.date()
    lot, size = chance(seed, "shock", day), chance(seed, "shock size", day)
    if lot < 0.03 and (here.hour < 6 or 11 <= here.hour < 16):
        return -14.0 - 12.0 * size
    if lot > 0.985 and here.hour in PEAK_HOURS and summer(day) < 0.3:
        return 30.0 + 60.0 * size
    return 0.0


@lru_cache(maxsize=32)
def _region_factor(region: str) -> float:
    return 0.97 + 0.06 * chance("region", region)
