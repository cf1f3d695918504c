"""The fleet as it is now, said by the database: the conditions of `conditions.py`, once more, in SQL.

However many miners there are, a page shows a few of them and sums over the others. A property test lays these
conditions beside `condition_of`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from hmm.lib.units import j_per_th
from hmm.replica.route import connection
from metrics.query.conditions import FRESH_POLLS, LEAST_FRESH, Condition, MinerNow
from metrics.query.fleet import FleetNow, FleetTotals

CONDITIONS = list(Condition)


def _place(condition: Condition) -> int:
    return CONDITIONS.index(condition)


# The condition as its place in `Condition`. `is_known`: its last reading may be shown as how it is now. OFFSET 0 has
# that found out once a miner, and how old a reading may be once a site.
MINERS = f"""
SELECT n.*, CASE
    WHEN state = 'maintenance' THEN {_place(Condition.MAINTENANCE)}
    WHEN is_known AND coalesce(hashrate_ghs, 0) > 0 THEN {_place(Condition.HASHING)}
    WHEN is_known THEN {_place(Condition.NOT_HASHING)}
    WHEN NOT is_polled THEN {_place(Condition.UNPOLLED)}
    WHEN state = 'unreachable' THEN {_place(Condition.UNREACHABLE)}
    WHEN state = 'new' THEN {_place(Condition.NEW)}
    ELSE {_place(Condition.SILENT)} END AS condition
FROM (
    SELECT m.id, m.name, m.name_key, model.name AS model, model.max_temperature_c, m.site_id, site.poll_interval_s,
        m.enabled AND m.host <> '' AS is_polled, m.state, m.state_reason, m.state_since, l.timestamp AS reading_at,
        l.hashrate_ghs, l.power_w, l.temperature_c, m.customer, m.tier,
        coalesce(nullif(m.baseline_hashrate_ghs, 0), model.reference_hashrate_ghs) AS rated_hashrate_ghs,
        m.state <> 'unreachable' AND coalesce(l.timestamp >= site.fresh_since, FALSE) AS is_known
    FROM miners_miner m
    JOIN (
        SELECT id, poll_interval_s, %(now)s - greatest({FRESH_POLLS} * poll_interval_s,
                   {LEAST_FRESH.total_seconds()}) * interval '1 second' AS fresh_since
        FROM miners_site OFFSET 0
    ) site ON site.id = m.site_id
    LEFT JOIN miners_minermodel model ON model.id = m.model_id
    LEFT JOIN miners_latestreading l ON l.miner_id = m.id
    WHERE m.retired_at IS NULL OFFSET 0
) n
"""

# Miners that are alike in what the sums ask for are counted first: of thousands there are a few kinds.
SINCE = f"CASE WHEN condition = {_place(Condition.SILENT)} THEN reading_at ELSE state_since END"
ALIKE = """
SELECT condition, is_known, is_polled, site_id, count(*) AS miners, min(since) AS since,
    sum(hashrate_ghs) AS hashrate_ghs, sum(power_w) AS power_w,
    sum(hashrate_ghs) FILTER (WHERE power_w IS NOT NULL) AS both_ghs,
    sum(power_w) FILTER (WHERE hashrate_ghs IS NOT NULL) AS both_w,
    count(hashrate_ghs) AS hashrates, count(power_w) AS powers
FROM {miners} GROUP BY condition, is_known, is_polled, site_id
"""

SUMS_OF = """
SELECT condition, sum(miners)::bigint AS miners, min(since) AS since,
    sum(hashrate_ghs) FILTER (WHERE is_known) AS hashrate_ghs, sum(power_w) FILTER (WHERE is_known) AS power_w,
    sum(both_ghs) FILTER (WHERE is_known) AS both_ghs, sum(both_w) FILTER (WHERE is_known) AS both_w,
    coalesce(sum(hashrates) FILTER (WHERE is_known), 0)::bigint AS hashrates,
    coalesce(sum(powers) FILTER (WHERE is_known), 0)::bigint AS powers,
    coalesce(sum(miners) FILTER (WHERE is_polled OR is_known), 0)::bigint AS polled
