"""What the dashboard shows of this moment, in one query: its blocks ask for parts of it, and each part is read once.

The figures of the day are not among it: `metrics.live` makes them.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from metrics.dashboard.miner_table import LONGEST_STEP_S, SPARK_SPAN, SlotHashrate
from metrics.dashboard.prices import SHOWN_AFTER, SHOWN_BEFORE
from metrics.dashboard.read import ON_TARIFF, SitePrices, site_prices_of
from metrics.query.conditions import Condition, MinerNow
from metrics.query.fleet import FleetNow
from metrics.query.fleet_lines import AVERAGE
from metrics.query.fleet_sql import (
    CONDITIONS,
    FOUND,
    MINERS,
    SORTS,
    SUMS_OF,
    Asked,
    asked_params,
    fleet_of_sums,
)
from metrics.query.reading import Beside
from metrics.store.kept import KeptText
from metrics.types import metric_types

MOST_URGENT = 8
LEAST_URGENT = CONDITIONS.index(Condition.NOT_HASHING)
"""Conditions are in the order of their urgency: all miners that hash need not be put in order."""

MOST_HOT = 5


class Part(StrEnum):
    """What can be asked for."""

    FLEET = "fleet"
    PRICES = "prices"
    TABLE = "table"
    TROUBLE = "trouble"
    HOURS = "hours"


MINER = """json_build_array(id, name, model, max_temperature_c, site_id, poll_interval_s, is_polled, state, state_reason,
    state_since, reading_at, hashrate_ghs, power_w, temperature_c)"""

_SORTED = " ".join(f"WHEN '{name}' THEN ({sql})::float8" for name, sql in SORTS.items())
IN_ORDER = f"""(CASE %(sort)s {_SORTED} END) * (CASE WHEN %(descending)s THEN -1 ELSE 1 END) NULLS LAST, name_key, name"""

VITALS = (("uptime", "uptime"), ("reject_rate", "reject_rate"), ("temperature", "avg"))
"""Metric type and key of each line of the last 24 hours."""

_OF_HOUR = ", ".join(metric_types[name].formulas("system", "GBP")[key] for name, key in VITALS)

# Beyond the last page is the last one.
TABLE = f"""
found AS MATERIALIZED (SELECT * FROM miner WHERE {FOUND}),
page AS MATERIALIZED (
    SELECT * FROM found ORDER BY {IN_ORDER} LIMIT %(limit)s
    OFFSET least(%(offset)s, (SELECT (greatest(count(*), 1) - 1) / %(limit)s * %(limit)s FROM found))
)
"""

GLANCE = KeptText(
    "glance",
    dict.fromkeys(("now", "since", "until", "lines_since", "hours_since"), "timestamptz")
    | {"today": "date", "parts": "text[]", "sort": "text", "descending": "bool", "condition": "int"}
    | {"search": "text", "pattern": "text", "limit": "bigint", "offset": "bigint", "most_hot": "int"},
    (
        f"""
WITH miner AS MATERIALIZED ({MINERS}), {TABLE}
SELECT json_build_object(
'fleet', CASE WHEN '{Part.FLEET}' = ANY(%(parts)s) THEN (
    SELECT json_agg(json_build_array(condition, miners, since, hashrate_ghs, power_w, both_ghs, both_w, hashrates, powers, polled))
    FROM ({SUMS_OF.format(miners="miner")}) sums) END,
'main_site', CASE WHEN '{Part.FLEET}' = ANY(%(parts)s) THEN (
    SELECT site_id FROM miner GROUP BY site_id ORDER BY count(*) DESC, site_id LIMIT 1) END,
'prices', CASE WHEN '{Part.PRICES}' = ANY(%(parts)s) THEN ({ON_TARIFF}) END,
'found', CASE WHEN '{Part.TABLE}' = ANY(%(parts)s) THEN (SELECT count(*) FROM found) END,
'page', CASE WHEN '{Part.TABLE}' = ANY(%(parts)s) THEN (SELECT json_agg({MINER} ORDER BY {IN_ORDER}) FROM page) END,
'lines', CASE WHEN '{Part.TABLE}' = ANY(%(parts)s) THEN (
    SELECT json_agg(json_build_array(page.id, line.starts, line.averages)) FROM page CROSS JOIN LATERAL (
        SELECT array_agg(date_part('epoch', r.timestamp)::bigint) AS starts, array_agg({AVERAGE}) AS averages
        FROM metrics_rollup r WHERE r.period = 'slot' AND r.entity_type = 'miner' AND r.entity_id = page.id
          AND r.timestamp >= %(lines_since)s AND r.timestamp < %(now)s) line) END,
'urgent', CASE WHEN '{Part.TROUBLE}' = ANY(%(parts)s) THEN (
    SELECT json_agg({MINER} ORDER BY condition, name_key, name)
    FROM (SELECT * FROM miner WHERE condition <= {LEAST_URGENT}
          ORDER BY condition, name_key, name LIMIT {MOST_URGENT}) miner) END,
'beats', CASE WHEN '{Part.TROUBLE}' = ANY(%(parts)s) THEN (SELECT json_object_agg(service, at) FROM hmm_heartbeat) END,
'hot', CASE WHEN '{Part.TROUBLE}' = ANY(%(parts)s) THEN (
    SELECT json_agg(json_build_array(id, name, temperature_c, max_temperature_c)
                    ORDER BY temperature_c - max_temperature_c DESC)
    FROM (SELECT * FROM miner WHERE state = 'online' AND temperature_c > max_temperature_c
          ORDER BY temperature_c - max_temperature_c DESC LIMIT %(most_hot)s) hot) END,
'unfetched', CASE WHEN '{Part.TROUBLE}' = ANY(%(parts)s) THEN (
    SELECT json_agg(json_build_array(name, fetch_error) ORDER BY id)
    FROM energy_tariff WHERE active AND fetch_error <> '') END,
'hours', CASE WHEN '{Part.HOURS}' = ANY(%(parts)s) THEN (
    SELECT json_agg(json_build_array(date_part('epoch', r.timestamp)::bigint, {_OF_HOUR}))
    FROM metrics_rollup r WHERE r.period = 'hourly' AND r.entity_type = 'system'
      AND r.timestamp >= %(hours_since)s AND r.timestamp < %(now)s) END
)
""",
    ),
)
KEPT = (GLANCE,)


@dataclass(frozen=True, slots=True)
class HotMiner:
    """A miner whose last reading is above its model's limit."""

    id: int
    name: str
    temperature_c: float
    limit_c: float


