"""Whom a strategy of curtailment would cut, and why. Only shown: nothing is told to a miner."""

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from metrics.query import NotComputedYet
from metrics.strategies.form import RankingForm
from metrics.strategies.lately import ranking_lately
from metrics.strategies.page import show_ranking
from miners.models import CurtailmentStrategy


@require_safe
@never_cache
def strategy_ranking(request: HttpRequest) -> HttpResponse:
    """A site's miners in the order in which a strategy would cut them for a target in kW.

    Asked with `strategy` (the first active one unless given), `target_kw` and `page`.
    """
    first = CurtailmentStrategy.objects.order_by("-active", "site", "pk").first()
    if first is None:
        return render(request, "metrics/strategy_ranking.html", {})
    asked = {"strategy": str(first.pk), **request.GET.dict()}
    form = RankingForm(asked)
    if not form.is_valid():
        return render(request, "metrics/strategy_ranking.html", {"form": form}, status=422)
    strategy, target_kw = form.cleaned_data["strategy"], form.cleaned_data["target_kw"]
    context: dict[str, Any] = {"form": form, "strategy": strategy}
    try:
        ranked = ranking_lately(strategy, 1000 * (target_kw or 0), timezone.now())
    except NotComputedYet as error:
        context["not_computed"] = str(error)
        return render(request, "metrics/strategy_ranking.html", context, status=409)
    context |= {"now": ranked.now, "being_computed": ranked.being_computed}
    context["ranking"] = show_ranking(ranked.ranking, form.cleaned_data["page"] or 1)
    context["asked"] = urlencode({name: asked[name] for name in ("strategy", "target_kw") if asked.get(name)})
    return render(request, "metrics/strategy_ranking.html", context)
