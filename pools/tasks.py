"""Recurring jobs of pools."""

import logging

from django.utils import timezone
from django_q.tasks import async_task

from hmm.lib.http import HttpError
from pools.checks import check_pools as check_side_by_side
from pools.coin_fetch import fetch_coin_prices
from pools.coin_fetch import fetch_network as fetch_and_store_network
from pools.models import Pool

COMPUTE_THE_PAST = "metrics.tasks.backfill"

logger = logging.getLogger(__name__)


def check_pools() -> int:
    """Check every active pool, each minute; return how many readings were stored."""
    readings = check_side_by_side(list(Pool.objects.filter(active=True).order_by("pk")), timezone.now())
    for reading in readings:
        if reading.error:
            logger.info("pool %s: %s: %s", reading.pool, reading.failed_step, reading.error)
    return len(readings)


def fetch_coins() -> int:
    """Fetch what coins cost and what the network is, each ten minutes; return how many rows are new."""
    now = timezone.now()
    fetched = fetch_coin_prices(now)
    for error in fetched.errors:
        logger.warning("no coin prices from %s", error)
    try:
        changes = fetch_and_store_network(now)
    except HttpError as error:
        logger.warning("no difficulty: %s", error.reason)
        return fetched.stored
    if changes > 1:  # the past of a fresh installation: nobody should wait for it when he asks for a figure
        async_task(COMPUTE_THE_PAST)
    return fetched.stored + changes
