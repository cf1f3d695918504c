"""Query parameters: whole numbers that are just that, names that are known, ranges of time that are meant."""

import re
from collections import Counter
from datetime import datetime, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from ninja import Schema
from pydantic import BeforeValidator, Field, ValidationInfo, model_validator
from pydantic_core import PydanticCustomError

from metrics.api.errors import BadParameter
from metrics.query import Refused
from metrics.query.stretches import MAX_DAYS, Stretch, stretch_between

__all__ = [
    "Days",
    "Identifier",
    "Limit",
    "Paged",
    "Parameters",
    "Stretch",
    "stretch",
]

MAX_ID = 2**31 - 1


def _digits(value: object) -> object:
    if isinstance(value, str) and not re.fullmatch(r"[0-9]{1,18}", value):
        raise PydanticCustomError("whole_number", "must be a whole number, in digits")
    return value


_WHOLE = BeforeValidator(_digits)
"""Just digits: not 7.0, not 1e3, not +7, which all would pass as an int.

Bounds stand before it: of those behind it pydantic makes words that JSON Schema does not know.
"""

Limit = Annotated[
    int, Field(ge=1, le=1000), _WHOLE, Field(description="How many results at most, 1 to 1000.")
]
Identifier = Annotated[int, Field(ge=1, le=MAX_ID), _WHOLE]
Days = Annotated[int, Field(ge=1, le=MAX_DAYS), _WHOLE]


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


def stretch(
    given: Paged, zone: ZoneInfo, *, default: timedelta, open_end: datetime, now: datetime
) -> Stretch:
    """Return the stretch from `from` to `to`.

    Without `to` it ends at `open_end`; without `from` it begins `default` before `to`, or before `now`.
    Raises BadParameter naming `from` or `to`.
    """
    try:
        return stretch_between(given.from_, given.to, zone, default=default, open_end=open_end, now=now)
    except Refused as refusal:
        raise BadParameter(refusal.field, str(refusal)) from None
