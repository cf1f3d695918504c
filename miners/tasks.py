"""The miners' recurring jobs."""

from datetime import timedelta

from django.utils import timezone

from miners.telemetry.partitions import ensure_partitions

AHEAD = timedelta(days=7)


def make_partitions() -> int:
    """Make telemetry's partitions from today until a week ahead; return how many were made."""
    now = timezone.now()
    return len(ensure_partitions(now, now + AHEAD))
