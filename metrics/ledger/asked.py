"""Which part of the ledger is asked for: parsed from an address, and written into the next ones."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlencode

from hmm.lib.times import EARLIEST, LATEST
from metrics.query import Refused
from metrics.query.by_name import Place

TOGETHER = "together"
LONGEST_NAME = 100


@dataclass(frozen=True, slots=True)
class LedgerAsked:
    """A day of the ledger: of every miner, of one (`miner`, its name or id), or of all `together` as one line a slot.

    `after` is the place of the last line of the page before.
    """

    day: date
    miner: str = ""
    together: bool = False
    after: Place | None = None

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
    def day_before(self) -> "LedgerAsked | None":
        """The same of the day before, None where no day can be before."""
        return self._of(self.day - timedelta(days=1))

    @property
    def day_after(self) -> "LedgerAsked | None":
        """The same of the next day, None where no day can be after it."""
        return self._of(self.day + timedelta(days=1))

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

    def behind(self, after: Place | None) -> "LedgerAsked":
        """The page that begins behind that place, the first one for None."""
        return replace(self, after=after)

    def _of(self, day: date) -> "LedgerAsked | None":
        return replace(self, day=day, after=None) if is_a_day(day) else None


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


def is_a_day(day: date) -> bool:
    """Return whether HMM can have anything of that day."""
    return EARLIEST.date() <= day < LATEST.date()


def _day(text: str, today: date) -> date:
    if not text:
        return today
    try:
        found = date.fromisoformat(text)
    except ValueError:
        raise Refused("day", f"{text!r} is not a date such as 2025-03-30") from None
    if not is_a_day(found):
        raise Refused("day", f"{text!r} is not between {EARLIEST:%Y} and {LATEST:%Y}")
    return found


def _written(place: Place) -> str:
    at, miner_id = place
    return f"{int(at.timestamp())}-{miner_id}"


def _read(text: str) -> Place | None:
    if not text:
        return None
    at, dash, miner_id = text.partition("-")
    if not (dash and all(part.isascii() and part.isdecimal() and len(part) < 11 for part in (at, miner_id))):
        raise Refused("after", f"{text!r} is no place in the ledger")
    return (datetime.fromtimestamp(int(at), UTC), int(miner_id))
