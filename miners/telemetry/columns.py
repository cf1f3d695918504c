"""Many lines of CSV at once, column by column: for those that are plainly sound, which is nearly all.

It takes a fifth of the time that line by line takes. Whatever is not plain, an odd way to write a number as well
as a bad one, is left to `lines`, which tells the two apart and says why.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from miners.telemetry.lines import EARLIEST, VALUES, WHOLE, latest_second, name_refusal
from miners.telemetry.rules import BOUNDS

PLAIN = frozenset("0123456789.-")


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of sound lines: names, seconds since 1970, and values as text in the order of VALUES."""

    miners: Sequence[str]
    at: Sequence[int]
    values: Sequence[Sequence[str]]


Cells = Sequence[Sequence[str]]


def columns_parser(header: Sequence[str], now: datetime) -> Callable[[Cells], Columns | None]:
    """Return what turns lines of cells under a sound `header` into Columns, or None where one is not plain."""
    names = [name.strip() for name in header]
    width, latest = len(names), latest_second(now)
    miner, timestamp = names.index("miner"), names.index("timestamp")
    places = [(name, names.index(name) if name in names else None) for name in VALUES]

    def parse(lines: Cells) -> Columns | None:
        if set(map(len, lines)) != {width}:
            return None
        columns = list(zip(*lines, strict=True))
        at = _instants(columns[timestamp], latest)
        if at is None or any(map(name_refusal, set(columns[miner]))):
            return None
        if not all(_is_plain(name, columns[place]) for name, place in places if place is not None):
            return None
        empty = [""] * len(lines)
        return Columns(
            columns[miner], at, [empty if place is None else columns[place] for _, place in places]
        )

    return parse


def _instants(texts: Sequence[str], latest: int) -> list[int] | None:
    try:
        moments = list(map(datetime.fromisoformat, texts))
    except ValueError:
        return None
    if None in {moment.tzinfo for moment in moments}:
        return None
    at = [int(moment.timestamp()) for moment in moments]
    return at if min(at) >= EARLIEST and max(at) <= latest else None


def _is_plain(name: str, texts: Sequence[str]) -> bool:
    """Return whether each text is empty or a believable number in digits, which PostgreSQL reads the same."""
    filled = list(filter(None, texts))
    if not filled:
        return True
    if not PLAIN.issuperset("".join(filled)):
        return False
    try:
        numbers = list(map(int if name in WHOLE else float, filled))
    except ValueError:
        return False
    low, high = BOUNDS[name]
    return bool(low <= min(numbers) and max(numbers) <= high)
