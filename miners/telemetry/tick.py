"""The short way into telemetry for a tick: one reading of each of many miners, newer than all that is stored of it.

Nearly all that a collector ever writes is of that kind. One statement reads what was before, stores the rows, keeps
the latest readings and appends the dirty ranges. Its meaning is that of `miners.collector.figures` and of `merge`,
which take whatever it leaves; a test lays the two ways side by side.
"""

from collections.abc import Sequence
from dataclasses import astuple, dataclass, field
from typing import Any

from django.db import connection

from miners.telemetry.rules import INT4_MAX

# Built as text here: the driver escapes values one by one, which would take most of the time of a tick.
KINDS = {
    "miner_id": "int4",
    "at": "int8",
    "address": "text",
    "power_w": "float8",
    "hashrate_ghs": "float8",
    "temperature_c": "float8",
    "fan_rpm": "int4",
    "accepted_counter": "int8",
    "rejected_counter": "int8",
    "uptime_s": "int8",
    "facts_digest": "int8",
    "state_no": "int4",
    "tells": "int4",
}

TELLS_DRIVER, TELLS_MODEL, TELLS_IDENTITY = 1, 2, 4

TICK = """
WITH given AS MATERIALIZED (
    SELECT * FROM unnest({arrays}) AS g ({names})
),
taken AS MATERIALIZED (
    SELECT g.*, to_timestamp(g.at) AS timestamp, l.ctid AS place,
           CASE WHEN 2 * gap_s <= 5 * s.poll_interval_s THEN gap_s ELSE s.poll_interval_s END AS covered_s,
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
    WHERE (gap_s > 0 OR l.timestamp IS NULL)
      -- A CASE, which nearly all rows pass, as the planner takes it; of an equality it thinks that none does.
      AND CASE WHEN g.address = m.host || ' ' || coalesce(m.port::text, '') THEN TRUE ELSE FALSE END
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
    SELECT 'miner', array_agg(miner_id ORDER BY miner_id), to_timestamp(first_bin * 300), to_timestamp(last_bin * 300 + 300)
    FROM (SELECT miner_id, (at - covered_s) / 300 AS first_bin, (at - 1) / 300 AS last_bin FROM taken) bins
    GROUP BY first_bin, last_bin
)
SELECT (SELECT count(*) FROM taken),
       ARRAY(SELECT miner_id FROM taken WHERE is_odd),
       ARRAY(SELECT miner_id FROM taken WHERE has_news),
       CASE WHEN (SELECT count(*) FROM taken) < (SELECT count(*) FROM given)
            THEN ARRAY(SELECT miner_id FROM given EXCEPT ALL SELECT miner_id FROM taken) ELSE ARRAY[]::int4[] END
""".format(
    arrays=", ".join(f"%({name})s::{kind}[]" for name, kind in KINDS.items()),
    names=", ".join(KINDS),
    most=INT4_MAX,
)
# The driver remembers how to send a statement of up to 4,096 characters.
TICK = " ".join(line.strip() for line in TICK.splitlines() if not line.lstrip().startswith("--"))

NEWS = """
UPDATE miners_latestreading l
SET mode = n.mode, firmware = n.firmware, pool_url = n.pool_url, pool_user = n.pool_user,
    frequency_mhz = n.frequency_mhz, core_voltage_mv = n.core_voltage_mv,
    warnings = n.warnings::jsonb, facts_digest = n.digest
FROM unnest(%s::int4[], %s::text[], %s::text[], %s::text[], %s::text[], %s::float8[], %s::float8[], %s::text[], %s::int8[])
    AS n (miner_id, mode, firmware, pool_url, pool_user, frequency_mhz, core_voltage_mv, warnings, digest)
WHERE l.miner_id = n.miner_id
"""


@dataclass
class TickColumns:
    """The readings of a tick, column by column: the n-th value of each is of the same miner.

    `at` is in whole seconds since 1970. `address` is "HOST PORT", as it was when the miner was asked. `state_no`
    counts from 1, in `states` and `reasons`: what a reading means where there is no maintenance. `tells` adds up
    what the device says of itself.
    """

    miner_id: list[int] = field(default_factory=list)
    at: list[int] = field(default_factory=list)
    address: list[str] = field(default_factory=list)
    power_w: list[float | None] = field(default_factory=list)
    hashrate_ghs: list[float | None] = field(default_factory=list)
    temperature_c: list[float | None] = field(default_factory=list)
    fan_rpm: list[int | None] = field(default_factory=list)
    accepted_counter: list[int | None] = field(default_factory=list)
    rejected_counter: list[int | None] = field(default_factory=list)
    uptime_s: list[int | None] = field(default_factory=list)
    facts_digest: list[int] = field(default_factory=list)
    state_no: list[int] = field(default_factory=list)
    tells: list[int] = field(default_factory=list)
    states: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Ticked:
    """How many rows a tick stored, and which miners need more than that.

    `odd` are in another state than the stored one, or tell what is not known of them; `with_news` say something
    else of mode, firmware or pool; `left` were not taken: they have moved, or there is a newer row.
    """

    stored: int
    odd: list[int]
    with_news: list[int]
    left: list[int]

    @property
    def needs_more(self) -> bool:
        return bool(self.odd or self.with_news or self.left)


@dataclass(frozen=True, slots=True)
class News:
    """What a device says beside its figures, and the digest of that; `warnings` is a JSON array."""

    miner_id: int
    mode: str
    firmware: str
    pool_url: str
    pool_user: str
    frequency_mhz: float | None
    core_voltage_mv: float | None
    warnings: str
    digest: int


def store_tick(columns: TickColumns) -> Ticked:
    """Store the readings of a tick, in the running transaction, which holds their miners' latest readings.

    The values have been found believable, and their days have partitions.
    """
    params: dict[str, Any] = {name: _array(getattr(columns, name)) for name in KINDS}
    params |= {"address": _texts(columns.address), "states": columns.states, "reasons": columns.reasons}
    with connection.cursor() as cursor:
        cursor.execute(TICK, params)
        return Ticked(*cursor.fetchone())


def store_news(news: Sequence[News]) -> None:
    """Keep what devices say beside their figures with their latest readings, in the running transaction."""
    if news:
        with connection.cursor() as cursor:
            cursor.execute(NEWS, [list(column) for column in zip(*map(astuple, news), strict=True)])


def _array(values: Sequence[float | None]) -> str:
    return "{" + str(values)[1:-1].replace("None", "NULL") + "}"


def _texts(values: Sequence[str]) -> str:
    joined = "\x00".join(values).replace("\\", "\\\\").replace('"', '\\"')
    return '{"' + joined.replace("\x00", '","') + '"}' if values else "{}"
