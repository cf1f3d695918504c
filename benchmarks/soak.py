"""Hours of a collector at 6,000 miners, compressed into minutes by a clock that is set: memory flat, nothing left over.

All but the devices and the waiting is real: each half second's readings go through the keeper, which writes 100 at a time,
as the collector's own loop does. `make bench ARGS=--soak`, with `--hours=24` for a day.
"""

import tempfile
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import psutil
from django.db import connection

from benchmarks.tick import INTERVAL_S, outcomes, targets
from miners.collector.desk import HereDesk
from miners.collector.keeper import Clock, Flush, Keeper
from miners.collector.spool import Spool

TICKS_A_SECOND = 2
TURNS_AN_HOUR = 3600 // INTERVAL_S


class SetClock:
    """A clock that stands where it is set."""

    def __init__(self, start: datetime) -> None:
        self.start = self.at = start
        self.clock = Clock(now=lambda: self.at, monotonic=lambda: (self.at - self.start).total_seconds())


def soak(ids: Sequence[int], start: datetime, hours: int) -> None:
    """Print, for each simulated hour, how long it took, the memory, and what was left over."""
    hands, polled = SetClock(start), targets(ids)
    print(f"soak: {hours} simulated hours of {len(ids):,} miners each {INTERVAL_S} s, in batches of 100")
    print(
        f"{'hour':>6} {'took':>9} {'of real time':>12} {'memory':>10} {'waiting':>9} {'stored':>12} {'server memory':>14}"
    )
    with tempfile.TemporaryDirectory() as directory:
        keeper = Keeper(HereDesk(), Spool(Path(directory), max_bytes=10**9), hands.clock, Flush())
        for hour in range(hours):
            began = time.perf_counter()
            for turn in range(TURNS_AN_HOUR):
                _turn(keeper, hands, polled, start, hour * TURNS_AN_HOUR + turn)
            _say(hour + 1, time.perf_counter() - began, keeper)


def _turn(keeper: Keeper, hands: SetClock, polled: Sequence, start: datetime, turn: int) -> None:  # type: ignore[type-arg]
    said = outcomes(polled, start + timedelta(seconds=INTERVAL_S * turn), turn)
    ticks = INTERVAL_S * TICKS_A_SECOND
    for tick in range(ticks):
        hands.at = start + timedelta(seconds=INTERVAL_S * turn + tick / TICKS_A_SECOND)
        for outcome in said[tick::ticks]:
            keeper.take(outcome)
        keeper.step()


def _say(hour: int, took_s: float, keeper: Keeper) -> None:
    waiting = len(keeper.buffer) + keeper.spool.readings
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*), pg_backend_pid() FROM telemetry")
        stored, backend = cursor.fetchone()
    server = (
        psutil.Process(backend).memory_full_info().uss / 2**20 if psutil.pid_exists(backend) else float("nan")
    )
    memory = psutil.Process().memory_info().rss / 2**20
    print(
        f"{hour:6} {took_s:7.1f} s {took_s / 3600:11.1%} {memory:7.1f} MB {waiting:9,} {stored:12,} {server:11.1f} MB",
        flush=True,
    )
