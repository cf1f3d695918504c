"""Prints the documentation of the metrics."""

from typing import Any

from hmm.lib.commands import HmmCommand
from metrics.describe import describe


class Command(HmmCommand):
    help = "Print what each metric means, as Markdown, from the registry."
    example = "manage.py describe_metrics > docs/metrics.md"
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(describe(), ending="")
