"""Deletes the checks of pools and the prices of coins that nothing which is kept can be made of any more."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from hmm.lib.locks import lock
from metrics.engine.run import LOCK
from metrics.models import StoreForm
from metrics.retention.limits import earliest_dirty, outside_limit
from pools.coin_history import PRICE_LASTS
from pools.models import CoinPrice, PoolReading

Done = tuple[int, datetime | None]
Limit = Callable[[], datetime | None]


def delete_pool_readings(now: datetime, dry_run: bool) -> Done:
    """Delete checks whose slots have gone and that are older than HMM_RETENTION_POOL_DAYS."""
    return _delete(
        PoolReading.objects.all(), lambda: _limit(now, settings.RETENTION_POOL_DAYS, timedelta(0)), dry_run
    )


def delete_coin_prices(now: datetime, dry_run: bool) -> Done:
    """Delete prices that no slot is valued by and that are older than HMM_RETENTION_COIN_DAYS."""
    return _delete(
        CoinPrice.objects.all(), lambda: _limit(now, settings.RETENTION_COIN_DAYS, PRICE_LASTS), dry_run
    )


def _limit(now: datetime, days: int, reach: timedelta) -> datetime | None:
    slots_from = StoreForm.objects.values_list("slots_from", flat=True).first()
    return outside_limit(now, days, slots_from, earliest_dirty(), reach)


def _delete(rows: QuerySet[Any], limit: Limit, dry_run: bool) -> Done:
    with transaction.atomic():
        lock(LOCK)  # no run is in the middle of reading them
        if (before := limit()) is None:
            return 0, None
        old = rows.filter(timestamp__lte=before)
        return old.count() if dry_run else old.delete()[0], before
