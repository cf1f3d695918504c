"""The dashboard in a terminal."""

import sys
from argparse import ArgumentParser, ArgumentTypeError
from contextlib import suppress
from typing import IO, Any, cast

from hmm.lib.commands import HmmCommand
from metrics.terminal.show import console_on, print_once, watch
from metrics.terminal.thresholds import Level

SHORTEST_S, LONGEST_S = 1, 3600


class Command(HmmCommand):
    help = (
        "Show the fleet, prices, jobs and queue in the terminal, anew each 5 seconds until Ctrl-C. "
        "--once prints everything once; --check does so too, and exits with status 1 when anything is red."
    )
    example = "manage.py top --interval 10\n  manage.py top --once"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="print once and exit with status 0")
        parser.add_argument(
            "--check", action="store_true", help="print once; exit with status 1 when anything is red"
        )
        parser.add_argument(
            "--interval",
            type=_seconds,
            default=5.0,
            metavar="SECONDS",
            help="between two readings (default: 5)",
        )

    def handle(self, *args: Any, once: bool, check: bool, interval: float, **options: Any) -> None:
        self.stdout.ending = ""  # rich ends its lines itself
        console = console_on(
            cast(IO[str], self.stdout), no_color=options["no_color"], force_color=options["force_color"]
        )
        if once or check:
            level = print_once(console)
            if check and level is Level.BAD:
                sys.exit(1)
            return
        with suppress(KeyboardInterrupt):  # the way out: nothing has failed
            watch(console, interval)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not a number of seconds") from None
    if not SHORTEST_S <= seconds <= LONGEST_S:
        raise ArgumentTypeError(f"{text} is not from {SHORTEST_S} to {LONGEST_S} seconds")
    return seconds
