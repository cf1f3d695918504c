"""Deletes what is older than it is kept."""

from argparse import ArgumentParser
from typing import Any

from django.utils import timezone

from hmm.lib.commands import HmmCommand
from metrics.retention.apply import Outcome, apply_retention


class Command(HmmCommand):
    help = (
        "Delete what is older than it is kept: telemetry, slots and hours as the settings HMM_RETENTION_RAW_DAYS and "
        "HMM_RETENTION_SLOT_DAYS say, checks of pools and coin prices as HMM_RETENTION_POOL_DAYS and "
        "HMM_RETENTION_COIN_DAYS do, after the slots made of them; rows set aside, state changes and job runs. Days and longer stay for ever. What "
        "is not rolled up yet stays too. The job does the same each hour."
    )
    example = "manage.py apply_retention --dry-run"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only say what would go")

    def handle(self, *args: Any, **options: Any) -> None:
        for outcome in apply_retention(timezone.now(), dry_run=options["dry_run"]):
            self.stdout.write(_line(outcome, "would go" if options["dry_run"] else "gone"))


def _line(outcome: Outcome, word: str) -> str:
    if outcome.before is None:
        return f"{outcome.what}: nothing {word}, as all of it is needed yet"
    return f"{outcome.what}: {outcome.rows} rows from before {outcome.before:%Y-%m-%d} {word}"
