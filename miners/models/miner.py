"""Miners, their models, the site each belongs to since when, and the states they have been in."""

from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models, transaction

from miners.models.site import SINCE_EVER, Site


class MinerModel(models.Model):
    """A make of miner, with what it does by its data sheet."""

    name = models.CharField(max_length=100, unique=True)
    manufacturer = models.CharField(max_length=100, blank=True)
    driver = models.CharField(max_length=32, blank=True, help_text="The driver that reads it, such as axeos.")
    reference_hashrate_ghs = models.FloatField(null=True, blank=True)
    reference_power_w = models.FloatField(null=True, blank=True)
    max_temperature_c = models.FloatField(null=True, blank=True, help_text="Above this it is called hot.")
    min_frequency_mhz = models.PositiveIntegerField(
        null=True,
        blank=True,
        help_text="Safe range of orders; empty: that of its firmware, where it is known.",
    )
    max_frequency_mhz = models.PositiveIntegerField(null=True, blank=True)
    min_core_voltage_mv = models.PositiveIntegerField(null=True, blank=True)
    max_core_voltage_mv = models.PositiveIntegerField(null=True, blank=True)

    def __str__(self) -> str:
        return self.name


class MinerState(models.TextChoices):
    """`unreachable` is unknown, not zero; `offline` answers and does not hash."""

    NEW = "new", "not polled yet"
    ONLINE = "online", "online"
    UNREACHABLE = "unreachable", "unreachable"
    OFFLINE = "offline", "not hashing"
    MAINTENANCE = "maintenance", "maintenance"


class Tier(models.TextChoices):
    """What a customer was promised: who is cut first, and who may be spared."""

    STANDARD = "standard", "standard"
    PREMIUM = "premium", "premium"
    VIP = "vip", "VIP"


class NaturalKey(models.Func):
    """A name as text that sorts as people sort: rig-2 before rig-10. Digits become numbers of equal length."""

    template = (
        r"regexp_replace(regexp_replace(lower(%(expressions)s), '([0-9]+)', repeat('0', 18) || '\1', 'g'), "
        r"'[0-9]*([0-9]{18})', '\1', 'g')"
    )
    output_field = models.TextField(db_collation="C")


class Miner(models.Model):
    """A machine that mines. It is retired, never deleted: history does not change."""

    name = models.CharField(max_length=100, unique=True)
    name_key = models.GeneratedField(
        expression=NaturalKey("name"), output_field=models.TextField(db_collation="C"), db_persist=True
    )
    site = models.ForeignKey(
        Site, on_delete=models.PROTECT, related_name="miners", help_text="Where it is now; see its moves."
    )
    model = models.ForeignKey(MinerModel, on_delete=models.PROTECT, null=True, blank=True)
    driver = models.CharField(max_length=32, blank=True, help_text="Empty: found out at the first poll.")
    host = models.CharField(
        "address", max_length=255, blank=True, help_text="Host name or IP address; empty: never polled."
    )
    port = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(65535)],
        help_text="Empty: the driver's own.",
    )
    identity = models.CharField(
        max_length=64, blank=True, help_text="MAC or serial, where the device tells one."
    )
    customer = models.CharField(
        max_length=100, blank=True, help_text="Whose it is; empty: your own. Strategies share cuts by it."
    )
    tier = models.CharField(max_length=16, choices=Tier.choices, default=Tier.STANDARD)
    enabled = models.BooleanField(default=True, help_text="Poll it.")
    maintenance = models.BooleanField(
        default=False, help_text="Being worked on: polled, but not called faulty."
    )
    retired_at = models.DateTimeField(null=True, blank=True)
    baseline_hashrate_ghs = models.FloatField(null=True, blank=True)
    baseline_power_w = models.FloatField(null=True, blank=True)
    notes = models.TextField(blank=True)
    state = models.CharField(
        max_length=16, choices=MinerState.choices, default=MinerState.NEW, editable=False
    )
    state_reason = models.TextField(blank=True, editable=False)
    state_since = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save it; a new one belongs to its site since ever: of a miner that belongs nowhere there are no figures."""
        is_new = self._state.adding or self.pk is None  # a copy of another has its key taken away
        with transaction.atomic(using=kwargs.get("using")):
            super().save(*args, **kwargs)
            if is_new:
                MinerSite.objects.using(self._state.db).create(miner=self, site=self.site)


class MinerSite(models.Model):
    """A miner belongs to this site from the beginning of a local day until the next such row."""

    miner = models.ForeignKey(Miner, on_delete=models.CASCADE, related_name="moves")
    site = models.ForeignKey(Site, on_delete=models.PROTECT)
    start_date = models.DateField(default=SINCE_EVER)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["miner", "start_date"], name="miner_site_one_a_day")]

    def __str__(self) -> str:
        return f"{self.miner}: {self.site} from {self.start_date}"


class StateChange(models.Model):
    """A miner entered a state, and why."""

    id = models.BigAutoField(primary_key=True)
    miner = models.ForeignKey(Miner, on_delete=models.CASCADE, related_name="state_changes")
    at = models.DateTimeField()
    state = models.CharField(max_length=16, choices=MinerState.choices)
    reason = models.TextField(blank=True)

    class Meta:
        indexes = [models.Index(fields=["miner", "-at"], name="state_change_latest")]

    def __str__(self) -> str:
        return f"{self.miner} {self.state} at {self.at:%Y-%m-%d %H:%M:%S}"
