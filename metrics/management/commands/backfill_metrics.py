"""Computes figures of the past."""

from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.utils import timezone
from rich.console import Console

from hmm.installation import installation
from hmm.lib.buckets import PERIODS
from hmm.lib.command_ranges import add_range, given_range
from hmm.lib.commands import HmmCommand, fail
from metrics.engine.backfill import dirty_stretches, mark_past, widen
from metrics.engine.grid import BEGINNING, grid
from metrics.engine.marks import read_marks
from metrics.engine.run import FOR_EVER, Busy, clean, fill
from metrics.terminal.progress import DaysProgress
from metrics.types import metric_types

GOES_ON = "what is left stays marked; backfill_metrics without --recompute goes on with it"


class Command(HmmCommand):
    help = (
        "Compute what is missing or dirty in every period that overlaps the range; with --recompute all of it. "
        "Without a range: everything there is. One row holds all metrics of a period, and longer periods are "
        "made of shorter ones, so that --type and --period only say what you want to be sure of. "
        "Safe to stop and to repeat, and safe beside the running engine."
    )
    example = "manage.py backfill_metrics --from 2025-03-01 --to 2025-03-31 --recompute"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--type", metavar="TYPE", help="a metric type, such as energy_cost")
        parser.add_argument("--period", metavar="PERIOD", help="slot, hourly, daily, weekly or monthly")
        add_range(parser)
        parser.add_argument("--recompute", action="store_true", help="compute also what is there and clean")

    def handle(self, *args: Any, **options: Any) -> None:
        _check_word("--type", options["type"], metric_types.names())
        _check_word("--period", options["period"], list(PERIODS))
        now = timezone.now()
        start, end = _range(options, now)
        cut = grid(now)
        low, high = widen(start, end, cut) if (options["start"] or options["end"]) else (start, end)
        console = Console(stderr=True)
        _fill(now, console)
        mark_past(low, high, cut, now, recompute=options["recompute"])
        rows = _clean(now, low, high, console)
        self.stdout.write(f"{rows} rows computed")


def _check_word(option: str, value: str | None, known: list[str]) -> None:
    if value is not None and value not in known:
        fail(f"{option} {value} is unknown; there are: {', '.join(known)}")


def _range(options: dict[str, Any], now: datetime) -> tuple[datetime, datetime]:
    low, high = given_range(options, installation().zone, first=BEGINNING, last=now)
    return low, min(high, now) if low < now else high


def _fill(now: datetime, console: Console) -> None:
    with console.status("Filling what time has closed …"):
        try:
            fill(now)
        except Busy:
            console.print("Waiting for another run of the engine …")
            fill(now, wait_s=FOR_EVER)


def _clean(now: datetime, low: datetime, high: datetime, console: Console) -> int:
    stretches = dirty_stretches(low, min(high, read_marks()["slot"]))
    try:
        with DaysProgress(stretches, console) as progress:
            return clean(now, low, high, wait_s=FOR_EVER, progress=progress.chunk_done)
    except KeyboardInterrupt:
        console.print(GOES_ON, soft_wrap=True)
        raise
