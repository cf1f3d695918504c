"""`manage.py generate_telemetry --site-id N`: telemetry, and miners to have it, for tests of load and for show."""

from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.core.management.base import CommandError
from django.utils import timezone
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from hmm.lib.commands import HmmCommand, fail
from hmm.lib.units import counted
from miners.generator.fleet import MOST_MINERS, make_miners, miners_at
from miners.generator.run import (
    GenerationRefused,
    Plan,
    Written,
    failures,
    make_plan,
    marks_before,
    refuse_too_many,
    write,
)
from miners.membership import MembershipRefused, site_numbered
from miners.models import Miner, Site
from miners.telemetry.regular import Marks

DEFAULT_SEED = 1
NAMED_AT_MOST = 10


class Command(HmmCommand):
    help = (
        "Generate telemetry for the miners of a site: one row each at every multiple of the cadence, up to the last "
        "that has come, like a miner of its state and baseline; then check what is stored. Running it again adds only "
        "what is missing. A miner that has telemetry of its own in that time is left out. Generated miners have no "
        "address and are never polled."
    )
    example = "manage.py generate_telemetry --site-id 2 --miners 100 --hours 24 --cadence 3600"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--site-id", type=int, required=True, metavar="N", help="the site of the miners")
        parser.add_argument(
            "--miners",
            type=int,
            metavar="M",
            help="for the first M miners of the site; those that are not there are made (default: all there are)",
        )
        parser.add_argument("--hours", type=int, default=24, help="how many hours back (default 24)")
        parser.add_argument(
            "--cadence", type=int, default=3600, metavar="S", help="seconds between rows (default 3600)"
        )
        parser.add_argument(
            "--seed",
            type=int,
            default=DEFAULT_SEED,
            help=f"the same seed makes the same rows of the same miners and hours (default {DEFAULT_SEED})",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        try:
            marks = marks_before(now, options["hours"], options["cadence"])
            site = site_numbered(options["site_id"])
            miners, missing = _counted(site, options["miners"], marks)
        except (GenerationRefused, MembershipRefused) as refused:
            fail(str(refused))
        if missing:
            miners += make_miners(site, missing, seed=options["seed"], now=now)
            self.stdout.write(f"made {counted(missing, 'miner')} at {site}")
        planned = make_plan(miners, marks)
        self._tell_left_out(planned, site)
        try:
            written, faults = _write_and_check(planned, options["seed"], now)
        except GenerationRefused as refused:
            fail(str(refused))
        self._report(planned, written)
        if faults:
            raise CommandError(_summed_up(faults), returncode=1)
        self.stdout.write("PASS")

    def _tell_left_out(self, planned: Plan, site: Site) -> None:
        names = planned.left_out
        if not names:
            return
        reason = f"telemetry of their own in these hours, other than every {planned.marks.cadence_s} s"
        if not planned.profiles:
            fail(f"all miners of {site} have {reason}: {_some(names)}. Nothing was generated")
        self.stderr.write(f"left out: {counted(len(names), 'miner')} with {reason}: {_some(names)}")

    def _report(self, planned: Plan, written: Written) -> None:
        new, before = written.result.stored, planned.rows_there()
        self.stdout.write(
            f"{new + before} rows: {counted(len(planned.profiles), 'miner')} × {len(planned.marks)}, {new} new, "
            f"{before} there before"
        )


def _counted(site: Site, asked: int | None, marks: Marks) -> tuple[list[Miner], int]:
    """Return the miners that are there, and how many are to be made. Raises GenerationRefused."""
    if asked is not None and not 1 <= asked <= MOST_MINERS:
        raise GenerationRefused(f"--miners {asked} is not from 1 to {MOST_MINERS}")
    miners = miners_at(site, asked)
    wanted = len(miners) if asked is None else asked
    if not wanted:
        raise GenerationRefused(f"No miners at site {site.pk} ({site}); --miners 10 makes ten")
    refuse_too_many(wanted, marks)
    return miners, wanted - len(miners)


def _write_and_check(planned: Plan, seed: int, now: datetime) -> tuple[Written, list[str]]:
    rows = len(planned.profiles) * len(planned.marks)
    with _progress("generating", rows) as on_rows:
        written = write(planned, seed=seed, now=now, on_rows=on_rows)
    with _progress("checking", rows) as on_rows:
        return written, failures(planned, written, on_rows)


@contextmanager
def _progress(doing: str, rows: int) -> Iterator[Callable[[int], None]]:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("rows ·"))
    times = (TimeElapsedColumn(), TextColumn("· left"), TimeRemainingColumn())
    with Progress(
        *columns, *times, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        task = progress.add_task(doing, total=rows)
        yield lambda done: progress.advance(task, done)


def _summed_up(faults: Sequence[str]) -> str:
    more = f"; and {len(faults) - NAMED_AT_MOST} more" if len(faults) > NAMED_AT_MOST else ""
    return f"FAIL: {'; '.join(faults[:NAMED_AT_MOST])}{more}"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED_AT_MOST} more" if len(names) > NAMED_AT_MOST else ""
    return f"{', '.join(names[:NAMED_AT_MOST])}{more}"
