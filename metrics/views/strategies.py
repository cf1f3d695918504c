"""Whom a strategy of curtailment would cut, and why. Only shown: nothing is told to a miner."""

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from metrics.query import NotComputedYet, as_stored_meanwhile
from metrics.strategies.figures import site_figures
from metrics.strategies.form import RankingForm
from metrics.strategies.page import show_ranking
from miners.models import CurtailmentStrategy
from miners.strategies.ranking import rank, terms_of


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
    context: dict[str, Any] = {"form": form, "strategy": strategy, "now": timezone.now()}
    try:
        with as_stored_meanwhile() as meanwhile:
            figures = site_figures(strategy.site_id, context["now"])
    except NotComputedYet as error:
        context["not_computed"] = str(error)
        return render(request, "metrics/strategy_ranking.html", context, status=409)
    ranking = rank(figures, terms_of(strategy), 1000 * (target_kw or 0))
    context["ranking"] = show_ranking(ranking, form.cleaned_data["page"] or 1)
    context["being_computed"] = meanwhile.words
    context["asked"] = urlencode({name: asked[name] for name in ("strategy", "target_kw") if asked.get(name)})
    return render(request, "metrics/strategy_ranking.html", context)
