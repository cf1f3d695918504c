"""GET /api/metrics and what stands beside it: the store, and the open period, page by page."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Query, Router, Schema
from pydantic import Field

from hmm.installation import installation
from hmm.lib.buckets import PERIODS
from metrics.api.answers import answer
from metrics.api.cursors import Cursor, read_cursor, write_cursor
from metrics.api.errors import REFUSALS, BadParameter
from metrics.api.parameters import Days, Identifier, Limit, Paged, Parameters, Stretch
from metrics.api.shown import MetricPage, MetricTypes, shown, shown_type
from metrics.query import MetricRow, Position, described_types, latest_start, metrics_in_range
from metrics.query.stretches import past_stretch
from metrics.types import metric_types

router = Router(tags=["metrics"])


def _entity_types(described: dict[str, Any]) -> None:
    described["anyOf"][0]["enum"] = sorted(
        {entity for name in metric_types.names() for entity in metric_types[name].entities}
    )


class Whose(Schema):
    """Which figures, and of whom."""

    type: str = Field(
        description="The metric type, such as energy_cost.",
        json_schema_extra={"enum": [*metric_types.names()]},
    )
    entity_type: str | None = Field(
        None,
        description="miner, pool, site or system, as far as the type has it; all when left out.",
        json_schema_extra=_entity_types,
    )
    entity_id: Identifier | None = Field(None, description="The id of the miner, pool or site.")


class MetricParameters(Whose, Paged):
    """Which figures, of whom, and when."""

    period: str = Field(
        description="The length of the periods. Without `days`, `from` and `to`: the last day of slots and "
        "hours, 30 days, 13 weeks, a year of months.",
        json_schema_extra={"enum": [*PERIODS]},
    )
    days: Days | None = Field(None, description="The last N × 24 hours, in place of `from` and `to`.")


class LatestParameters(Whose, Parameters):
    """Which figures, and of whom."""

    period: str = Field(
        "hourly", description="The length of the periods.", json_schema_extra={"enum": [*PERIODS]}
    )
    limit: Limit = 100
    cursor: str | None = Field(
        None, description="`next` of the page before, with all else, `limit` aside, as it was there."
    )

    def asked(self) -> dict[str, Any]:
        """Return what makes this query what it is, whichever page of it is asked for."""
        return self.model_dump(exclude={"limit", "cursor"}, exclude_none=True)


@router.get(
    "/metrics",
    operation_id="metrics",
    response={200: MetricPage, **REFUSALS},
    summary="Figures of the metrics store",
)
def metrics(request: HttpRequest, given: Query[MetricParameters]) -> HttpResponse:
    """Figures per period, oldest first, up to this moment.

    Times are in the installation's time zone. 409: more of this range is still to be computed than a caller
    should wait for; the message names the command that computes it.
    """
    now, zone = timezone.now(), installation().zone
    _check_system(given)
    cursor = read_cursor(given.cursor, "metrics", given.asked()) if given.cursor is not None else None
    span = cursor.stretch if cursor else _stretch(given, zone, now)
    return _page(request, "metrics", given, span, cursor, now, zone)


@router.get(
    "/metrics/latest",
    operation_id="latest_metrics",
    response={200: MetricPage, **REFUSALS},
    summary="The last period that is over, and the open one",
)
def latest(request: HttpRequest, given: Query[LatestParameters]) -> HttpResponse:
    """The figures of the last period that is over, and then those of the open one, up to this moment.

    Whoever has no data there has no result.
    """
    now, zone = timezone.now(), installation().zone
    _check_system(given)
    cursor = read_cursor(given.cursor, "latest", given.asked()) if given.cursor is not None else None
    span = cursor.stretch if cursor else Stretch(latest_start(given.period, now), now)
    return _page(request, "latest", given, span, cursor, now, zone)


@router.get(
    "/metrics/types",
    operation_id="metric_types",
    response={200: MetricTypes, **{status: REFUSALS[status] for status in (401, 403, 422, 503)}},
    summary="What each metric means",
)
def types(request: HttpRequest) -> HttpResponse:
    """Every metric type: unit, description, the entities that have it, and each key with its formula.

    Formulas are SQL over the columns of a row `r` of the store.
    """
    for name in request.GET:
        raise BadParameter(name, "is not a parameter here; there are none")
    return answer(request, {"results": [shown_type(described) for described in described_types()]})


def _page(
    request: HttpRequest,
    address: str,
    given: MetricParameters | LatestParameters,
    span: Stretch,
    cursor: Cursor | None,
    now: datetime,
    zone: ZoneInfo,
) -> HttpResponse:
    """Return the page that begins behind the cursor; whether there is another is seen from one row more."""
    rows = metrics_in_range(
        metric_type=given.type,
        period=given.period,
        start=span.start,
        end=span.end,
        entity_type=given.entity_type,
        entity_id=given.entity_id,
        limit=given.limit + 1,
        after=_position(cursor),
        now=now,
    )
    page = rows[: given.limit]
    results = [shown(row, zone) for row in page]
    return answer(request, {"results": results}, next_cursor=_next(address, given, span, page, len(rows)))


def _next(
    address: str,
    given: MetricParameters | LatestParameters,
    span: Stretch,
    page: Sequence[MetricRow],
    found: int,
) -> str | None:
    if found <= len(page):
        return None
    return write_cursor(address, given.asked(), Cursor(span, page[-1].position))


def _check_system(given: Whose) -> None:
    if given.entity_type == "system" and given.entity_id is not None:
        raise BadParameter("entity_id", "the system has no id; leave entity_id out")


def _stretch(given: MetricParameters, zone: ZoneInfo, now: datetime) -> Stretch:
    return past_stretch(given.period, given.from_, given.to, given.days, zone, now)


def _position(cursor: Cursor | None) -> Position | None:
    if cursor is None:
        return None
    at, entity_type, entity_id = cursor.position
    return (at, entity_type, entity_id)
