"""django-q2's own command, which also reports how worker and database are doing, and does what cannot wait for the queue."""

import multiprocessing
from typing import Any

from django.core.management.base import CommandParser
from django_q.management.commands.qcluster import Command as ClusterCommand

from hmm.steady import start_steady
from hmm.system_metrics.reporter import start_probing


class Command(ClusterCommand):
    help = (
        "Run the worker: it does what is in the task queue, and the recurring jobs; manage.py up runs it too."
    )

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        return super().create_parser(prog_name, subcommand, epilog="example: manage.py qcluster", **kwargs)

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the cluster; threads begin after the cluster has forked, which no thread outlives."""
        super().handle(*args, **options)
        if options.get("run_once"):
            return
        start_probing()
        start_steady()
        for child in multiprocessing.active_children():
            child.join()
