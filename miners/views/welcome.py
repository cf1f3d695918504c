"""The first run: three steps, in any order, each of which can wait."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe
from django_q.tasks import async_task

from energy.models import PriceSlot
from hmm.admin import MEANS
from hmm.installation import change_installation, installation
from miners.models import Miner, Site, SiteTariff
from miners.welcome.forms import AGILE, FIXED, ElectricityForm, PlaceForm
from miners.welcome.tariff import choose_tariff, terms_of

FETCH = "energy.tasks.fetch_prices"


@require_safe
@never_cache
@permission_required("miners.add_miner", raise_exception=True)
def welcome(request: HttpRequest) -> HttpResponse:
    """The steps, each with how it stands."""
    return _page(request)


@require_POST
@permission_required("hmm.change_installation", raise_exception=True)
def welcome_place(request: HttpRequest) -> HttpResponse:
    """Keep the time zone and the currency."""
    form = PlaceForm(request.POST)
    if not form.is_valid():
        return _page(request, place=form)
    try:
        changed = change_installation(form.cleaned_data["time_zone"], form.cleaned_data["currency"])
    except ValidationError as error:
        form.add_error(None, error)
        return _page(request, place=form)
    for name in changed:
        messages.info(request, MEANS[name].format(value=form.cleaned_data[name]))
    return redirect(f"{reverse('miners:welcome')}#electricity")


@require_POST
@permission_required("energy.change_tariff", raise_exception=True)
def welcome_electricity(request: HttpRequest) -> HttpResponse:
    """Put the first site on the tariff that was chosen, and have its prices fetched."""
    form, site = ElectricityForm(request.POST), Site.objects.order_by("pk").first()
    if site is None or not form.is_valid():
        return _page(request, electricity=form)
    here = installation()
    today = timezone.now().astimezone(here.zone).date()
    tariff = choose_tariff(site, terms_of(form.cleaned_data, here.currency), today)
    async_task(FETCH, save=False)
    messages.success(request, f"{site} is on {tariff}. Its prices are here in a moment.")
    return redirect(f"{reverse('miners:welcome')}#miners")


def _page(
    request: HttpRequest, place: PlaceForm | None = None, electricity: ElectricityForm | None = None
) -> HttpResponse:
    here, site = installation(), Site.objects.order_by("pk").first()
    tariff = _tariff_of(site)
    context: dict[str, Any] = {
        "here": here,
        "site": site,
        "tariff": tariff,
        "has_prices": tariff is not None
        and PriceSlot.objects.filter(tariff=tariff, end__gt=timezone.now()).exists(),
        "miners": Miner.objects.filter(retired_at=None).count(),
        "place": place or PlaceForm(initial={"time_zone": here.time_zone, "currency": here.currency}),
        "electricity": electricity or ElectricityForm(initial=_initial(tariff)),
    }
    is_refused = (place and place.errors) or (electricity and electricity.errors)
    return render(request, "miners/welcome.html", context, status=422 if is_refused else 200)


def _tariff_of(site: Site | None) -> Any:
    today = timezone.localdate()
    on = SiteTariff.objects.filter(site=site, start_date__lte=today).select_related("tariff")
    found = on.order_by("-start_date").first()
    return found.tariff if found else None


def _initial(tariff: Any) -> dict[str, Any]:
    if tariff is None:
        return {"kind": AGILE}
    if tariff.provider == FIXED:
        return {"kind": FIXED, "price": tariff.fixed_pence_per_kwh}
    return {"kind": AGILE, "region": tariff.region, "product": tariff.product}
