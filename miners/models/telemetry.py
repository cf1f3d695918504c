"""What miners say, row by row. Only miners/telemetry reads and writes these tables."""

from django.db import models
from django.db.models.functions import MD5, Cast, Concat

from miners.models.miner import Miner

TEXT: models.TextField = models.TextField()


class Telemetry(models.Model):
    """A miner at this power, hashrate and temperature during [timestamp − covered_s, timestamp).

    Partitioned by UTC day (a hypertable where TimescaleDB is there); made by SQL in its migration.
    `covered_s` is kept clipped to the row before it, so that the intervals of one miner never overlap.
    """

    pk = models.CompositePrimaryKey("miner_id", "timestamp")
    miner = models.ForeignKey(
        Miner, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    timestamp = models.DateTimeField()
    covered_s = models.IntegerField()
    accepted = models.IntegerField(null=True)
    rejected = models.IntegerField(null=True)
    fan_rpm = models.IntegerField(null=True)
    power_w = models.FloatField(null=True)
    hashrate_ghs = models.FloatField(null=True)
    temperature_c = models.FloatField(null=True)

    class Meta:
        db_table = "telemetry"
        managed = False

    def __str__(self) -> str:
        return f"{self.miner_id} at {self.timestamp:%Y-%m-%d %H:%M:%S}"


class LatestReading(models.Model):
    """The newest reading of a miner, with what is not kept as history. Its row is the lock of its writers."""

    miner = models.OneToOneField(Miner, on_delete=models.CASCADE, primary_key=True, related_name="latest")
    timestamp = models.DateTimeField(null=True)
    covered_s = models.IntegerField(null=True)
    power_w = models.FloatField(null=True)
    hashrate_ghs = models.FloatField(null=True)
    temperature_c = models.FloatField(null=True)
    fan_rpm = models.IntegerField(null=True)
    accepted_counter = models.BigIntegerField(
        null=True, help_text="The device's own counter, which may reset."
    )
    rejected_counter = models.BigIntegerField(null=True)
    uptime_s = models.BigIntegerField(null=True)
    mode = models.CharField(max_length=64, blank=True)
    firmware = models.CharField(max_length=100, blank=True)
    pool_url = models.CharField(max_length=255, blank=True)
    pool_user = models.CharField(max_length=255, blank=True)
    frequency_mhz = models.FloatField(null=True, help_text="What its chips are set to, where it tells.")
    core_voltage_mv = models.FloatField(null=True)
    warnings = models.JSONField(default=list)
    facts_digest = models.BigIntegerField(
        null=True, help_text="Of mode, firmware, pool and warnings, as the collector wrote them."
    )
    pushed_at = models.DateTimeField(null=True, help_text="When its last push came; empty: it never pushed.")
    push_gap_s = models.IntegerField(null=True, help_text="Seconds between its last two pushes.")

    def __str__(self) -> str:
        return (
            f"{self.miner_id} at {self.timestamp:%Y-%m-%d %H:%M:%S}" if self.timestamp else str(self.miner_id)
        )


class SetAside(models.Model):
    """A row that was refused, or that contradicts one already stored: kept, counted, never computed with."""

    id = models.BigAutoField(primary_key=True)
    received_at = models.DateTimeField(auto_now_add=True)
    source = models.CharField(max_length=16, help_text="collector, import or push.")
    miner_name = models.CharField(max_length=100, blank=True)
    reason = models.TextField()
    row = models.JSONField()

    class Meta:
        verbose_name_plural = "rows set aside"
        constraints = [
            # What is delivered again, as a replay or a repeated push is, is not counted again.
            models.UniqueConstraint(
                MD5(Concat("source", "miner_name", "reason", Cast("row", TEXT), output_field=TEXT)),
                name="set_aside_once",
                condition=models.Q(source__in=["collector", "push"]),
            )
        ]

    def __str__(self) -> str:
        return f"{self.miner_name}: {self.reason}"


class PackedTelemetry(models.Model):
    """A miner's rows of one UTC day in one row, bit for bit; miners/telemetry/packed tells how.

    A day is in this form or in plain rows, never in both. `begins_at` is where its first row's interval begins. The
    bytes are `payload` and `payload_end` together: long values go in chunks, and the end would leave one half empty.
    """

    pk = models.CompositePrimaryKey("miner_id", "day")
    miner = models.ForeignKey(
        Miner, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    day = models.DateField(db_index=True)
    rows = models.IntegerField()
    begins_at = models.DateTimeField(db_index=True)
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    payload = models.BinaryField()
    payload_end = models.BinaryField(default=b"")

    class Meta:
        db_table = "telemetry_packed"

    def __str__(self) -> str:
        return f"{self.miner_id} on {self.day}: {self.rows} rows"


class DroppedTelemetry(models.Model):
    """From when until when a miner's telemetry has been dropped: what was made of it stands on its own there."""

    miner = models.OneToOneField(Miner, on_delete=models.CASCADE, primary_key=True, related_name="+")
    start = models.DateTimeField()
    end = models.DateTimeField()

    class Meta:
        db_table = "telemetry_dropped"

    def __str__(self) -> str:
        return f"{self.miner_id}: {self.start:%Y-%m-%d} to {self.end:%Y-%m-%d}"
