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

# Rows lie about as they came, so that there is little from before whichever is found first. That is looked for by the
# index of times: PostgreSQL expects little of a stretch with two ends, and a column that the key lacks, which every row
# has, keeps it from asking the key for each miner.
OLDEST = {
    "telemetry": """
        WITH found AS MATERIALIZED (SELECT timestamp FROM telemetry LIMIT 1)
        SELECT least(min(earlier.timestamp), (SELECT timestamp FROM found)) FROM telemetry earlier
        WHERE earlier.timestamp < (SELECT timestamp FROM found)
          AND earlier.timestamp >= (SELECT timestamp FROM found) - interval '100 years' AND earlier.covered_s > 0
    """,
    "telemetry_packed": """
        SELECT min(first_at) FROM telemetry_packed WHERE day = (SELECT min(day) FROM telemetry_packed)
    """,
}
"""Queries of one moment each, by table: the timestamp of the oldest row."""
