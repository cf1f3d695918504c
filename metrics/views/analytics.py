"""Analytics: one view at a time, said wholly by its address; the same as CSV and as JSON."""

from collections.abc import Callable
from datetime import timedelta
from functools import lru_cache
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from hmm.installation import installation
from hmm.lib.buckets import PERIODS
from metrics.analytics.asked import MOST_ENTITIES, SKETCHED, VIEWS, Asked, asked_of
from metrics.analytics.bands import bands
from metrics.analytics.calendar import calendar
from metrics.analytics.distribution import distributed
from metrics.analytics.ranking import ranking
from metrics.analytics.report import Here, Report
from metrics.analytics.series import chart_json, series
from metrics.analytics.waterfall import waterfall
from metrics.analytics.whom import offered
from metrics.figure_words import title_of
from metrics.files import csv_response
from metrics.query import Kind, described_types
from metrics.sketches.quantities import QUANTITIES
from metrics.views.refusals import says_why

REPORTS: dict[str, Callable[[Asked, Here], Report]] = {
    "series": series,
    "calendar": calendar,
    "distribution": distributed,
    "ranking": ranking,
    "bands": bands,
    "waterfall": waterfall,
}
RANGES = (7, 30, 90, 365)


@require_safe
@never_cache
@says_why("Analytics")
def analytics(request: HttpRequest) -> HttpResponse:
    """A page of one view, asked with `view`, `metric`, `of`, `period`, `from`, `to` and `compare`."""
    asked, here = _asked(request)
    context = {
        "asked": asked,
        "report": REPORTS[asked.view](asked, here),
        "metrics": _metrics(asked.view, here.currency),
        "names": offered(),
        "periods": PERIODS,
        "views": [(name, words, _view(asked, name)) for name, words in VIEWS.items()],
        "ranges": [(days, _last(asked, here, days)) for days in RANGES],
        "can_add": asked.view == "series" and len(asked.whom) < MOST_ENTITIES,
    }
    return render(request, "metrics/analytics.html", context)


@require_safe
@never_cache
@says_why("Analytics")
def analytics_csv(request: HttpRequest) -> StreamingHttpResponse:
    """The table of the page, unrounded."""
    asked, here = _asked(request)
    report = REPORTS[asked.view](asked, here)
    rows = ([_plain(cell) for cell in row] for row in report.rows)
    name = f"hmm-{asked.view}-{asked.metric_type}-{asked.first}-{asked.last}"
    return csv_response(name, [column.name for column in report.columns], rows)


@require_safe
@never_cache
@says_why("Analytics")
def analytics_json(request: HttpRequest) -> JsonResponse:
    """The table of the page, unrounded; `chart=1`: as the chart to zoom draws it."""
    asked, here = _asked(request)
    report = REPORTS[asked.view](asked, here)
    if request.GET.get("chart") and report.is_drawn_by_script:
        return JsonResponse(chart_json(asked, report, here))
    records = [{name: _plain(cell) for name, cell in row.items()} for row in report.records]
    return JsonResponse({"title": report.title, "view": asked.view, "rows": records})


def _asked(request: HttpRequest) -> tuple[Asked, Here]:
    now, place = timezone.now(), installation()
    today = now.astimezone(place.zone).date()
    given = {name: value for name, value in request.GET.items() if isinstance(value, str)}
    asked = asked_of(given, request.GET.getlist("of"), today, place.zone, place.currency)
    return asked, Here(now, place.zone, place.currency)


def _view(asked: Asked, name: str) -> str:
    """Return the address of another view of the same, of hashrate where it cannot be of the same figure."""
    if name == "distribution" and asked.metric_type not in SKETCHED:
        return asked.address(view=name, metric="hashrate.avg")
    return asked.address(view=name)


Choices = list[tuple[str, list[tuple[str, str]]]]


def _metrics(view: str, currency: str) -> Choices:
    """Return the figures that the view can be of, by metric type; none where it is of energy alone."""
    if view in ("bands", "waterfall"):
        return []
    if view == "distribution":
        return [("Readings", [(f"{q.name}.avg", title_of(q.name, "avg", currency)) for q in QUANTITIES])]
    return _choices(currency)


@lru_cache(maxsize=8)
def _choices(currency: str) -> Choices:
    """Return each metric type with the keys that can be drawn, by the names they have for its first kind of entity."""
    return [
        (
            described.name.replace("_", " ").capitalize(),
            [
                (f"{described.name}.{key.key}", title_of(described.name, key.key, currency))
                for key in described.keys
                if key.kind is not Kind.WORD
                and described.entities[0] in key.formula
                and key.key != "elapsed_s"
            ],
        )
        for described in described_types()
    ]


def _last(asked: Asked, here: Here, days: int) -> str:
    today = here.now.astimezone(here.zone).date()
    first = today - timedelta(days=days - 1)
    period = "hourly" if days <= 7 else "daily"
    return asked.address(**{"from": first.isoformat(), "to": today.isoformat(), "period": period})


def _plain(cell: Any) -> Any:
    return cell.isoformat() if hasattr(cell, "isoformat") else cell
