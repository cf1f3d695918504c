"""What a question of `manage.py query` is: a query, the options it takes, and its answer as plain rows."""

from argparse import ArgumentParser
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from hmm.lib.buckets import PERIODS
from hmm.lib.command_ranges import add_range
from hmm.lib.times import EARLIEST, LATEST
from metrics.query.stretches import Stretch, past_stretch
from metrics.query.words import Refused, check_word
from metrics.types import metric_types

MOST_ROWS = 1_000_000

Options = Mapping[str, Any]
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Present:
    """The moment a question is asked, and the zone in which its bare dates are meant."""

    now: datetime
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class Answer:
    """Rows of plain values; `next` is the cursor of the next page, where there is one.

    `lines` are what a table shows in place of rows that hold lists.
    """

    rows: Sequence[Row]
    next: str | None = None
    lines: Sequence[Row] | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """A subcommand: its name, help and an example that works; its options; and how it is answered."""

    name: str
    help: str
    example: str
    options: Sequence[Callable[[ArgumentParser], Any]]
    answer: Callable[[Options, Present], Answer] = field(repr=False)


def of_type(parser: ArgumentParser) -> None:
    """Take a metric type."""
    parser.add_argument("--type", required=True, help=f"metric type: {', '.join(metric_types.names())}")


def of_key(parser: ArgumentParser) -> None:
    """Take a key of its figures."""
    parser.add_argument("--key", required=True, help="a numeric key of the type; `query types` lists them")


def of_period(parser: ArgumentParser) -> None:
    """Take a length of periods."""
    parser.add_argument("--period", default="daily", help=f"{', '.join(PERIODS)}; default daily")


def of_range(parser: ArgumentParser) -> None:
    """Take a range of time."""
    add_range(parser)
    parser.add_argument(
        "--days", type=int, metavar="N", help="the last N × 24 hours, in place of --from and --to"
    )


def of_whom(parser: ArgumentParser) -> None:
    """Take a kind of entity, and which one."""
    parser.add_argument("--entity-type", help="miner, site, pool or system; all when left out")
    parser.add_argument("--entity-id", type=int, metavar="ID", help="the id of the miner, site or pool")


def of_page(parser: ArgumentParser) -> None:
    """Take the length of a page and where it begins."""
    parser.add_argument("--limit", type=int, default=1000, metavar="N", help="rows at most; default 1000")
    parser.add_argument("--cursor", metavar="CURSOR", help="`next` of the page before, all else as it was")


def of_count(parser: ArgumentParser) -> None:
    """Take how many rows."""
    parser.add_argument("-n", type=int, default=10, metavar="N", help="how many, 1 to 1000; default 10")


def range_of(options: Options, at: Present, default_period: str | None = None) -> Stretch:
    """Return the range that --from, --to and --days mean."""
    period = default_period or options["period"]
    check_word("period", period, PERIODS)
    return past_stretch(period, options["start"], options["end"], options["days"], at.zone, at.now)


def page_size(options: Options) -> int:
    """Return --limit, and one row more, which tells whether there is another page."""
    if not 1 <= options["limit"] <= MOST_ROWS:
        raise Refused("limit", f"must be 1 to {MOST_ROWS}, not {options['limit']}")
    return int(options["limit"]) + 1


def paged(
    options: Options, found: Sequence[Any], row: Callable[[Any], Row], position: Callable[[Any], Any]
) -> Answer:
    """Return the page of `found` that --limit allows, with the cursor of the next where there is more."""
    page = found[: options["limit"]]
    more = len(found) > len(page)
    return Answer([row(each) for each in page], _written(position(page[-1])) if more else None)


def position_of(options: Options, kinds: Sequence[Callable[[str], Any]]) -> Any:
    """Return the position that --cursor says, a time and then parts of these kinds; None without a cursor."""
    text = options["cursor"]
    if text is None:
        return None
    at, *rest = text.split("/")
    try:
        moment = _possible(datetime.fromisoformat(at))
        parts = [None if part == "-" else kind(part) for kind, part in zip(kinds, rest, strict=True)]
    except ValueError:
        raise Refused(
            "cursor", f"{text!r} is not one that this question gave; leave it out to begin anew"
        ) from None
    return (moment, *parts)


def _possible(moment: datetime) -> datetime:
    if moment.tzinfo is None or not EARLIEST.year < moment.year < LATEST.year:
        raise ValueError("no time that a row begins at")
    return moment


def _written(position: Sequence[Any]) -> str:
    at, *rest = position
    return "/".join([at.isoformat(), *("-" if part is None else str(part) for part in rest)])
