"""The `metrics` view as a read-only model, and the store's own bookkeeping."""

from typing import Any, NoReturn

from django.db import models


class Metric(models.Model):
    """One metric of one entity in one period, as the view `metrics` shows it. Read-only."""

    id = models.TextField(primary_key=True)
    metric_type = models.TextField()
    entity_type = models.TextField()
    entity_id = models.IntegerField(null=True)
    period = models.TextField()
    timestamp = models.DateTimeField()
    value_json = models.JSONField()
    computed_at = models.DateTimeField()

    class Meta:
        db_table = "metrics"
        managed = False

    def __str__(self) -> str:
        return self.id

    def save(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refuse: figures are computed, never written."""
        raise TypeError("metrics are computed by the engine; they cannot be saved")

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refuse: figures are computed, never deleted by hand."""
        raise TypeError("metrics are computed by the engine; they cannot be deleted")


class Watermark(models.Model):
    """Every bucket of `period` that ends at or before `filled_to` is computed, dirty ranges aside."""

    period = models.CharField(max_length=8, primary_key=True)
    filled_to = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.period} to {self.filled_to:%Y-%m-%d %H:%M}"


class StoreForm(models.Model):
    """The time zone in which the store's periods are merged, the currency in which the view names them, what is gone."""

    time_zone = models.CharField(max_length=64)
    currency = models.CharField(max_length=3)
    slots_from = models.DateTimeField(null=True, help_text="Slots and hours before have been dropped.")
    zone_from = models.DateTimeField(
        null=True, help_text="What is stored before is merged in an earlier zone."
    )

    def __str__(self) -> str:
        return f"{self.time_zone}, {self.currency}"


class SlotGrid(models.Model):
    """From `start` on, slots are `slot_s` long; the first row also holds for all time before it."""

    start = models.DateTimeField(primary_key=True)
    slot_s = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"{self.slot_s} s from {self.start:%Y-%m-%d}"
