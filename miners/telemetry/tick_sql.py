"""The statements of a tick, and the function that holds them for few readings.

PostgreSQL takes longer to read and plan the statement than to store a hundred readings by it. A function's plan is kept
by each backend from its first call on, however its connection is lent (docs/adr/0006). It is made anew after each
migrate, and its name tells which statements it was made of.
"""

import re
from hashlib import sha256
from typing import Any

from django.db import connections, transaction

from hmm.lib.binary_arrays import Float8Array, Int4Array, Int8Array, NumberArray
from hmm.lib.functions import drop_functions
from miners.telemetry.rules import INT4_MAX

COLUMNS: dict[str, type[NumberArray]] = {
    "miner_id": Int4Array,
    "at": Int8Array,
    "port": Int4Array,
    "power_w": Float8Array,
    "hashrate_ghs": Float8Array,
    "temperature_c": Float8Array,
    "fan_rpm": Int4Array,
    "accepted_counter": Int8Array,
    "rejected_counter": Int8Array,
    "uptime_s": Int8Array,
    "facts_digest": Int8Array,
    "state_no": Int4Array,
    "tells": Int4Array,
}
"""The columns of numbers, and as what they are sent."""

TYPES = {name: kind.element for name, kind in COLUMNS.items()} | {"host": "text"}
PARAMETERS = TYPES | {"states": "text", "reasons": "text", "held": "int4"}
"""The parameters and the types of what is in these arrays."""

TELLS_DRIVER, TELLS_MODEL, TELLS_IDENTITY = 1, 2, 4

# In the order of the ids, so that two writers of the same miners wait for each other instead of deadlocking.
HOLD = """
SELECT count(*) FROM (
    SELECT miner_id FROM miners_latestreading WHERE miner_id = ANY(%(held)s::int4[]) ORDER BY miner_id FOR UPDATE
) AS held
"""

