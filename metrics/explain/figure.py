"""Which figure is to be explained: one key of a metric of one entity, in a period or over a range; and its address."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Protocol
from zoneinfo import ZoneInfo

from django.urls import reverse
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString

from metrics.query import Refused, kinds_of
from metrics.query.aggregate import check_one
from metrics.query.stretches import instant
from metrics.query.words import check_word, check_words

LARGEST_ID = 2**31 - 1

OPENS = SafeString(
    'hx-boost="true" hx-target="#panel" hx-swap="innerHTML show:none" hx-sync="#panel:replace"'
)
"""The attributes of an element by which the links in it, or it itself, open in the panel; without script they are links.

The last click counts, whether or not the block that the link is in is just being refreshed.
"""


class NotThere(Refused):
    """What is asked for is right, and of nobody: there is no such miner, site, pool or tariff."""


class Ref(Protocol):
    """What may be explained: the address of its explanation, and an id for its link."""

    @property
    def url(self) -> str:
        """The address of its explanation."""

    @property
    def anchor(self) -> str:
        """The id of its link: the same figure has the same one when its block comes anew."""


@dataclass(frozen=True, slots=True)
class FigureRef:
    """A key of a metric of one entity: in the `period` that begins at `start`, or, with `end`, in all that begin before it."""

    metric_type: str
    key: str
    entity_type: str
    entity_id: int | None
    period: str
    start: datetime
    end: datetime | None = None

    @property
    def url(self) -> str:
        """The address of its explanation."""
        when = (
            f"from={written(self.start)}&to={written(self.end)}" if self.end else f"at={written(self.start)}"
        )
        return f"{self.what}&{when}"

    @property
    def what(self) -> str:
        """The address but for the time."""
        # Words of the registry, numbers and times: nothing in it needs quoting.
        one = f"&entity_id={self.entity_id}" if self.entity_id is not None else ""
        whose = f"entity_type={self.entity_type}{one}&period={self.period}"
        return f"{explain_address()}?type={self.metric_type}&key={self.key}&{whose}"

    @property
    def anchor(self) -> str:
        """The id of its link: the same figure has the same one when its block comes anew."""
        words = (self.metric_type, self.key, self.entity_type, self.entity_id or "all", self.period)
        return "-".join(map(str, ("figure", *words, f"{self.start.astimezone(UTC):%Y%m%dT%H%M}")))


def figure_ref(given: Mapping[str, str], zone: ZoneInfo) -> FigureRef:
    """Return the figure that an address asks for. Raises Refused naming what is wrong with it."""
    missing = next((name for name in ("type", "key", "entity_type", "period") if not given.get(name)), None)
    if missing:
        raise Refused(missing, "is needed")
    metric_type, key, entity_type, period = (given[n] for n in ("type", "key", "entity_type", "period"))
    check_words(metric_type, period, entity_type)
    check_word("key", key, list(kinds_of(metric_type, entity_type)))
    entity_id = id_in("entity_id", text) if (text := given.get("entity_id", "")) else None
    check_one(entity_type, entity_id)
    start, end = times_in(given, zone)
    return FigureRef(metric_type, key, entity_type, entity_id, period, start, end)


def explained(text: str, ref: Ref, *, in_block: bool = False, place: str = "") -> SafeString:
    """Return the text of a figure as a link that opens its explanation.

    `in_block`: it stands once in a block that is refreshed, and has an id, by which it keeps the focus; `place` tells
    it from the same figure elsewhere in the block.
    """
    name = format_html('id="{}{}" ', place, ref.anchor) if in_block else ""
    return format_html('<a {}class="explained" href="{}" {}>{}</a>', name, ref.url, OPENS, text)


def hrefs_of(ref: FigureRef) -> Callable[[datetime], str]:
    """Return what gives the figure of another start its address, escaped: hundreds of lines of a table are made of it."""
    what = escape(ref.what)
    return lambda start: f"{what}&amp;at={written(start)}"


def times_in(given: Mapping[str, str], zone: ZoneInfo) -> tuple[datetime, datetime | None]:
    """Return the moment that an address asks for, or the ends of its range. Raises Refused."""
    if given.get("at"):
        return instant("at", given["at"], zone), None
    if not (given.get("from") and given.get("to")):
        raise Refused("at", "is needed, or from and to")
    start, end = instant("from", given["from"], zone), instant("to", given["to"], zone, is_end=True)
    if start >= end:
        raise Refused("to", "must be after from")
    return start, end


def id_in(field: str, text: str) -> int:
    """Return the id that an address has in that field. Raises Refused."""
    if not (text.isascii() and text.isdecimal() and len(text) < 11 and 0 < int(text) <= LARGEST_ID):
        raise Refused(field, f"{text!r} is no id")
    return int(text)


def written(moment: datetime) -> str:
    """Return a moment as an address has it."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%MZ}"


@lru_cache(maxsize=1)
def explain_address() -> str:
    """Return the address that explains."""
    return reverse("metrics:explain")
