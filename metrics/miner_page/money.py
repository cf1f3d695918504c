"""What a miner's electricity cost and what its work could expect to earn, period by period."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo

from hmm.lib.times import local_midnight
from metrics.column_words import MoneyUnit, money_unit
from metrics.explain.figure import FigureRef
from metrics.query import MetricRow
from metrics.templatetags.hmm_format import energy, percent, price, sats
from metrics.types.base import MINOR

WHOLE = 0.995

AMOUNTS = ("energy_cost", "earnings")
"""The metric types that amounts are told by."""

BACK = {"daily": ("By day", 7), "weekly": ("By week", 6), "monthly": ("By month", 12)}
"""What a table may go by: its title, and how many periods it has, the open one among them."""


@dataclass(frozen=True, slots=True)
class MoneyLine:
    """One period as the table shows it; `refs` says which figure of the store each amount is."""

    when: str
    energy: str
    cost: str
    average_price: str
    coins: str
    revenue: str
    profit: str
    profit_tone: str
    break_even: str
    note: str
    refs: Mapping[str, FigureRef]


def money_lines(rows: Sequence[MetricRow], zone: tzinfo, currency: str) -> list[MoneyLine]:
    """Return the periods that have figures, the latest first."""
    by_start: dict[datetime, dict[str, MetricRow]] = {}
    for row in rows:
        by_start.setdefault(row.timestamp, {})[row.metric_type] = row
    unit = money_unit(_sums(rows, currency), currency)
    return [
        _line(by_start[start], zone, currency, unit)
        for start in sorted(by_start, reverse=True)
        if "energy_cost" in by_start[start]
    ]


def first_start(period: str, now: datetime, zone: tzinfo) -> datetime:
    """Return when the first period of the table begins that ends with the open one."""
    today, back = now.astimezone(zone).date(), BACK[period][1] - 1
    if period == "monthly":
        months = today.year * 12 + today.month - 1 - back
        return local_midnight(date(months // 12, months % 12 + 1, 1), zone)
    days = back if period == "daily" else 7 * back + today.weekday()
    return local_midnight(today - timedelta(days=days), zone)


def _sums(rows: Sequence[MetricRow], currency: str) -> Iterator[float | None]:
    """Yield the amounts of money of these rows, which a table says in one unit."""
    keys = [f"{name}_{currency.lower()}" for name in ("cost", "revenue", "profit")]
    return (row.value_json.get(key) for row in rows for key in keys)


def _line(types: Mapping[str, MetricRow], zone: tzinfo, currency: str, unit: MoneyUnit) -> MoneyLine:
    row, code, minor = types["energy_cost"], currency.lower(), MINOR[currency]
    cost, work = row.value_json, types["earnings"].value_json if "earnings" in types else {}
    profit = work.get(f"profit_{code}")
    return MoneyLine(
        when=_when(row.timestamp.astimezone(zone), row.period, is_open=bool(cost.get("partial"))),
        energy=energy(cost["kwh"]),
        cost=unit.words(cost[f"cost_{code}"]),
        average_price=price(cost[f"avg_price_{minor}"], currency),
        coins=sats(work.get("btc")) if work.get("btc") is not None else "",
        revenue=unit.words(work.get(f"revenue_{code}")),
        profit=unit.words(profit),
        profit_tone="muted" if profit is None else "good" if profit >= 0 else "bad",
        break_even=price(work.get(f"break_even_{minor}"), currency),
        note="" if cost["coverage"] >= WHOLE else f"{percent(cost['coverage'])} measured",
        refs=_refs(row, code, minor),
    )


def _refs(of: MetricRow, code: str, minor: str) -> dict[str, FigureRef]:
    """Return which figures of the miner and the period of `of` the amounts are, by their names in a line."""
    keys = {
        "energy": ("energy_cost", "kwh"),
        "average_price": ("energy_cost", f"avg_price_{minor}"),
        "cost": ("energy_cost", f"cost_{code}"),
        "coins": ("earnings", "btc"),
        "revenue": ("earnings", f"revenue_{code}"),
        "profit": ("earnings", f"profit_{code}"),
        "break_even": ("earnings", f"break_even_{minor}"),
        "note": ("energy_cost", "coverage"),
    }
    whose = (of.entity_type, of.entity_id, of.period, of.timestamp)
    return {name: FigureRef(metric_type, key, *whose) for name, (metric_type, key) in keys.items()}


def _when(local: datetime, period: str, *, is_open: bool) -> str:
    if period == "monthly":
        return f"{local:%B %Y}" + (", so far" if is_open else "")
    day = f"{local.day} {local:%b}"
    if period == "weekly":
        return f"Week of {day}" + (", so far" if is_open else "")
    return "Today, so far" if is_open else f"{local:%a} {day}"
