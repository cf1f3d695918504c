"""Putting a site on the tariff that somebody chose."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from django.db import transaction

from energy.models import Tariff
from energy.regions import NAMES
from miners.membership import set_site_tariff
from miners.models import MinerSite, Site, SiteTariff
from miners.models.site import SINCE_EVER
from miners.telemetry.read import telemetry_spans
from miners.welcome.forms import AGILE


def terms_of(chosen: Mapping[str, Any], currency: str) -> dict[str, Any]:
    """Return the fields of the tariff that a valid ElectricityForm describes."""
    if chosen["kind"] == AGILE:
        return {
            "provider": AGILE,
            "product": chosen["product"],
            "region": chosen["region"],
            "currency": "GBP",
        }
    return {"provider": "fixed", "fixed_pence_per_kwh": chosen["price"], "currency": currency}


def name_of(terms: Mapping[str, Any]) -> str:
    """Return what people call a tariff of these terms."""
    if terms["provider"] == AGILE:
        return f"Octopus Agile, {NAMES[terms['region']]}"
    return f"Fixed price {terms['fixed_pence_per_kwh']:g}"


def choose_tariff(site: Site, terms: Mapping[str, Any], today: date) -> Tariff:
    """Have `site` on a tariff of these terms, and return it: since ever, or where it has figures from today on.

    A tariff of the same terms is taken again. One that no site is on any more is not fetched any more.
    """
    with transaction.atomic():
        # Two who choose at once: the second one sees what the first has made.
        Site.objects.select_for_update(no_key=True).get(pk=site.pk)
        tariff = Tariff.objects.filter(**terms).order_by("pk").first() or _new_tariff(terms)
        Tariff.objects.filter(pk=tariff.pk).update(active=True)
        before = list(SiteTariff.objects.filter(site=site).values_list("tariff_id", flat=True))
        set_site_tariff(site, tariff, today if _has_figures(site) else SINCE_EVER)
        left = Tariff.objects.filter(pk__in=before).exclude(pk__in=SiteTariff.objects.values("tariff_id"))
        left.update(active=False)
    return tariff


def _new_tariff(terms: Mapping[str, Any]) -> Tariff:
    name, taken = name_of(terms), set(Tariff.objects.values_list("name", flat=True))
    names = (name, *(f"{name} ({number})" for number in range(2, len(taken) + 3)))
    return Tariff.objects.create(name=next(n for n in names if n not in taken), **terms)


def _has_figures(site: Site) -> bool:
    """Return whether a miner that is or was there has telemetry."""
    return bool(telemetry_spans(MinerSite.objects.filter(site=site).values_list("miner_id", flat=True)))
