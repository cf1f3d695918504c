"""What a fresh database has of miners: the site Home, on tariff 1."""

from typing import Any

from energy.models import Tariff
from hmm.lib.sequences import bring_sequence_along
from miners.models import Site, SiteTariff


def ensure_first_rows(**kwargs: Any) -> None:
    """Create the site Home (id 1) on a database without sites. Runs after each migrate."""
    using = kwargs["using"]
    if Site.objects.using(using).exists():
        return
    home = Site.objects.using(using).create(pk=1, name="Home")
    bring_sequence_along(Site, using)
    tariff = Tariff.objects.using(using).order_by("pk").first()
    if tariff:
        SiteTariff.objects.using(using).create(site=home, tariff=tariff)
