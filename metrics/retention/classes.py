"""The classes of data: in which tables each is, how long it is kept, and how much of it there is."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import starmap
from typing import Any

from django.conf import settings
from django.db import connection

from hmm.jobs import KEEP_RUNS
from metrics.retention.apply import KEEP_ASIDE, KEEP_EVENTS
from miners.telemetry.sizes import NEWEST_DAY, OLDEST

A_DAY = timedelta(days=1)
FOR_EVER = "for ever"

SINCE_YESTERDAY = "{time} >= %(yesterday)s AND {time} < %(now)s"

# The system's row of a period counts the miners that have one, so that those need not be counted.
OF_MINERS_TOO = """
SELECT count(*) + coalesce(sum(miner_count) FILTER (WHERE entity_type = 'system'), 0)::bigint
FROM metrics_rollup WHERE period = '{period}' AND entity_type = ANY('{{{others}}}')
  AND timestamp >= %(yesterday)s AND timestamp < %(now)s
"""

# What the statistics of the leaves say: to count rows would take as long as reading them.
SIZE = """
SELECT root.name, coalesce(sum(greatest(c.reltuples, pg_stat_get_live_tuples(c.oid))), 0)::bigint,
       coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint
FROM unnest(%(tables)s::text[]) AS root (name)
LEFT JOIN LATERAL pg_partition_tree(root.name::regclass) AS leaf ON TRUE  -- nothing for a table that has no partitions
JOIN pg_class c ON c.oid = coalesce(leaf.relid, root.name::regclass) WHERE leaf.isleaf IS NOT FALSE
GROUP BY root.name
"""


@dataclass(frozen=True, slots=True)
class DataClass:
    """One kind of data; `time` is the column that tells when.

    `newest` counts what came in the last day and `first` gives the oldest moment, where there is a better way than to read
    the tables.
    """

    name: str
    tables: tuple[str, ...]
    time: str
    kept: str
    newest: str = ""
    first: str = ""


@dataclass(frozen=True, slots=True)
class Amount:
    """About how many rows of a class there are, how many bytes with indexes, the oldest, and what a day adds."""

    name: str
    kept: str
    rows: int
    size_bytes: int
    oldest: datetime | None
    rows_a_day: int | None
    bytes_a_day: int | None


def classes() -> list[DataClass]:
    """Return all classes of data that grow."""

    def days(count: int) -> str:
        return f"{count} days"

    detail, raw, slots = (
        settings.RETENTION_DETAIL_DAYS,
        settings.RETENTION_RAW_DAYS,
        settings.RETENTION_SLOT_DAYS,
    )
    of_slots, of_hours = (
        OF_MINERS_TOO.format(period=period, others="pool,site,system") for period in ("slot", "hourly")
    )
    of_sketches = OF_MINERS_TOO.format(
        period="hourly", others="site,system"
    )  # one beside each of these hours
    return [
        DataClass(
            "Telemetry in detail",
            ("telemetry",),
            "timestamp",
            f"{days(detail)}, then packed",
            NEWEST_DAY["telemetry"],
            OLDEST["telemetry"],
        ),
        DataClass(
            "Telemetry, packed (miner-days)",
            ("telemetry_packed",),
            "first_at",
            days(raw),
            NEWEST_DAY["telemetry_packed"],
            OLDEST["telemetry_packed"],
        ),
        DataClass("Slots", ("metrics_rollup_slot",), "timestamp", days(slots), of_slots),
        DataClass("Hours", ("metrics_rollup_hourly",), "timestamp", days(slots), of_hours),
        DataClass("Percentiles of hours", ("metrics_sketch_hourly",), "timestamp", days(slots), of_sketches),
        DataClass("Days", ("metrics_rollup_daily",), "timestamp", FOR_EVER),
        DataClass(
            "Weeks and months", ("metrics_rollup_weekly", "metrics_rollup_monthly"), "timestamp", FOR_EVER
        ),
        DataClass("Prices", ("energy_priceslot",), "start", FOR_EVER),
        DataClass("Checks of pools", ("pools_poolreading",), "timestamp", days(settings.RETENTION_POOL_DAYS)),
        DataClass("Coin prices", ("pools_coinprice",), "timestamp", days(settings.RETENTION_COIN_DAYS)),
        DataClass("Difficulties", ("pools_networkstate",), "timestamp", FOR_EVER),
        DataClass("Rows set aside", ("miners_setaside",), "received_at", days(KEEP_ASIDE.days)),
        DataClass("State changes", ("miners_statechange",), "at", days(KEEP_EVENTS.days)),
        DataClass("Job runs", ("hmm_jobrun",), "started_at", days(KEEP_RUNS.days)),
        DataClass("System metrics", ("system_metrics",), "time", days(settings.SYSTEM_METRICS_DAYS)),
        DataClass("Ranges to compute", ("hmm_dirtyrange",), "start", "until computed"),
    ]


def measure(now: datetime) -> list[Amount]:
    """Return how much there is of each class. Two queries."""
    found = classes()
    params: dict[str, Any] = {
        "tables": [table for each in found for table in each.tables],
        "now": now,
        "yesterday": now - A_DAY,
    }
    with connection.cursor() as cursor:
        cursor.execute(SIZE, params)
        sizes = {table: (rows, size_bytes) for table, rows, size_bytes in cursor.fetchall()}
        cursor.execute(" UNION ALL ".join(starmap(_ends, enumerate(found))) + " ORDER BY 1", params)
        return [
            _amount(each, sizes, *ends) for each, (_, *ends) in zip(found, cursor.fetchall(), strict=True)
        ]


def _ends(place: int, each: DataClass) -> str:
    """Return the query of the oldest moment of a class, and of how many rows came in the last day."""
    source = " UNION ALL ".join(f"SELECT {each.time} AS at FROM {table}" for table in each.tables)
    first = each.first or f"SELECT min(at) FROM ({source}) rows"
    newest = each.newest or f"SELECT count(*) FROM ({source}) rows WHERE {SINCE_YESTERDAY.format(time='at')}"
    return f"SELECT {place}, ({first})::timestamptz, ({newest})::bigint"


def _amount(
    each: DataClass, sizes: Mapping[str, tuple[int, int]], oldest: datetime | None, rows_a_day: int | None
) -> Amount:
    rows, size_bytes = map(sum, zip(*(sizes.get(table, (0, 0)) for table in each.tables), strict=True))
    bytes_a_day = round(size_bytes / rows * rows_a_day) if rows_a_day is not None and rows > 0 else None
    return Amount(each.name, each.kept, rows, size_bytes, oldest, rows_a_day, bytes_a_day)
