"""The options of commands that ask one thing now and show what it says."""

from django.core.management.base import CommandParser

from hmm.lib.commands import argument

MAX_TIMEOUT_S = 600


def add_probe_options(parser: CommandParser, *, what: str, timeout_s: float) -> None:
    """Add `--json` and `--timeout`, the seconds for `what`, `timeout_s` where none are given."""
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--timeout",
        metavar="S",
        type=argument(_timeout_s),
        default=timeout_s,
        help=f"seconds for {what} ({timeout_s:g})",
    )


def _timeout_s(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= MAX_TIMEOUT_S:
        raise ValueError(f"{text!r} is not a number of seconds from 0 to {MAX_TIMEOUT_S}")
    return seconds
