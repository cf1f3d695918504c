"""Checks a sample of the store against telemetry."""

import random
import sys
from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.utils import timezone

from hmm.installation import installation
from hmm.lib.buckets import Bucket
from hmm.lib.command_ranges import add_range, given_range
from hmm.lib.commands import HmmCommand, fail
from metrics.engine.grid import BEGINNING, Grid, grid
from metrics.engine.marks import read_marks
from metrics.engine.run import FOR_EVER, run
from metrics.engine.verify import Difference, mark_wrong, verify_day
from miners.models import Miner
from miners.telemetry.read import first_telemetry, with_telemetry


class Command(HmmCommand):
    help = (
        "Compute a random sample of days again, miners from telemetry, every site and the system from the miners, "
        "and report every figure that differs, percentiles included, from the slot to the month. Nothing is changed, "
        "unless --repair has the days that differ computed anew; for a whole range there is backfill_metrics "
        "--recompute. Exit status 1 when something differs."
    )
    example = "manage.py verify_metrics --days 5 --miners 20 --from 2025-03-01 --to 2025-03-31"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--days", type=int, default=3, help="how many days to sample (default 3)")
        parser.add_argument("--miners", type=int, default=10, help="how many miners a day (default 10)")
        add_range(parser)
        parser.add_argument("--seed", type=int, help="sample the same again")
        parser.add_argument("--repair", action="store_true", help="have what differs computed anew")

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        if min(options["days"], options["miners"]) < 1:
            fail("--days and --miners must be 1 or more")
        low, high = given_range(options, installation().zone, first=BEGINNING, last=now)
        run(now, wait_s=FOR_EVER)
        cut = grid(now)
        days = _days(low, high, cut)
        if not days:
            fail("there is no closed day with telemetry in this range")
        found = self._compare(days, cut, now, options)
        if found:
            sys.exit(1)

    def _compare(
        self, days: list[Bucket], cut: Grid, now: datetime, options: dict[str, Any]
    ) -> list[Difference]:
        chance = random.Random(options["seed"])
        miners = list(Miner.objects.order_by("pk").values_list("pk", flat=True))
        rows, found = 0, []
        for day in sorted(chance.sample(days, min(len(days), options["days"]))):
            sample = chance.sample(miners, min(len(miners), options["miners"]))
            compared, different = verify_day(day, sample, cut, now)
            rows += compared
            found += different
            if options["repair"] and different:
                mark_wrong(different, day)
        for difference in found:
            self.stdout.write(str(difference))
        self.stdout.write(f"{'FAIL' if found else 'PASS'}: {rows} rows compared, {len(found)} figures differ")
        if options["repair"] and found:
            run(now, wait_s=FOR_EVER)
        return found


def _days(low: datetime, high: datetime, cut: Grid) -> list[Bucket]:
    """Return the local days of the range that are over and have telemetry."""
    first, closed = first_telemetry(), read_marks()["daily"]
    if first is None:
        return []
    days = [d for d in cut.buckets("daily", max(low, first), min(high, closed)) if d.end <= closed]
    told = with_telemetry(days)
    return [d for d in days if d.start in told]
