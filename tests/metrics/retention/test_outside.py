"""Checks of pools and coin prices go when the slots made of them have gone, and never before."""

from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from hmm.dirty import mark_pools_dirty
from hmm.models import DirtyRange
from metrics.engine.run import run
from metrics.models import Metric, StoreForm
from metrics.retention.apply import apply_retention
from metrics.retention.limits import outside_limit
from pools.coin_history import PRICE_LASTS
from pools.models import CoinPrice, Pool, PoolReading
from tests.metrics.retention.conftest import JULY, Farm
from tests.metrics.store_helpers import at

pytestmark = pytest.mark.django_db

APRIL = datetime(2026, 4, 1, tzinfo=UTC)
MARCH = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def gone(what: str, *, dry_run: bool = False) -> tuple[int, datetime | None]:
    return next((o.rows, o.before) for o in apply_retention(JULY, dry_run=dry_run) if o.what == what)


def keep_slots_from(moment: datetime | None) -> None:
    StoreForm.objects.update(slots_from=moment)


@pytest.fixture
def pool(farm: Farm, settings: Any) -> Pool:
    """A pool with a check, and a price of a bitcoin, each hour of four days around the end of March."""
    settings.RETENTION_POOL_DAYS = settings.RETENTION_COIN_DAYS = 30
    pool = Pool.objects.create(name="a pool", client="ckpool")
    hours = [APRIL + n * HOUR for n in range(-72, 24)]
    PoolReading.objects.bulk_create(
        PoolReading(pool=pool, timestamp=hour, covered_s=120, reachable=True) for hour in hours
    )
    CoinPrice.objects.bulk_create(
        CoinPrice(coin="BTC", currency="GBP", timestamp=hour, price=50_000, source="x") for hour in hours
    )
    return pool


def test_nothing_goes_while_every_slot_is_kept(pool: Pool) -> None:
    keep_slots_from(None)
    assert gone("checks of pools") == (0, None)
    assert gone("coin prices") == (0, None)
    out = StringIO()
    call_command("apply_retention", dry_run=True, stdout=out)
    assert "coin prices: nothing would go, as all of it is needed yet" in out.getvalue()


def test_what_slots_before_the_first_one_kept_were_made_of_goes(pool: Pool) -> None:
    keep_slots_from(APRIL)
    assert gone("checks of pools", dry_run=True) == (73, APRIL)
    assert gone("coin prices", dry_run=True) == (48, APRIL - PRICE_LASTS)
    assert (PoolReading.objects.count(), CoinPrice.objects.count()) == (96, 96)
    assert gone("checks of pools") == (73, APRIL)
    assert CoinPrice.objects.earliest("timestamp").timestamp == APRIL - PRICE_LASTS + HOUR
    assert PoolReading.objects.earliest("timestamp").timestamp == APRIL + HOUR


def test_the_settings_keep_it_longer(pool: Pool, settings: Any) -> None:
    keep_slots_from(JULY)
    settings.RETENTION_POOL_DAYS = settings.RETENTION_COIN_DAYS = 93
    assert gone("coin prices", dry_run=True) == (37, at("2026-03-30T12:00"))
    assert gone("checks of pools") == (37, at("2026-03-30T12:00"))


def test_what_a_range_still_to_be_computed_needs_stays(pool: Pool) -> None:
    keep_slots_from(APRIL)
    start = at("2026-03-30T00:00")
    DirtyRange.objects.create(kind="coin", entity_ids=[], start=start, end=start + HOUR)
    assert gone("checks of pools", dry_run=True) == (25, start)
    assert gone("coin prices", dry_run=True) == (0, start - PRICE_LASTS)


def test_figures_of_slots_that_are_kept_can_still_be_computed_anew(pool: Pool) -> None:
    def told() -> list[Any]:
        found = Metric.objects.filter(metric_type="pool_health", entity_id=pool.pk, timestamp__gte=APRIL)
        return [(m.period, m.timestamp, m.value_json) for m in found.order_by("period", "timestamp")]

    def compute_anew() -> None:
        mark_pools_dirty([pool.pk], APRIL - 72 * HOUR, APRIL + 24 * HOUR)
        run(JULY)

    compute_anew()
    before = told()
    keep_slots_from(APRIL)
    assert gone("checks of pools") == (73, APRIL)
    compute_anew()
    assert before
    assert told() == before


def test_the_limit() -> None:
    reach = timedelta(hours=25)
    assert outside_limit(JULY, 30, None, None, reach) is None
    assert outside_limit(JULY, 30, MARCH, None, reach) == MARCH - reach
    assert outside_limit(JULY, 400, MARCH, None, reach) == JULY - timedelta(days=400)
    assert outside_limit(JULY, 30, MARCH, at("2026-02-01T00:00"), reach) == at("2026-01-30T23:00")
