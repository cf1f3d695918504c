"""What little telemetry there is since the last slot is read by a kept plan, and says the same as any other plan."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from metrics.engine import told_slots
from metrics.engine.run import run
from metrics.live_day import OF_SYSTEM
from metrics.query import aggregate, metrics_in_range, miner_metrics, open_metrics, values_in_range
from metrics.query.today import fleet_today
from miners.membership import move_miner
from miners.models import Miner
from tests.factories import MinerFactory, SiteFactory, TariffFactory
from tests.metrics.reference import Price, Row
from tests.metrics.store_helpers import assert_same, at, epoch, store_prices, store_rows, use_zone

pytestmark = pytest.mark.django_db

NOW = at("2025-06-02T12:20:30")
HOUR = timedelta(hours=1)
TYPES = ("energy_cost", "hashrate", "temperature", "uptime", "efficiency")
READINGS = [(1000.0, 100.0, 60.0), (None, 90.5, None), (900.0, 0.0, 61.5), (800.0, None, 55.0)]


@pytest.fixture
def miners() -> list[Miner]:
    """One at each of two sites with prices, one that has moved today, and one that tells nothing since noon."""
    use_zone("Europe/London")
    tariffs = [TariffFactory(), TariffFactory()]
    sites = [SiteFactory(tariff=tariff) for tariff in tariffs]
    noon = epoch("2025-06-02T12:00")
    for n, tariff in enumerate(tariffs):
        half_hours = range(noon - 8 * 3600, noon + 3 * 3600, 1800)
        store_prices(tariff, [Price(start, start + 1800, 10.0 + 7 * n) for start in half_hours])
    found = [MinerFactory(site=sites[n % 2]) for n in range(4)]
    for n, miner in enumerate(found):
        until = epoch("2025-06-02T12:00" if n == 3 else "2025-06-02T12:26:40")
        ends = range(epoch("2025-06-02T08:00") + 400, until + 1, 400)
        rows = [Row(miner.pk, end - 400, end, *READINGS[(end // 400 + n) % 4], 5, n) for end in ends]
        store_rows(rows, now=NOW + HOUR)
    move_miner(found[2], sites[1], NOW.date(), today=NOW.date())
    run(NOW)
    return found


def seen(now: datetime, miner_id: int) -> dict[Any, dict[str, Any]]:
    """Every figure that the open slot is in, by whichever reader."""
    found: dict[Any, dict[str, Any]] = {}
    for kind in ("miner", "site", "system"):
        for period in ("slot", "hourly", "daily"):
            for pk, rows in open_metrics(TYPES, period=period, entity_type=kind, now=now).items():
                found |= {(kind, pk, period, name): row.value_json for name, row in rows.items()}
        for each in aggregate(
            metric_type="energy_cost",
            period="hourly",
            start=now - 5 * HOUR,
            end=now,
            entity_type=kind,
            now=now,
        ):
            found[kind, each.entity_id, "aggregate"] = each.value_json
    for row in miner_metrics(miner_id, period="daily", start=now - 24 * HOUR, end=now, now=now):
        found["one", row.timestamp, row.metric_type] = row.value_json
    today = fleet_today(OF_SYSTEM, now, rejects_of=[miner_id])
    found |= {("today", name): today.system[name] for name in OF_SYSTEM}
    return found | {("today", pk): {"rejects": rate} for pk, rate in today.rejects_percent.items()}


@pytest.mark.parametrize("now", [NOW, NOW + timedelta(minutes=15)], ids=["in the slot", "beyond it"])
def test_the_kept_plans_say_what_any_other_says(
    miners: list[Miner], now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    with CaptureQueriesContext(connection) as little:
        kept = seen(now, miners[0].pk)
    monkeypatch.setattr(told_slots, "LITTLE", timedelta(0))
    with CaptureQueriesContext(connection) as much:
        planned = seen(now, miners[0].pk)
    for name in ("metrics_kept_told_by_all", "metrics_kept_told_by_some", "metrics_kept_day_in_gbp"):
        assert any(name in query["sql"] for query in little.captured_queries), name
        assert not any(name in query["sql"] for query in much.captured_queries), name
    assert kept.keys() == planned.keys()
    for key, value in planned.items():
        assert_same(kept[key], value, key)


def test_one_key_of_many_periods_is_what_their_figures_have(miners: list[Miner]) -> None:
    for entity_type, entity_id, key in (("system", None, "total_kwh"), ("miner", miners[1].pk, "cost_gbp")):
        for period in ("slot", "hourly", "daily"):
            asked: dict[str, Any] = {
                "metric_type": "energy_cost",
                "period": period,
                "start": NOW - 24 * HOUR,
                "end": NOW,
                "entity_type": entity_type,
                "entity_id": entity_id,
                "now": NOW,
            }
            values = [(each.start, each.value, each.is_open) for each in values_in_range(key=key, **asked)]
            rows = metrics_in_range(**asked)
            assert values == [(r.timestamp, r.value_json[key], "partial" in r.value_json) for r in rows]
            assert any(is_open for _, _, is_open in values)
