"""The miners' recurring jobs."""

from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from hmm.jobs import recorded_job
from miners.telemetry.hypertable import compress_old
from miners.telemetry.packed.job import pack_old
from miners.telemetry.partitions import ensure_partitions

AHEAD = timedelta(days=7)


def make_partitions() -> int:
    """Make telemetry's partitions from today until a week ahead; return how many were made."""
    now = timezone.now()
    return len(ensure_partitions(now, now + AHEAD))


@recorded_job("pack_telemetry")
def pack_telemetry() -> int:
    """Pack the rows that are old enough; return how many."""
    return pack_old(timezone.now(), settings.RETENTION_DETAIL_DAYS)


@recorded_job("compress_telemetry")
def compress_telemetry() -> int:
    """Compress the chunks that are old enough, where telemetry is a hypertable; return how many."""
    return compress_old(timezone.now(), settings.RETENTION_DETAIL_DAYS)
