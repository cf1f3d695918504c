"""The page of one miner, its blocks, and the lines of its charts."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe
from django_htmx.middleware import HtmxDetails

from metrics.dashboard.blocks import Present
from metrics.dashboard.version import unchanged_is_304
from metrics.miner_page import blocks, read
from metrics.miner_page.beside import miner_beside, told_miner
from metrics.miner_page.money import BACK
from metrics.miner_page.series import QUANTITIES, SPANS, USUAL_SPAN, chart_json, explained_from
from metrics.query import MetricRow, NotComputedYet, as_stored_meanwhile
from metrics.query.reading import ask_beside
from metrics.views.present import present as _present
from metrics.views.refusals import status_of
from miners.models import Miner
from miners.views.commands import commands_context

LONGEST_NOTES = 10_000
USUAL_BY = "daily"


@require_safe
@never_cache
def miner(request: HttpRequest, miner_id: int) -> HttpResponse:
    """The page, with every block already filled; `span` says how far back its charts go, `by` what the table goes by."""
    found, at = _miner_or_404(miner_id), _present()
    context = {
        "now": at.now,
        "miner": found,
        "reading": blocks.reading(found, at),
        **_asked(request),
        "events": read.events(miner_id),
        **_figures(found, _by(request), at),
        **commands_context(found),
    }
    return render(request, "metrics/miner.html", context)


@require_safe
@never_cache
@unchanged_is_304
def miner_reading(request: HttpRequest, miner_id: int) -> HttpResponse:
    """How it is now, by its last reading."""
    found, at = _miner_or_404(miner_id), _present()
    context = {"miner": found, "reading": blocks.reading(found, at), "now": at.now}
    return render(request, "metrics/_miner_reading.html", context)


@require_safe
@never_cache
@unchanged_is_304
def miner_health(request: HttpRequest, miner_id: int) -> HttpResponse:
    """Is it well, part by part."""
    at = _present()
    shown = _of_figures(
        miner_id,
        lambda: read.today(miner_id, at.now, at.zone),
        lambda found, rows: {"health": blocks.health(found, rows, at)},
    )
    return render(request, "metrics/_miner_health.html", shown)


@require_safe
@never_cache
def miner_money(request: HttpRequest, miner_id: int) -> HttpResponse:
    """What it cost and could expect to earn, `by` day, week or month."""
    at = _present()
    shown = _of_figures(
        miner_id,
        lambda: read.money_by(miner_id, _by(request), at.now, at.zone),
        lambda found, rows: {"money": blocks.money(rows, at)},
    )
    context = {**_asked(request), **shown}
    return _followed(request, shown["miner"], render(request, "metrics/_miner_money.html", context))


@require_safe
@never_cache
def miner_charts(request: HttpRequest, miner_id: int) -> HttpResponse:
    """The charts of one `span`; the browser's address follows."""
    found = _miner_or_404(miner_id)
    response = render(request, "metrics/_miner_charts.html", {"miner": found, **_asked(request)})
    return _followed(request, found, response)


@require_safe
@never_cache
def miner_series(request: HttpRequest, miner_id: int, quantity: str) -> JsonResponse:
    """A chart's line over `span` as JSON (docs/design-language.md), as it is stored while a run is at work on it; 409 where it is not computed."""
    span = _span(request)
    if quantity not in QUANTITIES or not Miner.objects.filter(pk=miner_id).exists():
        raise Http404
    at = _present()
    try:
        with as_stored_meanwhile() as meanwhile:
            line = read.line(miner_id, quantity, span, at.now, at.zone)
    except NotComputedYet as error:
        return JsonResponse({"detail": str(error)}, status=status_of(error))
    ends = (at.now - SPANS[span].length, at.now)
    marks = read.marks(miner_id, ends[0])
    chart = chart_json(QUANTITIES[quantity], line, marks, at.zone, ends)
    explained = explained_from(quantity, SPANS[span], miner_id)
    return JsonResponse({**chart, "notice": meanwhile.words, "explained": explained})


@require_POST
@permission_required("miners.change_miner", raise_exception=True)
def miner_notes(request: HttpRequest, miner_id: int) -> HttpResponse:
    """Keep what somebody has noted about it."""
    found = _miner_or_404(miner_id)
    found.notes = request.POST.get("notes", "").replace("\x00", "").strip()[:LONGEST_NOTES]
    found.save(update_fields=["notes"])
    messages.success(request, f"Notes on {found.name} kept.")
    return redirect("metrics:miner", miner_id)


def _miner_or_404(miner_id: int) -> Miner:
    try:
        return read.find_miner(miner_id)
    except Miner.DoesNotExist:
        raise Http404("there is no such miner") from None


def _of_figures(
    miner_id: int,
    figures: Callable[[], list[MetricRow]],
    shown: Callable[[Miner, list[MetricRow]], dict[str, Any]],
) -> dict[str, Any]:
    """Return the miner and what is shown of its figures, or why they cannot be told yet. It takes no query of its own."""
    beside, refused, rows = miner_beside(miner_id), "", list[MetricRow]()
    ask_beside(beside)
    with as_stored_meanwhile() as meanwhile:
        try:
            rows = figures()
        except NotComputedYet as error:
            refused = str(error)
    try:
        found = told_miner(beside)
    except Miner.DoesNotExist:
        raise Http404("there is no such miner") from None
    if refused:
        return {"miner": found, "not_computed": refused}
    return {"miner": found, "being_computed": meanwhile.words, **shown(found, rows)}


def _figures(found: Miner, by: str, at: Present) -> dict[str, Any]:
    """Return health and money, as they are stored while another run is at work on them, or why they cannot be told yet."""
    try:
        with as_stored_meanwhile() as meanwhile:
            if by == "daily":
                daily = rows = read.figures(found.pk, at.now, at.zone)
            else:  # the longer first: what it reads of the engine's state serves the day too
                rows = read.money_by(found.pk, by, at.now, at.zone)
                daily = read.today(found.pk, at.now, at.zone)
    except NotComputedYet as error:
        return {"not_computed": str(error)}
    return {
        "health": blocks.health(found, daily, at),
        "money": blocks.money(rows, at),
        "being_computed": meanwhile.words,
    }


def _asked(request: HttpRequest) -> dict[str, Any]:
    """Return what the tabs of the page need: what is shown of each block, and what there is to choose from."""
    charts = {"span": _span(request), "spans": SPANS, "quantities": QUANTITIES}
    return {"charts": charts, "by": _by(request), "back": BACK}


def _followed(request: HttpRequest, found: Miner, response: HttpResponse) -> HttpResponse:
    """Have the browser's address say what its page shows now, of either block."""
    query = urlencode({"span": _span(request), "by": _by(request)})
    response["HX-Replace-Url"] = f"{reverse('metrics:miner', args=[found.pk])}?{query}"
    return response


def _span(request: HttpRequest) -> str:
    span = _word(request, "span")
    return span if span in SPANS else USUAL_SPAN


def _by(request: HttpRequest) -> str:
    by = _word(request, "by")
    return by if by in BACK else USUAL_BY


def _word(request: HttpRequest, name: str) -> str:
    """Return what is asked for, else what the page that asks for a block of it shows: its own address says so."""
    page = urlsplit(HtmxDetails(request).current_url_abs_path or "").query
    return request.GET.get(name) or QueryDict(page).get(name) or ""
