"""The meaning of every figure, row by row with exact fractions. Slow, and shares no code with the engine."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction as F
from math import sqrt


@dataclass(frozen=True)
class Row:
    """A miner during [start_s, end_s), seconds since the epoch."""

    miner: int
    start_s: int
    end_s: int
    power_w: float | None = None
    hashrate_ghs: float | None = None
    temperature_c: float | None = None
    accepted: int | None = None
    rejected: int | None = None


@dataclass(frozen=True)
class Price:
    """A price during [start_s, end_s)."""

    start_s: int
    end_s: int
    pence: float


def clipped(rows: list[Row]) -> list[Row]:
    """Clip each row to the one before it of the same miner."""
    last: dict[int, int] = {}
    found = []
    for row in sorted(rows, key=lambda r: (r.miner, r.end_s)):
        start = max(row.start_s, last.get(row.miner, row.start_s))
        found.append(Row(**{**row.__dict__, "start_s": start}))
        last[row.miner] = row.end_s
    return found


def figures(
    rows: list[Row], prices: list[Price], start_s: int, end_s: int, kind: str, *, is_slot: bool = False
) -> dict | None:
    """Return metric type → value_json of [start_s, end_s) for rows of one miner, or of a fleet's miners."""
    inside = [(r, _overlap(r, start_s, end_s)) for r in rows if _overlap(r, start_s, end_s) > 0]
    if not inside:
        return None
    count = len({r.miner for r, _ in inside})
    elapsed, capacity = end_s - start_s, (end_s - start_s) * count
    records = sum(start_s <= r.start_s < end_s for r, _ in inside)

    def total(
        value: Callable[[Row], float | None], having: Callable[[Row], bool] = lambda r: True
    ) -> F | None:
        found = [F(value(r)) * s for r, s in inside if value(r) is not None and having(r)]
        return sum(found, F(0)) if found else None

    def seconds(having: Callable[[Row], bool]) -> int:
        return sum(s for r, s in inside if having(r))

    def shares(value: Callable[[Row], int | None]) -> int | None:
        found = [value(r) for r, _ in inside if start_s <= r.start_s < end_s and value(r) is not None]
        return sum(found) if found else None

    def common(own_s: int) -> dict:
        return {"records": records, "coverage": float(F(own_s, capacity))}

    power_s = seconds(lambda r: r.power_w is not None)
    hashrate_s = seconds(lambda r: r.hashrate_ghs is not None)
    both = lambda r: r.power_w is not None and r.hashrate_ghs is not None  # noqa: E731
    joules, hashes = total(lambda r: r.power_w), total(lambda r: r.hashrate_ghs)
    priced = _priced(inside, prices, start_s, end_s)
    cost = sum((j * F(p) / 3_600_000 for j, p in priced), F(0)) if priced else None
    priced_kwh = sum((j for j, _ in priced), F(0)) / 3_600_000
    kwh = _over(joules, 3_600_000)
    energy = common(power_s) | {
        "avg_price_pence": _over(cost, priced_kwh),
        "priced_kwh": float(priced_kwh) if joules is not None else None,
    }
    if kind == "miner":
        energy |= {"kwh": kwh, "cost_gbp": _over(cost, 100)}
    else:
        energy |= {
            "total_kwh": kwh,
            "total_cost_gbp": _over(cost, 100),
            "miner_count": count,
            "avg_cost_per_miner": _over(cost, 100 * count),
            "standing_charge_gbp": None,
        }
    least, greatest = _extremes(inside, lambda r: r.hashrate_ghs)
    cold, hot = _extremes(inside, lambda r: r.temperature_c)
    average = hashes / hashrate_s if hashrate_s and hashes is not None else None
    speed = {"unit": "GH/s", "avg": _over(hashes, elapsed), "min": None, "max": None, "stability": None}
    speed |= _percentiles(inside, lambda r: r.hashrate_ghs, is_slot)
    if kind == "miner":
        speed |= {
            "avg": _over(hashes, hashrate_s),
            "min": least,
            "max": greatest,
            "stability": _stability(inside, average, hashrate_s),
        }
    temperature_s = seconds(lambda r: r.temperature_c is not None)
    hashing_s = seconds(lambda r: (r.hashrate_ghs or 0) > 0)
    result = {
        "energy_cost": energy,
        "hashrate": common(hashrate_s) | speed,
        "temperature": common(temperature_s)
        | {
            "avg": _over(total(lambda r: r.temperature_c), temperature_s),
            "min": cold,
            "max": hot,
            "unit": "C",
        }
        | _percentiles(inside, lambda r: r.temperature_c, is_slot),
        "uptime": common(hashrate_s)
        | {"uptime": float(100 * F(hashing_s, capacity)), "hashing_s": hashing_s, "elapsed_s": elapsed},
        "efficiency": common(seconds(both))
        | {
            "j_per_th": _over(
                total(lambda r: r.power_w, both), (total(lambda r: r.hashrate_ghs, both) or 0) / 1000
            )
        },
    }
    if kind != "site":  # without a history of coins; tests/metrics/test_earnings.py has one
        unknown = dict.fromkeys(("btc", "revenue_gbp", "profit_gbp", "break_even_pence"))
        result["earnings"] = common(0) | unknown | {"cost_gbp": _over(cost, 100), "basis": "expectation"}
        told = seconds(lambda r: r.accepted is not None or r.rejected is not None)
        accepted, rejected = (
            shares(v) or 0 if told else None for v in (lambda r: r.accepted, lambda r: r.rejected)
        )
        found = (accepted or 0) + (rejected or 0)
        result["reject_rate"] = common(told) | {
            "accepted": accepted,
            "rejected": rejected,
            "reject_rate": float(F(100 * (rejected or 0), found)) if found else None,
        }
    return result


def _overlap(row: Row, start_s: int, end_s: int) -> int:
    return min(row.end_s, end_s) - max(row.start_s, start_s)


def _priced(inside: list, prices: list[Price], start_s: int, end_s: int) -> list[tuple[F, float]]:
    found = []
    for row, _ in inside:
        if row.power_w is None:
            continue
        for price in prices:
            seconds = _overlap(row, max(start_s, price.start_s), min(end_s, price.end_s))
            if seconds > 0:
                found.append((F(row.power_w) * seconds, price.pence))
    return found


def _over(value: F | None, by: float | F) -> float | None:
    return None if value is None or not by else float(value / F(by))


def _extremes(inside: list, value: Callable[[Row], float | None]) -> tuple[float | None, float | None]:
    found = [value(r) for r, _ in inside if value(r) is not None]
    return (min(found), max(found)) if found else (None, None)


def percentile(weighted: list[tuple[float, int]], percent: int) -> float | None:
    """Return the least value such that at least `percent` % of the seconds are of values not above it."""
    total, up_to = sum(seconds for _, seconds in weighted), 0
    for value, seconds in sorted(weighted):
        up_to += seconds
        if F(up_to, total) >= F(percent, 100):
            return value
    return None


def _percentiles(
    inside: list, value: Callable[[Row], float | None], is_slot: bool
) -> dict[str, float | None]:
    weighted = [] if is_slot else [(value(r), s) for r, s in inside if value(r) is not None]
    return {f"p{percent}": percentile(weighted, percent) for percent in (50, 95, 99)}


def _stability(inside: list, average: F | None, hashrate_s: int) -> float | None:
    if not average:
        return None
    squares = sum((F(r.hashrate_ghs) - average) ** 2 * s for r, s in inside if r.hashrate_ghs is not None)
    return max(0.0, 100 * (1 - sqrt(squares / hashrate_s) / float(average)))