Hour = tuple[int, float | None, float | None, float | None]
"""When it began, in seconds since 1970, and the figures of VITALS."""


class Glance:
    """What GLANCE gave; a part that was not asked for is not there."""

    def __init__(self, told: str) -> None:
        self._told: Mapping[str, Any] = json.loads(told)

    @property
    def fleet(self) -> FleetNow:
        """The fleet now, retired miners aside."""
        return fleet_of_sums([_sums(row) for row in self._told["fleet"] or ()])

    @property
    def main_site(self) -> int | None:
        """The site that has the most miners, the first one in a tie."""
        site_id: int | None = self._told["main_site"]
        return site_id

    @property
    def sites(self) -> list[SitePrices]:
        """What each site pays, in order of the sites."""
        return site_prices_of(self._told["prices"])

    @property
    def page(self) -> tuple[list[MinerNow], int]:
        """The miners of the page, and how many there are on all pages."""
        return _miners(self._told["page"]), self._told["found"]

    @property
    def lines(self) -> list[SlotHashrate]:
        """The average hashrate of the page's miners in each stored slot of the last 24 hours."""
        return [
            SlotHashrate(miner_id, start_s, hashrate_ghs)
            for miner_id, starts, averages in self._told["lines"] or ()
            for start_s, hashrate_ghs in zip(starts or (), averages or (), strict=True)
        ]

    @property
    def urgent(self) -> list[MinerNow]:
        """The miners that need attention most."""
        return _miners(self._told["urgent"])

    @property
    def beats(self) -> dict[str, datetime]:
        """When each service was last alive."""
        return {service: datetime.fromisoformat(at) for service, at in (self._told["beats"] or {}).items()}

    @property
    def hot(self) -> list[HotMiner]:
        """The hottest of the miners whose last reading is above their model's limit."""
        return [HotMiner(*hot) for hot in self._told["hot"] or ()]

    @property
    def unfetched(self) -> list[tuple[str, str]]:
        """The tariffs whose prices could not be fetched, and why."""
        return [(name, error) for name, error in self._told["unfetched"] or ()]

    @property
    def hours(self) -> Sequence[Hour]:
        """The system's stored hours since `hours_since`."""
        return [tuple(hour) for hour in self._told["hours"] or ()]


def glance(parts: Iterable[Part], asked: Asked, today: date, now: datetime, hours_since: datetime) -> Beside:
    """Return the query of these parts at `now` on the local day `today`, of the page `asked` of the table."""
    return Beside(
        GLANCE,
        {
            "parts": list(parts),
            "today": today,
            "since": now - SHOWN_BEFORE,
            "until": now + SHOWN_AFTER,
            "lines_since": now - SPARK_SPAN - timedelta(seconds=LONGEST_STEP_S),
            "hours_since": hours_since,
            "most_hot": MOST_HOT,
            "sort": asked.sort,
            "descending": asked.descending,
            **asked_params(asked, now),
        },
    )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _sums(row: Sequence[Any]) -> tuple[Any, ...]:
    condition, miners, since, *sums = row
    return (condition, miners, _moment(since), *sums)


def _miners(rows: Sequence[Sequence[Any]] | None) -> list[MinerNow]:
    found = (list(row) for row in rows or ())
    return [MinerNow(*row[:9], *map(_moment, row[9:11]), *row[11:]) for row in found]
