"""How the database is doing, from PostgreSQL's own statistics."""

from hmm.system_metrics.probes import probe

connections = probe(
    "database_connections",
    "database",
    "connections",
    "Connections to this database",
    "SELECT count(*), NULL FROM pg_stat_activity WHERE datname = current_database()",
)
connections_most = probe(
    "database_connections_most",
    "database",
    "connections",
    "Connections that the server allows in all",
    "SELECT current_setting('max_connections')::int, NULL",
    "max",
)
size = probe(
    "database_size_bytes",
    "database",
    "bytes",
    "Size of this database on disk",
    "SELECT pg_database_size(current_database()), NULL",
    "max",
)
cache_hit = probe(
    "database_cache_hit_percent",
    "database",
    "%",
    "Blocks found in the server's own memory, of all read since its statistics began",
    """
    SELECT 100.0 * blks_hit / nullif(blks_hit + blks_read, 0), NULL
    FROM pg_stat_database WHERE datname = current_database()
    """,
    "max",
)
longest_transaction = probe(
    "database_longest_transaction_s",
    "database",
    "s",
    "Age of the oldest transaction that is open",
    """
    SELECT greatest(coalesce(extract(epoch FROM max(now() - xact_start)), 0), 0), NULL
    FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
    """,
    "max",
)
replication_lag_s = probe(
    "replication_lag_s",
    "database",
    "s",
    "How far behind each streaming replica is, 0 where it has all; the tag replica names it",
    """
    SELECT CASE WHEN pg_wal_lsn_diff(sent_lsn, replay_lsn) = 0 THEN 0
                ELSE extract(epoch FROM coalesce(replay_lag, INTERVAL '0')) END,
           jsonb_build_object('replica', coalesce(nullif(application_name, ''), pid::text))
    FROM pg_stat_replication WHERE state IS NOT NULL AND replay_lsn IS NOT NULL
    """,
    "max",
)
replication_lag_bytes = probe(
    "replication_lag_bytes",
    "database",
    "bytes",
    "What each streaming replica has still to replay; the tag replica names it",
    """
    SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn),
           jsonb_build_object('replica', coalesce(nullif(application_name, ''), pid::text))
    FROM pg_stat_replication WHERE NOT pg_is_in_recovery() AND replay_lsn IS NOT NULL
    """,
    "max",
)
