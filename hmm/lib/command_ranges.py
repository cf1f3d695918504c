"""--from and --to of commands: a bare date is a local day, a time has its offset."""

from argparse import ArgumentParser
from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Any

from hmm.lib.commands import fail
from hmm.lib.times import parse_when


def add_range(parser: ArgumentParser) -> None:
    """Take --from and --to, as the options `start` and `end`."""
    parser.add_argument(
        "--from", dest="start", metavar="WHEN", help="a date (local day), or a time with its offset"
    )
    parser.add_argument(
        "--to", dest="end", metavar="WHEN", help="a date (included), or a time with its offset (excluded)"
    )


def range_ends(options: Mapping[str, Any], zone: tzinfo) -> tuple[datetime | None, datetime | None]:
    """Return what --from and --to mean, None for one that is left out.

    Ends the command where they mean nothing, or the range of both ends before it begins.
    """
    low = _instant("--from", options["start"], zone)
    high = _instant("--to", options["end"], zone, is_end=True)
    if low is not None and high is not None:
        _check_order(low, high, options["start"], options["end"])
    return low, high


def given_range(
    options: Mapping[str, Any], zone: tzinfo, *, first: datetime, last: datetime
) -> tuple[datetime, datetime]:
    """Return from when to when; `first` and `last` stand for what is left out.

    Ends the command where --from or --to means nothing, or the range ends before it begins.
    """
    start, end = range_ends(options, zone)
    low, high = start or first, end or last
    begin, stop = options["start"] or f"{low:%Y-%m-%d}", options["end"] or f"now, {high:%Y-%m-%d %H:%M}Z"
    _check_order(low, high, begin, stop)
    return low, high


def _check_order(low: datetime, high: datetime, begin: str, stop: str) -> None:
    if low >= high and begin == stop:
        fail(f"the range is empty: --from and --to are both {begin}")
    if low >= high:
        fail(f"the range ends (--to {stop}) before it begins (--from {begin})")


def _instant(option: str, text: str | None, zone: tzinfo, *, is_end: bool = False) -> datetime | None:
    if text is None:
        return None
    try:
        return parse_when(text, zone, is_end=is_end)
    except ValueError as error:
        fail(f"{option}: {error}")
