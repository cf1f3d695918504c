"""What every floor shares: the installation, ranges to compute anew, runs of jobs, signs of life."""

from zoneinfo import ZoneInfo

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models


def validate_time_zone(name: str) -> None:
    """Raise ValidationError unless `name` is an IANA time zone."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValidationError(f"{name!r} is not a time zone; use a name such as Europe/London") from None


class Currency(models.TextChoices):
    GBP = "GBP", "Pound sterling"
    EUR = "EUR", "Euro"
    USD = "USD", "US dollar"


class Installation(models.Model):
    """The one row of facts about this installation."""

    time_zone = models.CharField(max_length=64, validators=[validate_time_zone])
    currency = models.CharField(max_length=3, choices=Currency.choices)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="installation_is_one")]

    def __str__(self) -> str:
        return f"{self.time_zone}, {self.currency}"

    @property
    def zone(self) -> ZoneInfo:
        """The installation's time zone, in which days, weeks and months begin."""
        return ZoneInfo(self.time_zone)


class DirtyRange(models.Model):
    """A stretch of time whose figures must be computed (anew): some miners', one tariff's miners', some pools'.

    COIN is every miner's: the difficulty or the price of the coin they are valued in has changed.

    Append-only: a run of the engine deletes exactly the rows it read before it read telemetry.
    """

    class Kind(models.TextChoices):
        MINER = "miner"
        TARIFF = "tariff"
        POOL = "pool"
        COIN = "coin"

    id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=6, choices=Kind.choices)
    entity_ids = ArrayField(
        models.IntegerField(), help_text="The miners, tariffs or pools that changed; none for a coin."
    )
    start = models.DateTimeField()
    end = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(start__lt=models.F("end")), name="dirty_range_has_length"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.entity_ids}: {self.start:%Y-%m-%d %H:%M} to {self.end:%Y-%m-%d %H:%M}"


class JobRun(models.Model):
    """One run of a recurring job: when, how long, how much, and how it ended."""

    name = models.CharField(max_length=64)
    started_at = models.DateTimeField(db_index=True)
    duration_s = models.FloatField()
    rows = models.BigIntegerField(null=True)
    success = models.BooleanField()
    error = models.TextField(blank=True)

    class Meta:
        indexes = [models.Index(fields=["name", "-started_at"], name="job_run_latest")]

    def __str__(self) -> str:
        return f"{self.name} at {self.started_at:%Y-%m-%d %H:%M:%S}"


class Heartbeat(models.Model):
    """The last sign of life of a service (web, worker, collector)."""

    service = models.CharField(max_length=32, primary_key=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.service}: {self.at:%Y-%m-%d %H:%M:%S}"


class SystemMetric(models.Model):
    """One figure of how the house itself is doing (docs/system-metrics.md).

    The table has no key, since nothing refers to a row; Django wants one and is told of the time.
    """

    time = models.DateTimeField(primary_key=True)
    metric_name = models.TextField()
    service = models.TextField(null=True)  # noqa: DJ001 - null is what the table and its partial index say
    tags = models.JSONField(default=dict)
    value = models.FloatField()

    class Meta:
        managed = False
        db_table = "system_metrics"

    def __str__(self) -> str:
        return f"{self.metric_name} of {self.service} at {self.time:%Y-%m-%d %H:%M:%S}: {self.value}"


def hit_rate(hits: int, misses: int, failed: int) -> float | None:
    """Return the share of questions that the cache has answered, 0 to 1; None where it might have answered none.

    `failed` are those that nobody has answered, whether the service was asked or its last failure told again.
    """
    return hits / (hits + misses + failed) if hits + misses else None


class OutsideSource(models.Model):
    """A service outside the house at one host: whose turn it is to ask it, how often that went well, and how it ended."""

    name = models.CharField(max_length=32)
    host = models.CharField(max_length=200, blank=True)
    next_turn_at = models.DateTimeField(null=True)
    hits = models.BigIntegerField(default=0, help_text="Answers given again from the cache.")
    misses = models.BigIntegerField(default=0, help_text="Answers by the service.")
    uncached = models.BigIntegerField(
        default=0,
        help_text="Answers by the service to what nobody asks twice, or jobs ask to store it: the cache has no part in them.",
    )
    errors = models.BigIntegerField(
        default=0, help_text="Questions of those who look that gave nothing usable."
    )
    uncached_errors = models.BigIntegerField(
        default=0,
        db_default=0,
        help_text="Questions of jobs, and those that nobody asks twice, that gave nothing usable: the cache has no part in them.",
    )
    unasked = models.BigIntegerField(
        default=0,
        help_text="Questions that were answered with the failure of a moment ago: nobody was asked.",
    )
    stale = models.BigIntegerField(default=0, help_text="Failures for which an older answer stood in.")
    last_ok_at = models.DateTimeField(null=True)
    last_error_at = models.DateTimeField(null=True)
    last_error = models.TextField(blank=True)

    class Meta:
        ordering = ("name", "host")
        constraints = [models.UniqueConstraint(fields=["name", "host"], name="outside_source_once")]

    def __str__(self) -> str:
        return f"{self.name} {self.host}".strip()

    @property
    def asked(self) -> int:
        """How many questions there were, whoever answered."""
        return self.hits + self.misses + self.uncached + self.failures + self.unasked

    @property
    def failures(self) -> int:
        """How many questions gave nothing usable, whoever asked."""
        return self.errors + self.uncached_errors

    @property
    def hit_rate(self) -> float | None:
        """See `hit_rate`."""
        return hit_rate(self.hits, self.misses, self.errors + self.unasked)

    @property
    def is_failing(self) -> bool:
        """Whether the last time it was asked was an error."""
        return self.last_error_at is not None and (
            self.last_ok_at is None or self.last_ok_at < self.last_error_at
        )