TICK = """
WITH given AS (SELECT {given}),
taken AS MATERIALIZED (
    SELECT g.miner_id, g.at, to_timestamp(g.at) AS timestamp, l.ctid AS place,
           CASE WHEN 2 * gap_s <= 5 * s.poll_interval_s THEN gap_s ELSE s.poll_interval_s END AS covered_s,
           g.power_w, g.hashrate_ghs, g.temperature_c, g.fan_rpm, g.uptime_s, g.accepted_counter, g.rejected_counter,
           CASE WHEN g.accepted_counter >= l.accepted_counter THEN g.accepted_counter - l.accepted_counter
                WHEN l.accepted_counter IS NOT NULL THEN g.accepted_counter END AS accepted,
           CASE WHEN g.rejected_counter >= l.rejected_counter THEN g.rejected_counter - l.rejected_counter
                WHEN l.rejected_counter IS NOT NULL THEN g.rejected_counter END AS rejected,
           l.facts_digest IS DISTINCT FROM g.facts_digest AS has_news,
           (g.tells & 1 > 0 AND m.driver = '') OR (g.tells & 2 > 0 AND m.model_id IS NULL)
               OR (g.tells & 4 > 0 AND m.identity = '')
               OR CASE WHEN m.maintenance THEN m.state <> 'maintenance'
                       ELSE m.state <> (%(states)s::text[])[g.state_no]
                            OR m.state_reason <> (%(reasons)s::text[])[g.state_no] END AS is_odd
    FROM given g
    JOIN miners_miner m ON m.id = g.miner_id
    JOIN miners_site s ON s.id = m.site_id
    JOIN miners_latestreading l ON l.miner_id = g.miner_id
    CROSS JOIN LATERAL (SELECT g.at - date_part('epoch', l.timestamp)::int8) AS since (gap_s)
    WHERE (to_timestamp(g.at) > l.timestamp OR l.timestamp IS NULL)
      -- A CASE, which nearly all rows pass, as the planner takes it; of equalities it thinks that none does.
      AND CASE WHEN g.host = m.host AND g.port = coalesce(m.port, -1) THEN TRUE ELSE FALSE END
),
stored AS (
    INSERT INTO telemetry (miner_id, timestamp, covered_s, power_w, hashrate_ghs, temperature_c, fan_rpm,
                           accepted, rejected)
    SELECT miner_id, timestamp, covered_s, power_w, hashrate_ghs, temperature_c, fan_rpm,
           CASE WHEN accepted <= {most} THEN accepted END, CASE WHEN rejected <= {most} THEN rejected END
    FROM taken
),
-- The locked rows stay where they are, and so are found without their index.
advanced AS (
    UPDATE miners_latestreading l
    SET timestamp = t.timestamp, covered_s = t.covered_s, power_w = t.power_w, hashrate_ghs = t.hashrate_ghs,
        temperature_c = t.temperature_c, fan_rpm = t.fan_rpm, uptime_s = t.uptime_s,
        accepted_counter = coalesce(t.accepted_counter, l.accepted_counter),
        rejected_counter = coalesce(t.rejected_counter, l.rejected_counter)
    FROM taken t WHERE l.ctid = t.place
),
-- Rounded as in `merge`, and written here: the ids need not travel.
marked AS (
    INSERT INTO hmm_dirtyrange (kind, entity_ids, start, "end")
    SELECT 'miner', array_agg(miner_id), to_timestamp(first_bin * 300), to_timestamp(last_bin * 300 + 300)
    FROM (SELECT miner_id, (at - covered_s) / 300 AS first_bin, (at - 1) / 300 AS last_bin FROM taken) bins
    GROUP BY first_bin, last_bin
)
SELECT count(*) AS stored,
       coalesce(array_agg(miner_id) FILTER (WHERE is_odd), ARRAY[]::int4[]) AS odd,
       coalesce(array_agg(miner_id) FILTER (WHERE has_news), ARRAY[]::int4[]) AS with_news,
       CASE WHEN count(*) < cardinality(%(miner_id)s::int4[])
            THEN ARRAY(SELECT unnest(%(miner_id)s::int4[]) EXCEPT ALL SELECT miner_id FROM taken) ELSE ARRAY[]::int4[] END AS left_over
FROM taken
""".format(
    given=", ".join(f"unnest(%({name})s::{kind}[]) AS {name}" for name, kind in TYPES.items()),
    most=INT4_MAX,
)
# The driver remembers how to send a statement of up to 4,096 characters.
TICK = " ".join(line.strip() for line in TICK.splitlines() if not line.lstrip().startswith("--"))

PREFIX = "hmm_tick_"

# Otherwise PostgreSQL plans the first five calls anew each, and for ever what it deems to gain by that.
FUNCTION = """
CREATE FUNCTION {name}({arguments}) RETURNS TABLE (stored bigint, odd int4[], with_news int4[], left_over int4[])
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $tick$
#variable_conflict use_column
BEGIN
    IF ({hold}) = cardinality(%(held)s) THEN
        RETURN QUERY {tick};
    END IF;
END
$tick$
"""


def _function_sql(name: str) -> str:
    sql = FUNCTION.format(
        name=name, arguments=", ".join(f"{kind}[]" for kind in PARAMETERS.values()), hold=HOLD, tick=TICK
    )
    numbers = {parameter: f"${n}" for n, parameter in enumerate(PARAMETERS, 1)}
    return re.sub(r"%\((\w+)\)s", lambda match: numbers[match[1]], sql)


NAME = PREFIX + sha256(_function_sql("").encode()).hexdigest()[:8]

CALL = f"SELECT * FROM {NAME}({', '.join(f'%({name})s' for name in PARAMETERS)})"
"""Does HOLD and then TICK. It gives no row where a latest reading is missing, and then it has stored nothing."""


def refresh_tick_function(**kwargs: Any) -> None:
    """Make the function anew, and drop those of other versions. Runs after each migrate.

    All at once, so that a collector that stores a tick meanwhile has it.
    """
    using = kwargs["using"]
    with transaction.atomic(using=using), connections[using].cursor() as cursor:
        drop_functions(cursor, PREFIX)
        cursor.execute(_function_sql(NAME))
