"""Rows for tests. Each factory makes what its model needs, memberships included."""

from datetime import UTC, datetime, timedelta
from typing import Any

import factory
from django.contrib.auth import get_user_model
from factory.django import DjangoModelFactory

from energy.models import PriceSlot, Tariff
from miners.models import Miner, MinerModel, Site, SiteTariff

PASSWORD = "a battery staple, horse"
"""The password of every user made here, unless given."""


class UserFactory(DjangoModelFactory):
    """A user who can log in with PASSWORD."""

    class Meta:
        model = get_user_model()

    username = factory.Sequence(lambda n: f"user{n}")
    password = factory.django.Password(PASSWORD)


class TariffFactory(DjangoModelFactory):
    """A tariff of half-hour slots that nothing fetches prices for."""

    class Meta:
        model = Tariff

    name = factory.Sequence(lambda n: f"Tariff {n}")
    provider = "fixed"
    fixed_pence_per_kwh = 20.0
    active = False


class PriceSlotFactory(DjangoModelFactory):
    """Half an hour of 20 p/kWh; each further one follows the one before it."""

    class Meta:
        model = PriceSlot

    tariff = factory.SubFactory(TariffFactory)
    start = factory.Sequence(lambda n: datetime(2025, 1, 1, tzinfo=UTC) + n * timedelta(minutes=30))
    end = factory.LazyAttribute(lambda slot: slot.start + timedelta(minutes=30))
    pence_per_kwh = 20.0


class SiteFactory(DjangoModelFactory):
    """A site that has been on a tariff since ever; `tariff=None` for one without."""

    class Meta:
        model = Site

    name = factory.Sequence(lambda n: f"Site {n}")

    tariff = factory.SubFactory(TariffFactory)

    @classmethod
    def _create(cls, model_class: type[Site], *args: Any, **kwargs: Any) -> Site:
        tariff = kwargs.pop("tariff")
        site: Site = super()._create(model_class, *args, **kwargs)
        if tariff is not None:
            SiteTariff.objects.create(site=site, tariff=tariff)
        return site


class MinerModelFactory(DjangoModelFactory):
    """A small miner by its data sheet."""

    class Meta:
        model = MinerModel

    name = factory.Sequence(lambda n: f"Model {n}")
    manufacturer = "Bitaxe"
    driver = "axeos"
    reference_hashrate_ghs = 1_200.0
    reference_power_w = 18.0
    max_temperature_c = 65.0


class MinerFactory(DjangoModelFactory):
    """A miner that has belonged to its site since ever. It has no address, so nothing polls it."""

    class Meta:
        model = Miner

    name = factory.Sequence(lambda n: f"miner-{n}")
    site = factory.SubFactory(SiteFactory)
    model = factory.SubFactory(MinerModelFactory)
