"""Recurring jobs of pools."""

import logging

from django.utils import timezone

from pools.checks import check_pools as check_side_by_side
from pools.models import Pool

logger = logging.getLogger(__name__)


def check_pools() -> int:
    """Check every active pool, each two minutes; return how many readings were stored."""
    readings = check_side_by_side(list(Pool.objects.filter(active=True).order_by("pk")), timezone.now())
    for reading in readings:
        if reading.error:
            logger.info("pool %s: %s: %s", reading.pool, reading.failed_step, reading.error)
    return len(readings)
