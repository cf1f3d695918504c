"""Query parameters: whole numbers that are just that, names that are known, ranges of time that are meant."""

import re
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from ninja import Schema
from pydantic import BeforeValidator, Field, ValidationInfo, model_validator
from pydantic_core import PydanticCustomError

from hmm.lib.times import parse_when
from metrics.api.errors import BadParameter

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
LATEST = datetime(2100, 1, 1, tzinfo=UTC)
MAX_DAYS = 3660
MAX_ID = 2**31 - 1


def _digits(value: object) -> object:
    if isinstance(value, str) and not re.fullmatch(r"[0-9]{1,18}", value):
        raise PydanticCustomError("whole_number", "must be a whole number, in digits")
    return value


Whole = Annotated[int, BeforeValidator(_digits)]
"""A whole number: not 7.0, not 1e3, not +7, which all would pass as an int."""

Limit = Annotated[Whole, Field(ge=1, le=1000, description="How many results at most, 1 to 1000.")]
Identifier = Annotated[Whole, Field(ge=1, le=MAX_ID)]


class Parameters(Schema):
    """The parameters of one address. A name that is unknown or given twice is refused, not passed over."""

    @model_validator(mode="before")
    @classmethod
    def _only_known_names(cls, given: Any, info: ValidationInfo) -> Any:
        query = (info.context or {})["request"].GET
        known = [field.alias or name for name, field in cls.model_fields.items()]
        for name, times in Counter(key for key, values in query.lists() for _ in values).items():
            if name not in known:
                raise BadParameter(name, f"is not a parameter here; there are: {', '.join(known)}")
            if times > 1:
                raise BadParameter(name, "is given more than once")
        return given


class Paged(Parameters):
    """A stretch of time, read in pages."""

    from_: str | None = Field(
        None,
        alias="from",
        description="Beginning, included: a date (local midnight) or an ISO 8601 time with offset.",
    )
    to: str | None = Field(
        None, description="End, excluded: an ISO 8601 time with offset, or a date, which is included."
    )
    limit: Limit = 100
    cursor: str | None = Field(
        None, description="`next` of the page before, with all else, `limit` aside, as it was there."
    )

    def asked(self) -> dict[str, Any]:
        """Return what makes this query what it is, whichever page of it is asked for."""
        return self.model_dump(exclude={"limit", "cursor"}, exclude_none=True, by_alias=True)


@dataclass(frozen=True, slots=True)
class Stretch:
    """The half-open stretch [start, end), UTC."""

    start: datetime
    end: datetime


def stretch(
    given: Paged, zone: ZoneInfo, *, default: timedelta, open_end: datetime, now: datetime
) -> Stretch:
    """Return the stretch from `from` to `to`.

    Without `to` it ends at `open_end`; without `from` it begins `default` before `to`, or before `now`.
    Raises BadParameter naming `from` or `to`.
    """
    end = _instant("to", given.to, zone, is_end=True) if given.to is not None else None
    start = _instant("from", given.from_, zone) if given.from_ is not None else (end or now) - default
    if end is not None and start >= end:
        raise BadParameter("to", "must be after from")
    return Stretch(start, end or max(start, open_end))


def _instant(name: str, text: str, zone: ZoneInfo, *, is_end: bool = False) -> datetime:
    # An offset's plus sign arrives as a blank where the caller did not encode it; nothing else can be meant.
    mended = re.sub(r"(T[0-9:.]+) (?=[0-9:]+$)", r"\1+", text)
    try:
        found = parse_when(mended, zone, is_end=is_end)
    except OverflowError:
        raise BadParameter(name, f"{text!r} is beyond the calendar") from None
    except ValueError as error:
        raise BadParameter(name, str(error)) from None
    if not EARLIEST <= found <= LATEST:
        raise BadParameter(name, f"{text!r} is not between {EARLIEST:%Y} and {LATEST:%Y}")
    return found
