"""Does one thing to several miners of the table, once it has been said which of them take it, and why others do not."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods
from django.views.decorators.vary import vary_on_headers
from django_htmx.middleware import HtmxDetails

from hmm.lib.units import counted
from metrics.dashboard.table_page import TablePage, table_page
from metrics.query.fleet_sql import found_miners
from miners.control.ask import LONGEST_WHY
from miners.control.together import MOST_TOGETHER, Deed, Sorted, give, sort_out

TOLD_ONE_BY_ONE = 5
"""So many refusals are said by name, the others counted."""


@never_cache
@vary_on_headers("HX-Request")
@require_http_methods(["GET", "HEAD", "POST"])
def miners_together(request: HttpRequest) -> HttpResponse:
    """Ask whether the deed is meant, naming its miners; with `sure`, do it. To htmx the question is a dialog's inside.

    Whoever comes by the address alone, as by reloading the question, is led to the miners, to select some.
    """
    if request.method != "POST":
        return redirect(_back(table_page(request.GET.dict())))
    deed = _deed(request)
    asked = table_page(request.POST.dict())
    sorted_out, too_many = _sorted_out(request, deed, asked)
    why = request.POST.get("why", "").strip()
    if "sure" in request.POST and sorted_out.ready and (why or deed.kind is None):
        return _do(request, deed, sorted_out, why, asked)
    context: dict[str, Any] = {
        "deed": deed,
        "sorted": sorted_out,
        "too_many": too_many,
        "most": MOST_TOGETHER,
        "is_unreasoned": "sure" in request.POST and not why,
        "longest": LONGEST_WHY,
        "asked": asked,
        "back": _back(asked),
        "in_dialog": bool(HtmxDetails(request)),
    }
    name = "_miners_together" if HtmxDetails(request) else "miners_together"
    return render(request, f"metrics/{name}.html", context)


def _deed(request: HttpRequest) -> Deed:
    """Return what is to be done, which the user may do; what there is not nobody may."""
    told = request.POST.get("deed", "")
    if told not in list(Deed) or not request.user.has_perm(Deed(told).permission):
        raise PermissionDenied
    return Deed(told)


def _sorted_out(request: HttpRequest, deed: Deed, asked: TablePage) -> tuple[Sorted, bool]:
    """Return the miners that were selected, sorted, and whether they are too many to be told at once."""
    if "found" in request.POST:
        wanted = found_miners(asked.asked(), timezone.now(), most=MOST_TOGETHER + 1)
    else:
        wanted = [int(pk) for pk in request.POST.getlist("miner") if pk.isascii() and pk.isdecimal()]
        wanted = [pk for pk in wanted if pk < 2**31]
    if len(wanted) > MOST_TOGETHER:
        return Sorted(), True
    return sort_out(deed, wanted), False


def _do(request: HttpRequest, deed: Deed, sorted_out: Sorted, why: str, asked: TablePage) -> HttpResponse:
    done, refused = give(deed, sorted_out.ready, who=request.user.get_username(), why=why, now=timezone.now())
    if done and deed.kind:
        told = f"{deed.capitalize()} is being sent to {counted(len(done), 'miner')}."
        messages.success(request, f"{told} Each one's page says what becomes of it.")
    elif done:
        messages.success(request, f"{deed.capitalize()}: done for {counted(len(done), 'miner')}.")
    for each in refused[:TOLD_ONE_BY_ONE]:
        messages.error(request, f"Nothing was sent to {each}")
    if len(refused) > TOLD_ONE_BY_ONE:
        messages.error(request, f"Nor to {counted(len(refused) - TOLD_ONE_BY_ONE, 'other')}.")
    return redirect(_back(asked))


def _back(asked: TablePage) -> str:
    return f"{reverse('metrics:dashboard')}{asked.query}#miner-table"
