"""Analytics: one view at a time, said wholly by its address; the same as CSV and as JSON."""

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from hmm.installation import installation
from metrics.analytics.asked import Asked, asked_of, read_asked
from metrics.analytics.form import form_of
from metrics.analytics.report import Here
from metrics.analytics.reports import REPORTS
from metrics.analytics.series import chart_json, series
from metrics.analytics.whom import offered
from metrics.files import csv_response
from metrics.query import NotComputedYet, Refused, as_stored_meanwhile
from metrics.views.refusals import says_why, status_of


@require_safe
@never_cache
def analytics(request: HttpRequest) -> HttpResponse:
    """A page of one view, asked with `view`, `metric`, `of`, `period`, `from`, `to` and `compare`.

    What cannot be is answered by the form as it was filled, with the reasons beside its fields.
    """
    given, whom = _given(request)
    here = _here()
    today = here.now.astimezone(here.zone).date()
    asked, refusals = read_asked(given, whom, today, here.zone, here.currency)
    context: dict[str, Any] = {}
    status = 200
    if not refusals:
        try:
            with as_stored_meanwhile() as meanwhile:
                context["report"] = REPORTS[asked.view](asked, here)
            context["being_computed"] = meanwhile.words
        except Refused as refused:
            refusals = [refused]
        except NotComputedYet as reason:
            context["not_computed"], status = str(reason), status_of(reason)
    context["form"] = form_of(asked, given, whom, refusals, offered(), today, here.currency)
    return render(request, "metrics/analytics.html", context, status=422 if refusals else status)


@require_safe
@never_cache
@says_why("Analytics")
def analytics_csv(request: HttpRequest) -> StreamingHttpResponse:
    """The table of the page, unrounded."""
    asked, here = _asked(request)
    report = REPORTS[asked.view](asked, here)
    rows = ([_in_words(_plain(cell)) for cell in row] for row in report.rows)
    name = f"hmm-{asked.view}-{asked.metric_type}-{asked.first}-{asked.last}"
    return csv_response(name, [column.name for column in report.columns], rows)


@require_safe
@never_cache
@says_why("Analytics")
def analytics_json(request: HttpRequest) -> JsonResponse:
    """The table of the page, unrounded; `chart=1`: as the chart to zoom draws it."""
    asked, here = _asked(request)
    if request.GET.get("chart") and asked.view == "series":
        with as_stored_meanwhile() as meanwhile:  # as the page around it, which says so
            chart = chart_json(asked, series(asked, here), here)
        return JsonResponse({**chart, "notice": meanwhile.words})
    report = REPORTS[asked.view](asked, here)
    records = [{name: _plain(cell) for name, cell in row.items()} for row in report.records]
    return JsonResponse({"title": report.title, "view": asked.view, "rows": records})


def _asked(request: HttpRequest) -> tuple[Asked, Here]:
    here, (given, whom) = _here(), _given(request)
    today = here.now.astimezone(here.zone).date()
    return asked_of(given, whom, today, here.zone, here.currency), here


def _here() -> Here:
    place = installation()
    return Here(timezone.now(), place.zone, place.currency)


def _given(request: HttpRequest) -> tuple[dict[str, str], list[str]]:
    return request.GET.dict(), request.GET.getlist("of")


def _in_words(cell: Any) -> Any:
    """Return a cell as the file of the ledger has it: yes, or nothing."""
    return ("yes" if cell else "") if isinstance(cell, bool) else cell


def _plain(cell: Any) -> Any:
    return cell.isoformat() if hasattr(cell, "isoformat") else cell
