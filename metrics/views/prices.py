"""The page of prices: today and tomorrow, the cheapest hours among them, and the last weeks."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from energy.cheapest import cheapest
from energy.models import Tariff
from hmm.installation import installation
from metrics.dashboard.prices import legend, outlook, outlook_words
from metrics.explain.price import PriceRef
from metrics.prices.bars import price_bars, price_lines
from metrics.prices.form import USUAL, CheapestForm
from metrics.prices.history import price_history
from metrics.prices.read import KnownPrices, known_prices, usual_tariff
from metrics.prices.words import notices, plan_words, stretch_words
from metrics.templatetags.hmm_format import SYMBOLS


@require_safe
@never_cache
def prices(request: HttpRequest) -> HttpResponse:
    """The page, asked with `tariff`, `hours`, `stretch` (minutes) and `ceiling`."""
    now = timezone.now()
    form = _form(request, now)
    context: dict[str, Any] = {"form": form}
    if form is None or form.chosen is None:
        return render(request, "metrics/prices.html", context, status=422 if form else 200)
    known = known_prices(form.chosen, now, installation().zone)
    context |= _outlook(known, form) | {"history": price_history(known)}
    status = 200 if form.is_valid() else 422
    return render(request, "metrics/prices.html", context, status=status)


@require_safe
@never_cache
def price_outlook(request: HttpRequest) -> HttpResponse:
    """The part of it that moves with the time: bars, notices and the cheapest hours."""
    now = timezone.now()
    form = _form(request, now)
    if form is None or form.chosen is None or not form.is_valid():
        return HttpResponse("what is asked for is not valid", status=422, content_type="text/plain")
    known = known_prices(form.chosen, now, installation().zone)
    return render(request, "metrics/_price_outlook.html", _outlook(known, form))


def _form(request: HttpRequest, now: datetime) -> CheapestForm | None:
    """Return what is asked for, None where there is no tariff at all."""
    tariffs = list(Tariff.objects.order_by("pk"))
    asked = {**USUAL, **request.GET.dict()}
    if tariffs and "tariff" not in asked:
        asked["tariff"] = str(usual_tariff(now) or tariffs[0].pk)
    return CheapestForm(asked, tariffs) if tariffs else None


def _outlook(known: KnownPrices, form: CheapestForm) -> dict[str, Any]:
    ahead = known.within(known.now, known.tomorrow.end)
    plan = cheapest(ahead, form.wish, known.now) if form.is_valid() else None
    currency = known.tariff.currency
    return {
        "known": known,
        "unit": SYMBOLS[currency][1],
        "now_url": PriceRef(known.tariff.pk, known.now).url,
        "sentence": outlook_words(outlook(ahead, known.now), known.now, known.zone, currency),
        "notices": notices(known),
        "chart": price_bars(known, plan),
        "legend": legend(currency),
        "lines": price_lines(known, plan),
        "plan": plan and plan_words(plan, known),
        "stretches": stretch_words(plan, known) if plan else [],
    }
