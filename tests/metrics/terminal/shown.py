"""Snapshots made by hand, and what a terminal shows of them, for tests of the screen."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Console, RenderableType

from hmm.health import silent_services
from metrics.dashboard.blocks import Present, PriceBlock
from metrics.dashboard.fleet import summarise
from metrics.dashboard.miner_table import in_order, miner_rows
from metrics.dashboard.prices import PriceRow
from metrics.query import JobStatistics, QueueDepth
from metrics.query.conditions import MinerNow
from metrics.query.fleet import fleet_of
from metrics.terminal.screen import Screen
from metrics.terminal.snapshot import Snapshot
from metrics.terminal.work import Work

NOW = datetime(2025, 1, 15, 12, 10, tzinfo=UTC)
AT = Present(NOW, ZoneInfo("Europe/London"), "GBP")

HASHING = MinerNow(
    id=1,
    name="gamma-1",
    model="Bitaxe Gamma",
    max_temperature_c=65.0,
    site_id=1,
    poll_interval_s=30,
    is_polled=True,
    state="online",
    state_reason="",
    state_since=NOW - timedelta(hours=5),
    reading_at=NOW - timedelta(seconds=12),
    hashrate_ghs=1_200.0,
    power_w=18.0,
    temperature_c=58.0,
)
DARK = {"state": "unreachable", "state_reason": "timed out", "state_since": NOW - timedelta(minutes=8)}
FINE_JOB = JobStatistics(
    name="run_hourly",
    runs=24,
    succeeded=24,
    mean_s=0.1,
    p50_s=0.02,
    p99_s=0.31,
    max_s=0.4,
    rows=100,
    last_started_at=NOW - timedelta(minutes=5),
    last_error="",
)


def miner(number: int = 1, **differences: Any) -> MinerNow:
    """Return a miner that hashes, but for the differences."""
    return replace(HASHING, id=number, **{"name": f"gamma-{number}"} | differences)


def work(
    jobs: list[JobStatistics] | None = None, waiting: int = 0, beats: dict[str, datetime] | None = None
) -> Work:
    """Return work that is fine, but for what is given."""
    told = {"collector": NOW, "worker": NOW} if beats is None else beats
    every = replace(FINE_JOB, name=None)
    return Work(
        every, [FINE_JOB] if jobs is None else jobs, QueueDepth(waiting, 1), told, silent_services(told, NOW)
    )


def prices(**differences: Any) -> PriceBlock:
    """Return the prices of a tariff: 18.4 p now, and twelve more half hours."""
    rows = [
        PriceRow(
            f"{12 + n // 2}:{30 * (n % 2):02}–{12 + (n + 1) // 2}:{30 * ((n + 1) % 2):02}",
            f"{18.4 + n:.2f}",
            "middling",
            n == 0,
        )
        for n in range(13)
    ]
    block = PriceBlock(
        1,
        "Octopus Agile",
        "18.4 p now, the lowest from now on",
        "published until 23:00",
        "",
        "p",
        [],
        None,
        rows,
    )
    return replace(block, **differences)


def snapshot(miners: list[MinerNow] | None = None, **differences: Any) -> Snapshot:
    """Return a snapshot of miners (one that hashes), but for the differences."""
    found = [miner()] if miners is None else miners
    summary = (
        summarise(fleet_of(found, NOW), None, None, now=NOW, zone=AT.zone, currency="GBP") if found else None
    )
    series = {each.id: [1_200.0] * 48 for each in found}
    shown = Snapshot(
        AT,
        summary,
        [1_200.0] * 48,
        miner_rows(in_order(found, NOW), (), {1: 0.5}, NOW),
        series,
        [prices()],
        work(),
        "",
    )
    return replace(shown, **differences)


def drawn(thing: RenderableType, width: int = 80, height: int = 24, **options: Any) -> str:
    """Return what a terminal of that size is sent, without colour unless `color_system` names one."""
    file = StringIO()
    settings: dict[str, Any] = {"color_system": None, "force_terminal": True, "highlight": False} | options
    Console(file=file, width=width, height=height, legacy_windows=False, _environ={}, **settings).print(thing)
    return file.getvalue()


def whole(shown: Snapshot, width: int = 80, **options: Any) -> str:
    """Return all of a snapshot as text."""
    return drawn(Screen(shown, fits=False), width, **options)


def fitted(shown: Snapshot, width: int = 80, height: int = 24) -> list[str]:
    """Return the lines of a snapshot made to fit a screen."""
    return drawn(Screen(shown, fits=True), width, height).splitlines()


def line_of(text: str, beginning: str) -> str:
    """Return the line that begins so, without runs of spaces."""
    return next(re.sub(" +", " ", line).strip() for line in text.splitlines() if line.startswith(beginning))
