"""Many lines of CSV at once, column by column: for those that are plainly sound, which is nearly all.

It takes a fraction of the time that line by line takes. Whatever is not plain, an odd way to write a number as well
as a bad one, is left to `lines`, which tells the two apart and says why.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from hmm.lib.times import offset_refusal
from miners.telemetry.lines import EARLIEST, VALUES, WHOLE, latest_second, name_refusal
from miners.telemetry.rules import BOUNDS

PLAIN = b"0123456789.-"

LONGEST_PLAIN = 40
"""Characters of a plain number: of hundreds, PostgreSQL refuses one too small for a float, where Python says 0."""


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of sound lines: names, seconds since 1970, and values as text in the order of VALUES."""

    miners: Sequence[str]
    at: Sequence[int]
    values: Sequence[Sequence[str]]


def columns_parser(header: Sequence[str], now: datetime) -> Callable[[Sequence[str]], Columns | None]:
    """Return what turns lines of text under a sound `header` into Columns, or None where one is not plain."""
    names = [name.strip() for name in header]
    width, latest = len(names), latest_second(now)
    miner, timestamp = names.index("miner"), names.index("timestamp")
    places = [(name, names.index(name) if name in names else None) for name in VALUES]

    def parse(lines: Sequence[str]) -> Columns | None:
        columns = _columns(lines, width)
        if columns is None or any(map(name_refusal, set(columns[miner]))):
            return None
        at = _instants(columns[timestamp], latest)
        if at is None:
            return None
        if not all(_is_plain(name, columns[place]) for name, place in places if place is not None):
            return None
        empty = [""] * len(lines)
        return Columns(
            columns[miner], at, [empty if place is None else columns[place] for _, place in places]
        )

    return parse


def _columns(lines: Sequence[str], width: int) -> list[list[str]] | None:
    """Split all lines at once: they have `width` cells each where every line break falls into the first column."""
    text = ",\n".join(lines)
    cells = text.split(",")
    if len(cells) != width * len(lines) or '"' in text:
        return None
    columns = [cells[place::width] for place in range(width)]
    columns[0] = "".join(columns[0]).split("\n")
    return columns if len(columns[0]) == len(lines) else None


def _instants(texts: Sequence[str], latest: int) -> list[int] | None:
    try:
        moments = {text: datetime.fromisoformat(text) for text in set(texts)}
    except ValueError:
        return None
    if not all(map(_has_offset, {moment.tzinfo: moment for moment in moments.values()}.values())):
        return None
    at = {text: int(moment.timestamp()) for text, moment in moments.items()}
    if min(at.values()) < EARLIEST or max(at.values()) > latest:
        return None
    return [at[text] for text in texts]


def _has_offset(moment: datetime) -> bool:
    return moment.tzinfo is not None and not offset_refusal(moment)


def _is_plain(name: str, texts: Sequence[str]) -> bool:
    """Return whether each text is empty or a believable number in digits, which PostgreSQL reads the same."""
    filled = set(texts)
    filled.discard("")
    if not filled:
        return True
    if (
        "".join(filled).encode(errors="replace").translate(None, PLAIN)
        or max(map(len, filled)) > LONGEST_PLAIN
    ):
        return False
    try:
        numbers = list(map(int if name in WHOLE else float, filled))
    except ValueError:
        return False
    low, high = BOUNDS[name]
    return bool(low <= min(numbers) and max(numbers) <= high)
