"""manage.py move_telemetry."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils import timezone
from rich.console import Console
from rich.progress import Progress

from hmm.lib.commands import HmmCommand, fail
from hmm.lib.timescale import have_timescale
from miners.telemetry.hypertable import storage_kind
from miners.telemetry.move import MoveRefused, Report, move, survey


class Command(HmmCommand):
    help = (
        "Store telemetry as a TimescaleDB hypertable, or in native partitions, with all that is there. Every day is "
        "copied and compared, rows and a checksum, before the old table goes. It is one transaction: stopped half "
        "way it has changed nothing. Telemetry can be read meanwhile and not written, so stop the collector for it; "
        "it needs room for telemetry twice."
    )
    example = "manage.py move_telemetry --to timescaledb --dry-run"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--to", choices=("timescaledb", "native"), required=True, help="where to")
        parser.add_argument("--dry-run", action="store_true", help="say what would be moved, change nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        to, kind = options["to"], storage_kind()
        if kind == to:
            self.stdout.write(f"telemetry is stored as {to} already; there is nothing to do")
            return
        _refuse_without_extension(to, dry_run=options["dry_run"])
        with Progress(console=Console(stderr=True), transient=True) as shown:
            task = shown.add_task(f"{kind} → {to}", total=None)

            def progress(done: int, total: int) -> None:
                shown.update(
                    task, completed=done, total=total, description=f"{kind} → {to}, {done} of {total} days"
                )

            if options["dry_run"]:
                self._say("would move", survey(progress), to)
                return
            try:
                report = move(to, timezone.now(), settings.RETENTION_DETAIL_DAYS, progress)
            except MoveRefused as error:
                fail(str(error))
        self._say("moved and verified", report, to)

    def _say(self, what: str, report: Report, to: str) -> None:
        rows = f"{report.content.rows:,} rows of {report.days:,} days"
        packed = f", {report.packed:,} of them unpacked for that" if report.packed else ""
        self.stdout.write(f"{what} {rows} to {to}{packed} (checksum {report.content.checksum})")


def _refuse_without_extension(to: str, *, dry_run: bool) -> None:
    if to == "timescaledb" and not dry_run and not have_timescale(connection):
        fail(
            "the server has not loaded TimescaleDB, or this user may not create the extension: set "
            "shared_preload_libraries = 'timescaledb', start the server anew, and CREATE EXTENSION timescaledb"
        )
