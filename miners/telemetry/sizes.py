"""How much telemetry a day adds, without reading it."""

# Of plain rows what the statistics of yesterday's partition say; null where that is not known yet.
NEWEST_DAY = {
    "telemetry": """
        SELECT (SELECT nullif(greatest(reltuples, pg_stat_get_live_tuples(oid)), 0)::bigint FROM pg_class
                WHERE oid = to_regclass('telemetry_p' || to_char(%(yesterday)s::timestamptz AT TIME ZONE 'UTC', 'YYYYMMDD')))
    """,
    "telemetry_packed": """
        SELECT count(*) FROM telemetry_packed WHERE day = (SELECT max(day) FROM telemetry_packed)
    """,
}
"""Queries of one number each, by table: rows that the newest whole day added."""

# The key finds a miner's first row; the first of all would be looked for in all rows.
OLDEST = {
    "telemetry": """
        SELECT min(first.timestamp) FROM miners_miner m CROSS JOIN LATERAL (
            SELECT timestamp FROM telemetry WHERE miner_id = m.id ORDER BY timestamp LIMIT 1
        ) first
    """,
    "telemetry_packed": """
        SELECT min(first_at) FROM telemetry_packed WHERE day = (SELECT min(day) FROM telemetry_packed)
    """,
}
"""Queries of one moment each, by table: the timestamp of the oldest row."""
