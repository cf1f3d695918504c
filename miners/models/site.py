"""Sites, and which tariff each is on since when."""

from datetime import date

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from energy.models import Tariff

SINCE_EVER = date(2009, 1, 3)
"""The day of Bitcoin's first block: a membership from here on has no beginning that matters."""


class Site(models.Model):
    """A place with miners and one electricity supply."""

    name = models.CharField(max_length=100, unique=True)
    poll_interval_s = models.PositiveIntegerField(
        "poll interval in seconds", default=30, validators=[MinValueValidator(5), MaxValueValidator(3600)]
    )

    def __str__(self) -> str:
        return self.name


class SiteTariff(models.Model):
    """A site is on this tariff from the beginning of a local day until the next such row."""

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="tariffs")
    tariff = models.ForeignKey(Tariff, on_delete=models.PROTECT, related_name="sites")
    start_date = models.DateField(default=SINCE_EVER)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["site", "start_date"], name="site_tariff_one_a_day")]

    def __str__(self) -> str:
        return f"{self.site}: {self.tariff} from {self.start_date}"
