"""Recurring jobs of energy."""

import logging

from django.utils import timezone

from energy.fetch import FetchError, fetch_due

logger = logging.getLogger(__name__)


def fetch_prices() -> int:
    """Fetch the prices that are due, every ten minutes; return how many slots were added or changed."""
    touched = 0
    for tariff, outcome in fetch_due(timezone.now()).items():
        if isinstance(outcome, FetchError):
            logger.warning("no prices for %s (tariff %d): %s", tariff, tariff.pk, outcome.reason)
            continue
        touched += outcome.stored.added + outcome.stored.changed
        if outcome.warning:
            logger.warning("prices of %s (tariff %d): %s", tariff, tariff.pk, outcome.warning)
    return touched
