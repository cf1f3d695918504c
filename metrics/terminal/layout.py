"""What fits: which columns a width has room for, and which lines a height."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from rich.cells import cell_len

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table, shown from a width of the terminal on. A width of 0 takes what is left."""

    key: str
    header: str
    width: int
    from_width: int = 0
    justify: Literal["left", "right"] = "left"


MINER_COLUMNS = (
    Column("name", "miner", 16),
    Column("state", "state", 12),
    Column("since", "for", 7, 110),
    Column("hashrate", "hashrate", 10, justify="right"),
    Column("power_w", "W", 6, 50, "right"),
    Column("temperature_c", "°C", 3, 54, "right"),
    Column("efficiency", "J/TH", 5, 60, "right"),
    Column("rejects", "rej %", 5, 66, "right"),
    Column("age", "age", 7, 74, "right"),
    Column("spark", "24 h", 7, 80),
    Column("long_spark", "24 h", 24, 100),
    Column("model", "model", 15, 120),
    Column("reason", "reason", 0, 150),
)

JOB_COLUMNS = (
    Column("name", "job", 16),
    Column("verdict", "state", 17),
    Column("last", "last run", 8, 44, "right"),
    Column("success", "success", 7, 52, "right"),
    Column("p50", "p50", 8, 61, "right"),
    Column("p99", "p99", 8, 70, "right"),
    Column("runs", "runs", 5, 76, "right"),
    Column("error", "last error", 0, 100),
)


def columns_for(columns: Sequence[Column], width: int) -> list[Column]:
    """Return the columns that a terminal of that width has room for; a wider sparkline replaces the narrow one."""
    shown = [column for column in columns if column.from_width <= width]
    keys = {column.key for column in shown}
    return [column for column in shown if f"long_{column.key}" not in keys]


def allot(free: int, miners: int, jobs: int) -> tuple[int, int]:
    """Share `free` lines among so many miners and jobs: a quarter is the jobs', what one does not need the other's."""
    free = max(0, free)
    job_lines = min(jobs, max(free // 4, free - miners))
    return min(miners, free - job_lines), job_lines


def cut(items: Sequence[T], lines: int | None) -> tuple[Sequence[T], Sequence[T]]:
    """Return the items that fit into so many lines, the last of which says what is left out, and those left out."""
    if lines is None or len(items) <= lines:
        return items, ()
    kept = max(0, lines - 1)
    return items[:kept], items[kept:]


def lines_of(words: Sequence[str], width: int, separator: str) -> list[str]:
    """Return the words in lines that break between them; a word wider than a line has one to itself."""
    lines: list[str] = []
    for word in words:
        if lines and cell_len(lines[-1] + separator + word) <= width:
            lines[-1] += separator + word
        else:
            lines.append(word)
    return lines


def printable(text: str) -> str:
    """Return a line of text that cannot steer the terminal: whatever is not printable becomes a question mark."""
    return "".join(character if character.isprintable() else "?" for character in text)
