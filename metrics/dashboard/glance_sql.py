"""The queries of what the dashboard shows of this moment: one for each set of parts that is asked for together.

Of every miner no more is carried along than sums and orders need: what a line of the table shows is looked up for the
lines of its page.
"""

from collections.abc import Iterable
from enum import StrEnum

from metrics.dashboard.read import ON_TARIFF
from metrics.query.conditions import CALLED
from metrics.query.fleet_lines import AVERAGE
from metrics.query.fleet_sql import ALIKE, CONDITIONS, MINERS, SINCE, SORTS, SUMS_OF
from metrics.store.kept import KeptText
from metrics.types import metric_types

MOST_URGENT = 8
LEAST_URGENT = max(map(CONDITIONS.index, CALLED))
"""Conditions are in the order of their urgency: all miners that hash need not be put in order."""


class Part(StrEnum):
    """What can be asked for."""

    FLEET = "fleet"
    PRICES = "prices"
    TABLE = "table"
    TROUBLE = "trouble"
    HOURS = "hours"


TOGETHER = (
    tuple(Part),
    (Part.FLEET, Part.PRICES),
    (Part.FLEET, Part.TABLE),
    (Part.PRICES,),
    (Part.TROUBLE,),
    (Part.HOURS,),
)
"""The parts that the dashboard, and each of its blocks, ask for."""

VITALS = (("uptime", "uptime"), ("reject_rate", "reject_rate"), ("temperature", "avg"))
"""Metric type and key of each line of the last 24 hours."""

_OF_HOUR = ", ".join(metric_types[name].formulas("system", "GBP")[key] for name, key in VITALS)

_SORTED = " ".join(f"WHEN '{name}' THEN ({sql})::float8" for name, sql in SORTS.items())
SORT_KEY = f"(CASE %(sort)s {_SORTED} END) * (CASE WHEN %(descending)s THEN -1 ELSE 1 END) AS sort_key"
IN_ORDER = "sort_key NULLS LAST, name_key, name"

PASSED_C = (
    "CASE WHEN state = 'online' AND temperature_c > max_temperature_c THEN max_temperature_c END AS passed_c"
)

OF_ALL = "id, condition, name_key, name"
OF_SUMS = f"site_id, is_known, is_polled, hashrate_ghs, power_w, {SINCE} AS since"
COLUMNS = {
    Part.FLEET: [OF_SUMS],
    Part.TABLE: [OF_SUMS, SORT_KEY],
    Part.TROUBLE: ["temperature_c", PASSED_C],
}
"""What of every miner is carried along for each part, beside OF_ALL: each column takes its time."""

# The others need not be carried along where nothing but trouble is shown.
IN_TROUBLE = f" WHERE condition <= {LEAST_URGENT} OR temperature_c > max_temperature_c"

SHOWN = """
SELECT {place}, m.id, m.name, model.name AS model, model.max_temperature_c, m.site_id, site.poll_interval_s,
    m.enabled AND m.host <> '' AS is_polled, m.state, m.state_reason, m.state_since, l.timestamp AS reading_at,
    l.hashrate_ghs, l.power_w, l.temperature_c
FROM {chosen} CROSS JOIN LATERAL (SELECT * FROM miners_miner WHERE id = {chosen}.id OFFSET 0) m
JOIN miners_site site ON site.id = m.site_id LEFT JOIN miners_minermodel model ON model.id = m.model_id
LEFT JOIN LATERAL (SELECT * FROM miners_latestreading WHERE miner_id = {chosen}.id OFFSET 0) l ON TRUE
"""
"""What `MinerNow` says of a few chosen miners; OFFSET 0 has each looked up by its key, however many are expected."""

MINER = """json_build_array(id, name, model, max_temperature_c, site_id, poll_interval_s, is_polled, state, state_reason,
    state_since, reading_at, hashrate_ghs, power_w, temperature_c)"""

# Beyond the last page is the last one.
PAGE = f"""
said AS MATERIALIZED (
    SELECT m.id FROM miners_miner m LEFT JOIN miners_minermodel model ON model.id = m.model_id
    WHERE concat_ws(' ', m.name, model.name, m.state_reason) ILIKE %(pattern)s
),
found AS NOT MATERIALIZED (
    SELECT * FROM miner WHERE (%(condition)s::int IS NULL OR condition = %(condition)s)
        AND (%(search)s = '' OR id IN (SELECT id FROM said))
),
total AS MATERIALIZED (
    SELECT CASE WHEN %(search)s = '' THEN (
        SELECT coalesce(sum(miners), 0)::bigint FROM alike WHERE %(condition)s::int IS NULL OR condition = %(condition)s
    ) ELSE (SELECT count(*) FROM found) END AS miners
),
chosen AS MATERIALIZED (
    SELECT id, row_number() OVER () AS place FROM (
        SELECT id FROM found ORDER BY {IN_ORDER} LIMIT %(limit)s
        OFFSET least(%(offset)s, (SELECT (greatest(miners, 1) - 1) / %(limit)s * %(limit)s FROM total))
    ) page
)"""

