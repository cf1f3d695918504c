"""The index by which everyone's rows of a stretch of time are found.

A collector stores rows in the order of time, so that the least and the greatest timestamp of each few pages say
enough: it takes some kilobytes, and nothing to speak of when a row is written. One miner's rows are found by the key.
"""

CREATE = (
    "CREATE INDEX {name} ON {table} USING brin (timestamp) WITH (pages_per_range = 32, autosummarize = on)"
)


def by_time_sql(table: str) -> str:
    """Return the statement that makes the index of `table`, which is telemetry or will be."""
    return CREATE.format(name=index_name(table), table=table)


def index_name(table: str) -> str:
    """Return the name of that index."""
    return f"{table}_by_time"