FROM {alike} GROUP BY condition
"""
SUMS = SUMS_OF.format(
    alike=f"({ALIKE.format(miners=f'(SELECT now.*, {SINCE} AS since FROM ({MINERS}) now) miner')}) alike"
)

MAIN_SITE = """
SELECT site_id FROM miners_miner WHERE retired_at IS NULL GROUP BY site_id ORDER BY count(*) DESC, site_id LIMIT 1
"""

SORTS = {
    "state": "condition",
    "name": "NULL::int",
    "hashrate": "CASE WHEN is_known THEN hashrate_ghs END",
    "power": "CASE WHEN is_known THEN power_w END",
    "temperature": "CASE WHEN is_known THEN temperature_c END",
    "efficiency": "CASE WHEN is_known AND hashrate_ghs > 0 THEN power_w / hashrate_ghs END",
    "reading": "extract(epoch FROM reading_at)",
}
"""What miners can be sorted by; where they are equal, by name."""

FOUND = """(%(condition)s::int IS NULL OR condition = %(condition)s)
  AND (%(search)s = '' OR concat_ws(' ', name, model, state_reason) ILIKE %(pattern)s)"""

PAGE = f"""
SELECT id, name, model, max_temperature_c, site_id, poll_interval_s, is_polled, state, state_reason, state_since,
    reading_at, hashrate_ghs, power_w, temperature_c, {{found}}
FROM ({MINERS}) miner
WHERE {FOUND}
ORDER BY {{by}} {{direction}} NULLS LAST, name_key, name LIMIT %(limit)s OFFSET %(offset)s
"""


ALL = "(SELECT count(*) FROM miners_miner WHERE retired_at IS NULL)"
ALL_FOUND = "count(*) OVER ()"
"""How many miners there are on all pages: of those that are left over by a search, each of them is carried along."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Which miners a page shows, in which order: `condition` and `search` leave others out."""

    sort: str = "state"
    descending: bool = False
    condition: Condition | None = None
    search: str = ""
    limit: int = 50
    offset: int = 0


def fleet_now(now: datetime) -> FleetNow:
    """Return the fleet at `now`, retired miners aside. One query."""
    with connection.cursor() as cursor:
        cursor.execute(SUMS, {"now": now})
        return fleet_of_sums(cursor.fetchall())


def fleet_of_sums(rows: Sequence[Sequence[Any]]) -> FleetNow:
    """Return the fleet that SUMS_OF gave."""
    conditions = [CONDITIONS[row[0]] for row in rows]
    return FleetNow(
        counts={condition: row[1] for condition, row in zip(conditions, rows, strict=True)},
        since={condition: row[2] for condition, row in zip(conditions, rows, strict=True)},
        totals=_totals([row[3:] for row in rows]),
    )


def some_miners(asked: Asked, now: datetime) -> tuple[list[MinerNow], int]:
    """Return the miners of one page at `now`, and how many there are on all pages. One query, two past the last page.

    Raises KeyError where `asked.sort` is none of SORTS.
    """
    sql = PAGE.format(
        by=SORTS[asked.sort],
        direction="DESC" if asked.descending else "ASC",
        found=ALL_FOUND if asked.search or asked.condition else ALL,
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, asked_params(asked, now))
        rows = cursor.fetchall()
        if not rows and asked.offset:
            cursor.execute(sql, asked_params(asked, now) | {"limit": 1, "offset": 0})
            return [], next((row[-1] for row in cursor.fetchall()), 0)
    return [MinerNow(*row[:-1]) for row in rows], rows[0][-1] if rows else 0


def found_miners(asked: Asked, now: datetime, *, most: int) -> list[int]:
    """Return the ids of the miners of all pages at `now`, `most` of them at most, in their order. One query."""
    return [miner.id for miner in some_miners(replace(asked, limit=most, offset=0), now)[0]]


def main_site_now() -> int | None:
    """Return the site that has the most miners, the first one in a tie. One query."""
    with connection.cursor() as cursor:
        cursor.execute(MAIN_SITE)
        found = cursor.fetchone()
        return found[0] if found else None


def asked_params(asked: Asked, now: datetime) -> dict[str, Any]:
    """Return the parameters of MINERS and FOUND, and where the page begins and ends."""
    plain = re.sub(r"([\\%_])", r"\\\1", asked.search)
    return {
        "now": now,
        "condition": _place(asked.condition) if asked.condition else None,
        "search": asked.search,
        "pattern": f"%{plain}%",
        "limit": asked.limit,
        "offset": asked.offset,
    }


def _totals(rows: Sequence[Sequence[Any]]) -> FleetTotals:
    hashrate, power, both_hashrate, both_power, hashrates, powers, polled = (
        zip(*rows, strict=True) if rows else [()] * 7
    )
    return FleetTotals(
        hashrate_ghs=_sum(hashrate),
        power_w=_sum(power),
        efficiency_j_per_th=j_per_th(_sum(both_power), _sum(both_hashrate)),
        hashrate_miners=sum(hashrates),
        power_miners=sum(powers),
        polled_miners=sum(polled),
    )


def _sum(figures: Sequence[float | None]) -> float | None:
    found = [figure for figure in figures if figure is not None]
    return sum(found) if found else None
