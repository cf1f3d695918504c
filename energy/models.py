"""What electricity costs: tariffs, their prices slot by slot, and standing charges."""

from django.db import models
from django.db.models import F, Q

from hmm.models import Currency


class Tariff(models.Model):
    """A way to pay for electricity: where its prices come from, and how fine they are."""

    name = models.CharField(max_length=100, unique=True)
    provider = models.CharField(
        max_length=32, help_text="The price provider, such as octopus_agile or fixed."
    )
    product = models.CharField(
        max_length=64, blank=True, help_text="Octopus product code, e.g. AGILE-24-10-01."
    )
    region = models.CharField(max_length=1, blank=True, help_text="Octopus region, A to P.")
    fixed_pence_per_kwh = models.FloatField(
        null=True, blank=True, help_text="The price of the fixed provider."
    )
    slot_s = models.PositiveIntegerField("slot length in seconds", default=1800)
    currency = models.CharField(max_length=3, choices=Currency.choices, default=Currency.GBP)
    active = models.BooleanField(default=True, help_text="Fetch this tariff's prices.")
    fetched_at = models.DateTimeField(null=True, blank=True, editable=False)
    fetch_error = models.TextField(blank=True, editable=False)
    retry_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="Its service asked to be left alone until then."
    )
    terms_since = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="Its terms were changed then; what is before keeps its prices.",
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(slot_s__in=(300, 600, 900, 1200, 1800, 3600)), name="tariff_slot_divides_an_hour"
            )
        ]

    def __str__(self) -> str:
        return self.name


class PriceSlot(models.Model):
    """The price of a half-open stretch of time, UTC. Slots of one tariff never overlap."""

    id = models.BigAutoField(primary_key=True)
    tariff = models.ForeignKey(Tariff, on_delete=models.CASCADE, related_name="price_slots")
    start = models.DateTimeField()
    end = models.DateTimeField()
    pence_per_kwh = models.FloatField(help_text="In hundredths of the tariff's currency; may be negative.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tariff", "start"], name="price_slot_once"),
            models.CheckConstraint(condition=Q(start__lt=F("end")), name="price_slot_has_length"),
        ]

    def __str__(self) -> str:
        return f"{self.start:%Y-%m-%d %H:%M}: {self.pence_per_kwh:.2f} p/kWh"


class StandingCharge(models.Model):
    """What a tariff costs a local day without using anything; `end` null is open."""

    tariff = models.ForeignKey(Tariff, on_delete=models.CASCADE, related_name="standing_charges")
    start = models.DateTimeField()
    end = models.DateTimeField(null=True, blank=True)
    pence_per_day = models.FloatField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tariff", "start"], name="standing_charge_once"),
            models.CheckConstraint(
                condition=Q(end=None) | Q(start__lt=F("end")), name="standing_charge_has_length"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pence_per_day:.2f} p/day from {self.start:%Y-%m-%d}"
