"""Which part of the ledger is asked for: parsed from an address, and written into the next ones."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlencode

from hmm.lib.times import EARLIEST, LATEST
from metrics.query import Position, Refused

TOGETHER = "together"
LONGEST_NAME = 100


@dataclass(frozen=True, slots=True)
class LedgerAsked:
    """A day of the ledger: of every miner, of one (`miner`, its name or id), or of all `together` as one line a slot.

    `after` is the position of the last line of the page before.
    """

    day: date
    miner: str = ""
    together: bool = False
    after: Position | None = None

    @property
    def is_of_each(self) -> bool:
        """Whether every miner has lines of its own."""
        return not (self.together or self.miner)

    @property
    def query(self) -> str:
        """The query of its address."""
        given = {
            "day": self.day.isoformat(),
            "of": TOGETHER if self.together else "",
            "miner": self.miner,
            "after": _written(self.after) if self.after else "",
        }
        return "?" + urlencode({name: value for name, value in given.items() if value})

    @property
    def day_before(self) -> "LedgerAsked":
        """The same of the day before."""
        return replace(self, day=self.day - timedelta(days=1), after=None)

    @property
    def day_after(self) -> "LedgerAsked":
        """The same of the next day."""
        return replace(self, day=self.day + timedelta(days=1), after=None)

    @property
    def every_miner(self) -> "LedgerAsked":
        """The same day of every miner."""
        return LedgerAsked(self.day)

    @property
    def as_one(self) -> "LedgerAsked":
        """The same day of all miners together."""
        return LedgerAsked(self.day, together=True)

    @property
    def from_the_start(self) -> "LedgerAsked":
        """The first page of it."""
        return replace(self, after=None)


def ledger_asked(given: Mapping[str, str], today: date) -> LedgerAsked:
    """Return what an address asks for, today's ledger of every miner unless it says otherwise.

    Raises Refused naming what is wrong: `day`, `of` or `after`.
    """
    of = given.get("of", "")
    if of not in ("", TOGETHER):
        raise Refused("of", f"must be {TOGETHER!r} or left out, not {of!r}")
    miner = given.get("miner", "").replace("\x00", "").strip()[:LONGEST_NAME]
    if of and miner:
        raise Refused("of", f"{TOGETHER!r} cannot go with one miner")
    return LedgerAsked(
        _day(given.get("day", ""), today), miner, of == TOGETHER, _read(given.get("after", ""))
    )


def _day(text: str, today: date) -> date:
    if not text:
        return today
    try:
        found = date.fromisoformat(text)
    except ValueError:
        raise Refused("day", f"{text!r} is not a date such as 2025-03-30") from None
    if not EARLIEST.date() <= found < LATEST.date():
        raise Refused("day", f"{text!r} is not between {EARLIEST:%Y} and {LATEST:%Y}")
    return found


def _written(position: Position) -> str:
    at, _, miner_id = position
    return f"{int(at.timestamp())}-{miner_id or 0}"


def _read(text: str) -> Position | None:
    if not text:
        return None
    at, dash, miner_id = text.partition("-")
    if not (dash and all(part.isascii() and part.isdecimal() and len(part) < 11 for part in (at, miner_id))):
        raise Refused("after", f"{text!r} is no place in the ledger")
    return (datetime.fromtimestamp(int(at), UTC), "miner", int(miner_id))
