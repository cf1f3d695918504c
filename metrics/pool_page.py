"""What the page Pools shows of each pool: its last check, its health of the last day, its last error."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils.safestring import SafeString

from hmm.lib.svg import sparkline
from hmm.lib.told_rows import instance_of
from metrics.explain.figure import FigureRef
from metrics.query import MetricRow, metrics_in_range, open_metrics
from metrics.query.reading import Beside, ask_beside, told_beside
from metrics.store.kept import KeptText
from metrics.types.pool_health import HealthParts, health_parts
from pools.coins.base import COINS, CURRENCIES, Prices
from pools.models import Pool, PoolReading

HOURS = 24

# A pool's token is sealed, and no page shows it.
POOLS = KeptText(
    "pools",
    {"since": "timestamptz"},
    (
        """
SELECT json_agg(json_build_array(to_jsonb(pool) - 'token', to_json(last), to_json(failed)) ORDER BY active DESC, name)
FROM pools_pool pool
LEFT JOIN LATERAL (
    SELECT * FROM pools_poolreading WHERE pool_id = pool.id AND timestamp > %(since)s
    ORDER BY timestamp DESC LIMIT 1) last ON TRUE
LEFT JOIN LATERAL (
    SELECT * FROM pools_poolreading WHERE pool_id = pool.id AND timestamp > %(since)s AND error <> ''
    ORDER BY timestamp DESC LIMIT 1) failed ON TRUE
""",
    ),
)
"""Every pool, those that are checked first, with its last check and the last one that failed."""

KEPT = (POOLS,)


@dataclass(frozen=True, slots=True)
class PoolRow:
    """A line of the table; `health` is the newest hour's that has a score, `failure` the last check that failed within a day."""

    pool: Pool
    tone: str
    state: str
    reading: PoolReading | None
    failure: PoolReading | None
    health: MetricRow | None
    parts: HealthParts | None
    latency: SafeString


@dataclass(frozen=True, slots=True)
class Earned:
    """What work could expect in bitcoins and in money, what its energy cost, and the price (pence) at which both are alike.

    `refs` says which figure of the store each is, by its name here.
    """

    btc: float | None
    revenue: float | None
    cost: float | None
    break_even: float | None
    refs: Mapping[str, FigureRef]


def pool_rows(now: datetime) -> list[PoolRow]:
    """Return every pool, those that are checked first. Three queries; raises NotComputedYet."""
    beside = Beside(POOLS, {"since": now - timedelta(hours=HOURS)})
    ask_beside(beside)
    hours = _hours(now)
    return [
        _row(instance_of(Pool, pool), _check(last), _check(failure), hours.get(pool["id"], {}), now)
        for pool, last, failure in json.loads(told_beside(beside) or "[]")
    ]


def earnings_today(now: datetime, currency: str) -> Earned | None:
    """Return what today's work could expect so far, None before there is any. Money is in whole `currency`."""
    found = open_metrics(["earnings"], period="daily", entity_type="system", now=now)
    if None not in found:
        return None
    row, money = found[None]["earnings"], currency.lower()
    keys = {
        "btc": "btc",
        "revenue": f"revenue_{money}",
        "cost": f"cost_{money}",
        "break_even": next(key for key in row.value_json if key.startswith("break_even_")),
    }
    return Earned(
        **{name: row.value_json[key] for name, key in keys.items()},
        refs={
            name: FigureRef("earnings", key, "system", None, "daily", row.timestamp)
            for name, key in keys.items()
        },
    )


def coin_table(prices: Prices | None) -> list[tuple[str, list[tuple[str, float | None]]]]:
    """Return for each coin what it costs in each of CURRENCIES, which is named with it."""
    if prices is None:
        return []
    return [(coin, [(each, prices.found.get((coin, each))) for each in CURRENCIES]) for coin in COINS]


def _check(told: Mapping[str, Any] | None) -> PoolReading | None:
    return instance_of(PoolReading, told) if told else None


def _hours(now: datetime) -> dict[int | None, dict[datetime, MetricRow]]:
    """Return the health of each pool by hour, of the last day and the open hour."""
    rows = metrics_in_range(
        metric_type="pool_health",
        period="hourly",
        start=now - timedelta(hours=HOURS),
        end=now,
        entity_type="pool",
        now=now,
    )
    found: dict[int | None, dict[datetime, MetricRow]] = {}
    for row in rows:
        found.setdefault(row.entity_id, {})[row.timestamp] = row
    return found


def _row(
    pool: Pool,
    reading: PoolReading | None,
    failure: PoolReading | None,
    hours: Mapping[datetime, MetricRow],
    now: datetime,
) -> PoolRow:
    health = _newest_health(hours)
    tone, state = _state(pool, reading)
    return PoolRow(
        pool=pool,
        tone=tone,
        state=state,
        reading=reading,
        failure=failure,
        health=health,
        parts=health_parts(health.value_json) if health else None,
        latency=_latency(pool, hours, now),
    )


def _newest_health(hours: Mapping[datetime, MetricRow]) -> MetricRow | None:
    """Return the newest hour that has a score: one that has just begun mostly has no check of its own yet."""
    scored = [at for at, row in hours.items() if row.value_json["health_score"] is not None]
    return hours[max(scored or hours)] if hours else None


def _state(pool: Pool, reading: PoolReading | None) -> tuple[str, str]:
    if not pool.active:
        return "muted", "not checked"
    if reading is None:
        return "muted", "no check yet"
    if not reading.reachable:
        return "bad", f"failed: {reading.failed_step}" if reading.failed_step else "not reachable"
    return ("warn", "answers, with an error") if reading.error else ("good", "reachable")


def _latency(pool: Pool, hours: Mapping[datetime, MetricRow], now: datetime) -> SafeString:
    last = max(hours, default=now)
    moments = [last - timedelta(hours=back) for back in range(HOURS - 1, -1, -1)]
    values = [hours[at].value_json["response_time_ms"] if at in hours else None for at in moments]
    known = [value for value in values if value is not None]
    span = f"{min(known):.0f} to {max(known):.0f} ms" if known else "not known"
    return sparkline(values, label=f"Response of {pool.name}, each hour of the last day: {span}")
