"""The recurring job of system metrics."""

from datetime import timedelta

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from hmm.jobs import recorded_job
from hmm.system_metrics.partitions import AHEAD, drop_before, ensure_hours, hours_between


@recorded_job("keep_system_metrics")
def keep_hours() -> int:
    """Make the hours of the day to come and drop those past HMM_SYSTEM_METRICS_DAYS; return how many dropped."""
    now = timezone.now()
    with transaction.atomic(), connection.cursor() as cursor:
        ensure_hours(cursor, hours_between(now, now + AHEAD))
    return drop_before(now - timedelta(days=settings.SYSTEM_METRICS_DAYS))
