"""Checking pools: side by side, each within its own time limit, and what is stored of it."""

import logging
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db import connections, transaction

from hmm.dirty import mark_pools_dirty
from hmm.door import to_store
from hmm.lib.locks import lock
from hmm.lib.sockets import Deadline
from pools.clients import clients
from pools.clients.base import Account, PoolError, PoolReport
from pools.models import Pool, PoolReading
from pools.stratum import Handshake, parse_endpoint, shake_hands

logger = logging.getLogger(__name__)

CHECK_EVERY_S = 60
CHECK_LIMIT_S = 20.0
AT_ONCE = 32
LONGEST_GAP = 2.5
"""How many intervals a reading may reach back."""

LONGEST_ERROR = 500
LOCK = "pool readings"


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check of one pool found, `took_s` after it began."""

    pool: Pool
    took_s: float
    reachable: bool
    response_time_ms: float | None
    report: PoolReport
    failed_step: str = ""
    error: str = ""


def check_pools(pools: Sequence[Pool], now: datetime, limit_s: float = CHECK_LIMIT_S) -> list[PoolReading]:
    """Check these pools side by side, from `now` on, and store what is found; return the readings stored.

    No pool waits for another. One that could not be asked because of its rate has no reading: that says nothing of it.
    """
    if not pools:
        return []
    with ThreadPoolExecutor(min(AT_ONCE, len(pools))) as threads:
        found = list(threads.map(lambda pool: _check_in_thread(pool, limit_s), pools))
    return store_checks([checked for checked in found if checked is not None], now)


def _check_in_thread(pool: Pool, limit_s: float) -> Checked | None:
    try:
        with to_store(CHECK_EVERY_S):
            return check_pool(pool, limit_s)
    except Exception:
        logger.exception(
            "checking %s", pool
        )  # a fault of ours, which must not cost the other pools their check
        return None
    finally:
        connections.close_all()


def check_pool(pool: Pool, limit_s: float) -> Checked | None:
    """Return what a check of `pool` finds within `limit_s`; None where it could not be asked."""
    began, deadline = time.monotonic(), Deadline.after(limit_s)
    shaken = _shaken(pool, deadline)
    told = _told(pool, deadline)
    return judge(pool, shaken, told, time.monotonic() - began)


def _shaken(pool: Pool, deadline: Deadline) -> Handshake | PoolError | None:
    """Return how the handshake went; None where the pool has no stratum address."""
    if not pool.stratum_url:
        return None
    try:
        return shake_hands(parse_endpoint(pool.stratum_url), pool.user, "x", deadline)
    except ValueError as error:
        return PoolError(str(error), "address")
    except PoolError as error:
        return error


def _told(pool: Pool, deadline: Deadline) -> PoolReport | PoolError:
    if pool.client not in clients:
        return PoolError(f"no pool client is called {pool.client!r}", "address")
    client = clients[pool.client]
    address = pool.url or client.base_url
    if not address:
        return PoolReport() if pool.stratum_url else PoolError("the pool has no address", "address")
    try:
        return client.report(address, Account(pool.user, pool.token), deadline, use_cache=True)
    except PoolError as error:
        return error


def judge(
    pool: Pool, shaken: Handshake | PoolError | None, told: PoolReport | PoolError, took_s: float
) -> Checked | None:
    """Return what handshake and figures say together.

    The handshake decides whether the pool can be reached, where there is one; else its web address does.
    None where neither says anything of the pool.
    """
    if shaken is None and told.unknown:
        return None
    report = told if isinstance(told, PoolReport) else PoolReport()
    error = told if isinstance(told, PoolError) else PoolError(told.stale) if told.stale else None
    if shaken is None:
        reachable = error is None or error.step == "authorize"
        checked = Checked(pool, took_s, reachable, None if error else report.response_time_ms, report)
    elif isinstance(shaken, PoolError):
        return Checked(pool, took_s, False, None, report, shaken.step, shaken.reason)
    else:
        checked = Checked(pool, took_s, True, shaken.response_time_ms, report)
        if shaken.authorized is False:
            return replace(checked, failed_step="authorize", error=f"refused {pool.user}: {shaken.refusal}")
    return checked if error is None else replace(checked, failed_step=error.step, error=error.reason)


def store_checks(found: Iterable[Checked], began_at: datetime) -> list[PoolReading]:
    """Store a reading of each check, and have what it changes computed. One transaction."""
    with transaction.atomic():
        lock(LOCK)
        checks = list(found)
        before = _readings_before([checked.pool.pk for checked in checks])
        counted = _readings_before([checked.pool.pk for checked in checks], with_counters=True)
        readings = [
            reading
            for checked in checks
            if (
                reading := _reading(
                    checked, began_at, before.get(checked.pool.pk), counted.get(checked.pool.pk)
                )
            )
        ]
        PoolReading.objects.bulk_create(readings)
        for reading in readings:
            start = reading.timestamp - timedelta(seconds=reading.covered_s)
            mark_pools_dirty([reading.pool_id], start, reading.timestamp)
    return readings


def _readings_before(pool_ids: Sequence[int], *, with_counters: bool = False) -> dict[int, PoolReading]:
    rows = PoolReading.objects.filter(pool_id__in=pool_ids)
    if with_counters:
        rows = rows.filter(accepted_total__isnull=False)
    return {row.pool_id: row for row in rows.order_by("pool_id", "-timestamp").distinct("pool_id")}


def _reading(
    checked: Checked, began_at: datetime, before: PoolReading | None, counted: PoolReading | None
) -> PoolReading | None:
    """Return the reading of a check; None where one of the same second is stored."""
    timestamp = (began_at + timedelta(seconds=checked.took_s)).replace(microsecond=0)
    if before is not None and timestamp <= before.timestamp:
        return None
    report = checked.report
    counters = (None, None) if report.stale else (report.accepted, report.rejected)
    return PoolReading(
        pool=checked.pool,
        timestamp=timestamp,
        covered_s=covered_s(timestamp, before.timestamp if before else None),
        reachable=checked.reachable,
        response_time_ms=checked.response_time_ms,
        failed_step=checked.failed_step,
        error=checked.error[:LONGEST_ERROR],
        hashrate_ghs=report.hashrate_ghs,
        workers=report.workers,
        best_difficulty=report.best_difficulty,
        balance=report.balance,
        pool_hashrate_ghs=report.pool_hashrate_ghs,
        pool_workers=report.pool_workers,
        accepted_total=counters[0],
        rejected_total=counters[1],
        accepted=increment(counted.accepted_total if counted else None, counters[0]),
        rejected=increment(counted.rejected_total if counted else None, counters[1]),
        age_s=report.age_s if report != PoolReport() else None,
        warnings=list(report.warnings),
    )


def covered_s(timestamp: datetime, before: datetime | None) -> int:
    """Return the seconds that a reading stands for: since the one before, unless that is too long ago."""
    if before is None:
        return CHECK_EVERY_S
    since_s = int((timestamp - before).total_seconds())
    return since_s if since_s <= LONGEST_GAP * CHECK_EVERY_S else CHECK_EVERY_S


def increment(before: int | None, counter: int | None) -> int | None:
    """Return by how much a counter has grown; one that fell began anew. None where either is not known."""
    if before is None or counter is None:
        return None
    return counter - before if counter >= before else counter
