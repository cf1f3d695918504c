"""Figures of pools: from checks to slots, hours and days; live, late, in another zone; beside a reference."""

from datetime import timedelta
from fractions import Fraction as F

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hmm.dirty import mark_pools_dirty
from hmm.models import DirtyRange
from metrics.engine.run import clean, run
from metrics.models import Metric
from metrics.query import aggregate, get_metric, metrics_in_range
from pools.models import Pool, PoolReading
from tests.factories import MinerFactory, SiteFactory
from tests.metrics.reference import Row
from tests.metrics.store_helpers import NOW, at, epoch, moment, rolled_back, store_rows, use_zone

pytestmark = pytest.mark.django_db


@pytest.fixture
def pool() -> Pool:
    return Pool.objects.create(name="Solo", client="ckpool")


def check(pool: Pool, when: str, covered_s: int = 120, **told) -> PoolReading:
    """Store a check as `store_checks` does."""
    end = at(when)
    told = {"reachable": True, "response_time_ms": 40.0, **told}
    reading = PoolReading.objects.create(pool=pool, timestamp=end, covered_s=covered_s, **told)
    mark_pools_dirty([pool.pk], end - timedelta(seconds=covered_s), end)
    return reading


def health(pool: Pool, period: str, when: str, name: str = "pool_health") -> dict | None:
    row = Metric.objects.filter(
        metric_type=name, entity_type="pool", entity_id=pool.pk, period=period, timestamp=at(when)
    ).first()
    return row and row.value_json


def test_an_hour_of_checks(pool):
    check(pool, "2025-06-01T12:10", accepted=990, rejected=10)
    check(pool, "2025-06-01T12:20", response_time_ms=60.0)
    check(pool, "2025-06-01T12:40", reachable=False, response_time_ms=None)
    check(pool, "2025-06-01T12:50", accepted=1000, rejected=0)
    run(NOW)
    told = health(pool, "hourly", "2025-06-01T12:00")
    assert told == {
        "records": 4,
        "coverage": pytest.approx(480 / 3600),
        "health_score": 40 * 0.75 + 30 + 30,  # 46.7 ms on average, 0.5 % rejected
        "response_time_ms": pytest.approx(140 / 3),
        "reject_rate": 0.5,
        "reachable": 0.75,
    }
    assert health(pool, "daily", "2025-05-31T23:00")["reachable"] == 0.75
    assert health(pool, "slot", "2025-06-01T12:30")["reachable"] == 0.5
    shares = health(pool, "hourly", "2025-06-01T12:00", "reject_rate")
    assert (shares["accepted"], shares["rejected"], shares["reject_rate"]) == (1990, 10, 0.5)


@pytest.mark.parametrize(
    ("told", "score"),
    [
        ({"response_time_ms": 49.9}, 100),
        ({"response_time_ms": 50.0}, 60 * 100 / 70),
        ({"response_time_ms": 150.0}, 50 * 100 / 70),
        ({"response_time_ms": 300.0}, 40 * 100 / 70),
        ({"reachable": False, "response_time_ms": None}, 0),
        ({"accepted": 99, "rejected": 1}, 90),
        ({"accepted": 97, "rejected": 3}, 80),
        ({"accepted": 95, "rejected": 5}, 70),
        ({"accepted": 0, "rejected": 0}, 100),
        ({"accepted": 100, "rejected": 0, "response_time_ms": 200.0}, 80),
    ],
)
def test_points(pool, told, score):
    check(pool, "2025-06-01T12:10", **told)
    run(NOW)
    assert health(pool, "hourly", "2025-06-01T12:00")["health_score"] == pytest.approx(score)


def test_a_check_belongs_where_it_begins_and_its_seconds_are_split(pool):
    check(pool, "2025-06-01T13:01", covered_s=120, accepted=5, rejected=0)
    run(NOW)
    before, after = health(pool, "hourly", "2025-06-01T12:00"), health(pool, "hourly", "2025-06-01T13:00")
    assert (before["records"], before["reachable"], before["coverage"]) == (1, 1.0, pytest.approx(60 / 3600))
    assert (after["records"], after["reachable"], after["health_score"]) == (0, None, None)
    assert after["coverage"] == pytest.approx(60 / 3600)
    assert health(pool, "hourly", "2025-06-01T13:00", "reject_rate")["reject_rate"] is None


def test_a_late_check_changes_its_hour_its_day_and_no_miner(pool):
    miner = MinerFactory(site=SiteFactory())
    store_rows([Row(miner.pk, epoch("2025-06-01T12:00"), epoch("2025-06-01T12:10"), 3000, 1e5)])
    check(pool, "2025-06-01T12:10")
    run(NOW)
    stored = Metric.objects.get(metric_type="hashrate", entity_type="miner", period="hourly").computed_at
    check(pool, "2025-06-01T12:20", reachable=False, response_time_ms=None)
    assert clean(NOW + timedelta(minutes=1)) > 0
    assert not DirtyRange.objects.exists()
    assert health(pool, "daily", "2025-05-31T23:00")["reachable"] == 0.5
    assert health(pool, "monthly", "2025-05-31T23:00")["records"] == 2
    assert (
        Metric.objects.get(metric_type="hashrate", entity_type="miner", period="hourly").computed_at == stored
    )


