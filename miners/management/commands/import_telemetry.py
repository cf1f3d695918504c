"""`manage.py import_telemetry FILE`: history from elsewhere, as if the collector had seen it."""

import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from rich.console import Console
from rich.progress import Progress

from hmm.lib.commands import HmmCommand, fail
from hmm.lib.units import counted
from miners.membership import MembershipRefused, site_numbered
from miners.telemetry.files import FileRefused
from miners.telemetry.importing import Imported, import_file
from miners.telemetry.packed.job import pack_old


class Command(HmmCommand):
    help = (
        "Import telemetry from FILE, csv with a header or JSON lines, plain or gzipped: "
        "miner,timestamp,power_w,hashrate_ghs,temperature_c,fan_rpm,accepted,rejected[,covered_s]. "
        "Empty is unknown; timestamps carry their UTC offset; accepted and rejected are increments. "
        "A file with a line that cannot be believed is refused whole, unless --keep-going."
    )
    example = "manage.py import_telemetry history.csv.gz --create-miners --site-id 1"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE")
        parser.add_argument("--create-miners", action="store_true", help="create miners that do not exist")
        parser.add_argument(
            "--site-id", type=int, default=1, metavar="N", help="the site of created miners (default 1)"
        )
        parser.add_argument(
            "--keep-going", action="store_true", help="set bad lines aside and import the rest"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        try:
            site = site_numbered(options["site_id"])
            with _progress(path) as on_progress:
                imported = import_file(
                    path,
                    now=timezone.now(),
                    create_in=site if options["create_miners"] else None,
                    keep_going=options["keep_going"],
                    on_progress=on_progress,
                )
        except MembershipRefused as refused:
            fail(str(refused))
        except FileRefused as refused:
            fail(f"{path} {refused}. Nothing was imported.")
        self._report(imported)
        # Years of history must not wait as plain rows for the next run of the job.
        transaction.on_commit(lambda: pack_old(timezone.now(), settings.RETENTION_DETAIL_DAYS))

    def _report(self, imported: Imported) -> None:
        result = imported.result
        if not (result.stored + result.unchanged + result.set_aside + imported.refused_lines):
            self.stdout.write("there are no rows in this file, only a header: nothing was imported")
            return
        if imported.created:
            self.stdout.write(
                f"created {counted(len(imported.created), 'miner')}: {', '.join(imported.created)}"
            )
        self.stdout.write(
            f"stored {counted(result.stored, 'row')}, {result.unchanged} unchanged, {result.set_aside} set aside"
        )
        if imported.refused_lines:
            self.stderr.write(
                f"{counted(imported.refused_lines, 'line')} could not be believed; "
                "the admin lists what was set aside, with the reason"
            )


@contextmanager
def _progress(path: Path) -> Iterator[Any]:
    total = path.stat().st_size if path.is_file() else None
    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("reading", total=total)
        yield lambda position: progress.update(task, completed=position)