URGENT = f"""
urgent AS MATERIALIZED (
    SELECT id, row_number() OVER () AS place FROM (
        SELECT id FROM miner WHERE condition <= {LEAST_URGENT} ORDER BY condition, name_key, name LIMIT {MOST_URGENT}
    ) first
)"""

ALIKE_ONCE = f"alike AS MATERIALIZED ({ALIKE.format(miners='miner')})"


def _lines(chosen: str) -> str:
    return (
        f"(SELECT json_agg({MINER} ORDER BY place) FROM ({SHOWN.format(place='place', chosen=chosen)}) shown)"
    )


TOLD = {
    Part.FLEET: {
        "fleet": f"""(
            SELECT json_agg(json_build_array(condition, miners, since, hashrate_ghs, power_w, both_ghs, both_w, hashrates,
                                             powers, polled))
            FROM ({SUMS_OF.format(alike="alike")}) sums)""",
        "main_site": """(
            SELECT site_id FROM alike GROUP BY site_id ORDER BY sum(miners) DESC, site_id LIMIT 1)""",
    },
    Part.PRICES: {"prices": f"({ON_TARIFF})"},
    Part.TABLE: {
        "found": "(SELECT miners FROM total)",
        "page": _lines("chosen"),
        "lines": f"""(
            SELECT json_agg(json_build_array(chosen.id, line.starts, line.averages)) FROM chosen CROSS JOIN LATERAL (
                SELECT array_agg(date_part('epoch', r.timestamp)::bigint) AS starts, array_agg({AVERAGE}) AS averages
                FROM metrics_rollup r WHERE r.period = 'slot' AND r.entity_type = 'miner' AND r.entity_id = chosen.id
                  AND r.timestamp >= %(lines_since)s AND r.timestamp < %(now)s) line)""",
    },
    Part.TROUBLE: {
        "urgent": _lines("urgent"),
        "beats": "(SELECT json_object_agg(service, at) FROM hmm_heartbeat)",
        "hot": """(
            SELECT json_agg(json_build_array(id, name, temperature_c, passed_c) ORDER BY temperature_c - passed_c DESC)
            FROM (SELECT * FROM miner WHERE passed_c IS NOT NULL
                  ORDER BY temperature_c - passed_c DESC LIMIT %(most_hot)s) hot)""",
        "unfetched": """(
            SELECT json_agg(json_build_array(name, fetch_error) ORDER BY id)
            FROM energy_tariff WHERE active AND fetch_error <> '')""",
    },
    Part.HOURS: {
        "hours": f"""(
            SELECT json_agg(json_build_array(date_part('epoch', r.timestamp)::bigint, {_OF_HOUR}))
            FROM metrics_rollup r WHERE r.period = 'hourly' AND r.entity_type = 'system'
              AND r.timestamp >= %(hours_since)s AND r.timestamp < %(now)s)""",
    },
}
"""What is told of each part, and how: keys of a JSON object."""

OF_MINERS = {Part.FLEET: [ALIKE_ONCE], Part.TABLE: [ALIKE_ONCE, PAGE], Part.TROUBLE: [URGENT]}
"""What parts that read every miner make of them first."""

TYPES = dict.fromkeys(("now", "since", "until", "lines_since", "hours_since"), "timestamptz") | {
    "today": "date",
    "sort": "text",
    "descending": "bool",
    "condition": "int",
    "search": "text",
    "pattern": "text",
    "limit": "bigint",
    "offset": "bigint",
    "most_hot": "int",
}


def _query(parts: Iterable[Part]) -> KeptText:
    asked = [part for part in Part if part in set(parts)]
    tables = dict.fromkeys(table for part in asked for table in OF_MINERS.get(part, ()))
    columns = dict.fromkeys([OF_ALL, *(column for part in asked for column in COLUMNS.get(part, ()))])
    whose = IN_TROUBLE if asked == [Part.TROUBLE] else ""
    miners = f"miner AS (SELECT {', '.join(columns)} FROM ({MINERS}) now{whose})"
    told = ", ".join(f"'{key}', {sql}" for part in asked for key, sql in TOLD[part].items())
    begin = f"WITH {', '.join([miners, *tables])} " if tables else ""
    label = "glance" if len(asked) == len(Part) else f"glance_{'_'.join(asked)}"
    return KeptText(label, TYPES, (f"{begin}SELECT json_build_object({told})",))


EVERYTHING, *_FEWER = map(_query, TOGETHER)
_GLANCES = dict(zip(map(frozenset, TOGETHER), (EVERYTHING, *_FEWER), strict=True))
KEPT = tuple(_GLANCES.values())


def glance_of(parts: Iterable[Part]) -> KeptText:
    """Return the query that tells of these parts: that of everything, where nobody else asks for them together."""
    return _GLANCES.get(frozenset(parts), EVERYTHING)