def test_the_open_period_is_live(pool):
    check(pool, "2026-06-01T10:10", reachable=False, response_time_ms=None)
    check(pool, "2026-06-01T11:50")
    run(NOW)
    check(pool, "2026-06-01T12:02")
    now = NOW + timedelta(minutes=3)
    row = get_metric(
        metric_type="pool_health",
        entity_type="pool",
        entity_id=pool.pk,
        period="daily",
        timestamp=at("2026-05-31T23:00"),
        now=now,
    )
    assert row.source == "live"
    assert (row.value_json["records"], row.value_json["reachable"]) == (3, pytest.approx(2 / 3))
    assert row.value_json["partial"] is True
    hour = get_metric(
        metric_type="pool_health",
        entity_type="pool",
        period="hourly",
        entity_id=pool.pk,
        timestamp=NOW,
        now=now,
    )
    assert (hour.value_json["records"], hour.value_json["coverage"]) == (1, pytest.approx(120 / 180))


def test_the_range_of_several_pools(pool):
    other = Pool.objects.create(name="Other", client="ckpool")
    for each in (pool, other):
        check(each, "2025-06-01T12:10")
        check(each, "2025-06-01T13:10")
    run(NOW)
    asked = {
        "metric_type": "pool_health",
        "period": "hourly",
        "start": at("2025-06-01T00:00"),
        "end": at("2025-06-02T00:00"),
    }
    assert [r.entity_id for r in metrics_in_range(**asked, now=NOW)] == [pool.pk, other.pk] * 2
    assert len(metrics_in_range(**asked, entity_type="pool", entity_id=other.pk, now=NOW)) == 2


def test_any_stretch_is_merged_from_the_sums(pool):
    other = Pool.objects.create(name="Other", client="ckpool")
    check(pool, "2026-05-30T10:10", reachable=False, response_time_ms=None)
    check(pool, "2026-06-01T11:50", response_time_ms=60.0)
    check(other, "2026-06-01T11:50")
    run(NOW)
    check(pool, "2026-06-01T12:02", response_time_ms=20.0)
    now = NOW + timedelta(minutes=3)
    asked = {"metric_type": "pool_health", "entity_type": "pool", "period": "hourly", "end": now, "now": now}
    found = aggregate(**asked, start=at("2026-05-30T00:00"))
    assert [(f.entity_id, f.value_json["records"]) for f in found] == [(pool.pk, 3), (other.pk, 1)]
    assert found[0].value_json["reachable"] == pytest.approx(2 / 3)
    assert found[0].value_json["response_time_ms"] == 40
    (one,) = aggregate(**asked, start=at("2026-06-01T11:00"), entity_id=pool.pk)
    assert (one.value_json["records"], one.value_json["partial"]) == (2, True)


def test_another_zone_merges_the_days_anew(pool):
    check(pool, "2025-06-01T22:30")
    run(NOW)
    use_zone("Asia/Kathmandu")
    run(NOW)
    assert health(pool, "daily", "2025-05-31T23:00") is None
    assert health(pool, "daily", "2025-06-01T18:15")["records"] == 1
    assert health(pool, "hourly", "2025-06-01T22:15")["records"] == 1


moments = st.integers(epoch("2025-03-29T22:00"), epoch("2025-03-31T02:00"))
checks = st.lists(
    st.tuples(
        moments, st.integers(1, 300), st.booleans(), st.none() | st.floats(1, 500), st.none() | st.integers(0, 50)
    ),
    min_size=1, max_size=12, unique_by=lambda told: told[0],
)  # fmt: skip


def clipped_checks(told: list) -> list:
    """Return (start, end, reachable, ms, shares) in order, none reaching over the one before."""
    found, last = [], 0
    for end, covered, reachable, ms, shares in sorted(told):
        start = max(end - covered, last)
        found.append((start, end, reachable, ms, shares))
        last = end
    return found


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(told=checks)
def test_the_store_is_what_the_checks_say(pool, told):
    with rolled_back():
        found = clipped_checks(told)
        for start, end, reachable, ms, shares in found:
            at_end = moment(end)
            PoolReading.objects.create(
                pool=pool, timestamp=at_end, covered_s=end - start, reachable=reachable, response_time_ms=ms,
                accepted=shares, rejected=None if shares is None else shares // 3,
            )  # fmt: skip
            mark_pools_dirty([pool.pk], moment(start), at_end)
        run(NOW)
        rows = Metric.objects.filter(metric_type="pool_health").exclude(period="slot")
        assert rows.exists()
        for row in rows:
            start_s = int(row.timestamp.timestamp())
            end_s = start_s + row_length_s(row)
            assert_is(row.value_json, found, start_s, end_s)


def row_length_s(row: Metric) -> int:
    from metrics.engine.grid import grid

    bucket = grid(NOW).bucket_at(row.period, row.timestamp)
    return bucket.length_s


def assert_is(value: dict, found: list, start_s: int, end_s: int) -> None:
    own = [c for c in found if start_s <= c[0] < end_s]
    covered_s = sum(max(0, min(c[1], end_s) - max(c[0], start_s)) for c in found)
    times = [F(c[3]) for c in own if c[3] is not None]
    assert value["records"] == len(own)
    assert value["coverage"] == pytest.approx(covered_s / (end_s - start_s), rel=1e-9)
    assert value["reachable"] == (pytest.approx(sum(c[2] for c in own) / len(own)) if own else None)
    assert value["response_time_ms"] == (pytest.approx(float(sum(times) / len(times))) if times else None)
    good, bad = sum(c[4] or 0 for c in own), sum((c[4] or 0) // 3 for c in own)
    assert value["reject_rate"] == (pytest.approx(100 * bad / (good + bad)) if good + bad else None)
