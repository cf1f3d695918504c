"""The page Pools: health with its parts and its formula, the last error, what pools and coins are now."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from hmm.dirty import mark_pools_dirty
from metrics.engine.run import run
from metrics.pool_page import coin_table
from metrics.query import metrics_in_range
from metrics.types.pool_health import LATENCY_BANDS_MS, REJECT_BANDS_PERCENT, health_parts, points
from pools.coins.base import Prices
from pools.models import Pool, PoolReading
from pools.simulator.server import OutsideServer
from tests.metrics.views.figures import all_explained, asked_by
from tests.miners.drivers.servers import closed_port

pytestmark = pytest.mark.django_db(transaction=True)


WHO_ASKS = 1
"""The query of the user; the session is in the cache by then."""
NOW = datetime(2026, 6, 3, 11, 40, 5, tzinfo=UTC)


@pytest.fixture
def clock(monkeypatch):
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW)


@pytest.fixture
def member(db):
    client = Client()
    client.force_login(User.objects.create_superuser("boss"))
    return client


def checked(pool, minutes_ago, **said):
    found = {"reachable": True, "response_time_ms": 60.0, "covered_s": 120} | said
    at = timezone.now().replace(microsecond=0) - timedelta(minutes=minutes_ago)
    mark_pools_dirty([pool.pk], at - timedelta(seconds=found["covered_s"]), at)
    return PoolReading.objects.create(pool=pool, timestamp=at, **found)


def test_no_pool_yet(member):
    page = member.get(reverse("metrics:pools"))
    assert page.status_code == 200
    assert "No pool is known yet" in page.text


def test_a_pool_is_shown_with_the_parts_of_its_health_and_the_formula(clock, member):
    pool = Pool.objects.create(name="Solo & <Co>", client="ckpool", is_solo=True)
    checked(pool, 3, accepted=97, rejected=3)
    checked(pool, 1, accepted=97, rejected=3)
    run(NOW)
    page = member.get(reverse("metrics:pools")).text
    assert "Solo &amp; &lt;Co&gt;" in page
    assert "40 × the share of checks that reached the pool" in page
    assert "40 + 20 + 10" in page
    assert "none in a day" in page
    of_the_hour = {
        "entity_type": "pool",
        "entity_id": str(pool.pk),
        "period": "hourly",
        "at": "2026-06-03T11:00Z",
    }
    for key in ("health_score", "reject_rate"):
        assert asked_by(page, "pool_health", key) == [of_the_hour]
    assert all_explained(member, page) == 2


def test_a_pool_that_was_never_checked_and_one_that_is_not(member):
    Pool.objects.create(name="new", client="ckpool")
    Pool.objects.create(name="old", client="ckpool", active=False)
    page = member.get(reverse("metrics:pools"))
    assert page.status_code == 200
    assert "no check yet" in page.text
    assert "not checked" in page.text


def test_a_failed_check_is_named_and_stays_the_last_error_when_the_pool_is_back(clock, member):
    pool = Pool.objects.create(name="a pool", client="ckpool")
    checked(pool, 4, reachable=False, failed_step="tls", error="certificate <expired>", response_time_ms=None)
    assert "failed: tls" in member.get(reverse("metrics:pool_table")).text
    checked(pool, 2)
    page = member.get(reverse("metrics:pool_table")).text
    assert "reachable</span>" in page
    assert "certificate &lt;expired&gt;" in page


def test_an_hour_without_a_check_of_its_own_leaves_the_score_of_the_one_before(monkeypatch, member):
    now = NOW.replace(minute=1)
    monkeypatch.setattr("django.utils.timezone.now", lambda: now)
    pool = Pool.objects.create(name="a pool", client="ckpool")
    for minutes_ago in (3, 1):  # the later one began before the hour
        checked(pool, minutes_ago, accepted=97, rejected=3)
    run(now)
    page = member.get(reverse("metrics:pool_table")).text
    assert [asked["at"] for asked in asked_by(page, "pool_health", "health_score")] == ["2026-06-03T10:00Z"]
    assert "40 + 20 + 10" in page


def test_the_number_of_queries_does_not_grow_with_the_pools(clock, member):
    def made(count):
        for n in range(count):
            checked(Pool.objects.create(name=f"{count} {n}", client="ckpool"), 1)

    made(1)
    run(NOW)
    url = reverse("metrics:pool_table")
    member.get(url)
    with CaptureQueriesContext(connection) as first:
        member.get(url)
    made(9)
    run(NOW)
    with CaptureQueriesContext(connection) as then:
        member.get(url)
    assert len(then) == len(first) == WHO_ASKS + 3


def test_what_is_outside_is_shown_or_why_it_is_not(member, settings):
    with OutsideServer(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        settings.COINGECKO_BASE_URL = settings.COINBASE_BASE_URL = settings.MEMPOOL_BASE_URL = server.url
        Pool.objects.create(name="a pool", client="ckpool", url=server.url, user="bc1q")
        page = member.get(reverse("metrics:pools_now")).text
        server.shutdown()
        thread.join()
    assert "coingecko" in page
    assert "420 PH/s" in page
    assert "3.125 BTC a block" in page
    assert "No work has been valued today" in page
    settings.MEMPOOL_BASE_URL = settings.COINGECKO_BASE_URL = settings.COINBASE_BASE_URL = (
        f"http://127.0.0.1:{closed_port()}"
    )
    Pool.objects.update(url=settings.MEMPOOL_BASE_URL)
    page = member.get(reverse("metrics:pools_now")).text
    assert page.count("connection refused") >= 3
    assert "says nothing" in page


def test_strangers_are_sent_to_sign_in():
    for name in ("pools", "pool_table", "pools_now"):
        assert Client().get(reverse(f"metrics:{name}")).status_code == 302


def test_parts_make_the_score_that_the_store_computes(clock, member):
    said = [
        (10.0, 100, 0),
        (60.0, 98, 2),
        (200.0, 96, 4),
        (900.0, 90, 10),
        (None, None, None),
        (20.0, None, None),
    ]
    for number, (response_ms, accepted, rejected) in enumerate(said):
        pool = Pool.objects.create(name=str(number), client="ckpool")
        checked(pool, 1, response_time_ms=response_ms, accepted=accepted, rejected=rejected)
        checked(pool, 1.5, reachable=False, response_time_ms=None)
    rows = metrics_in_range(
        metric_type="pool_health", period="daily", start=NOW - timedelta(days=2), end=NOW, now=NOW
    )
    assert {row.entity_id for row in rows} == set(Pool.objects.values_list("pk", flat=True))
    for row in rows:
        parts = health_parts(row.value_json)
        total = parts.reachable + parts.latency + (parts.rejects or 0)
        score = total if parts.rejects is not None else total * 100 / 70
        assert row.value_json["health_score"] == pytest.approx(score)


@given(st.floats(0, 1000), st.sampled_from([LATENCY_BANDS_MS, REJECT_BANDS_PERCENT]))
def test_points_fall_as_the_figure_rises(value, bands):
    assert points(value, bands) >= points(value * 1.5 + 1, bands)
    assert points(0, bands) == 30
    assert points(None, bands) == points(10_000, bands) == 0


def test_no_check_has_no_parts():
    none = {"reachable": None, "response_time_ms": None, "reject_rate": None}
    assert health_parts(none) is None


def test_what_a_coin_costs_in_each_currency():
    found = Prices({("BTC", "GBP"): 1.0, ("DGB", "USD"): 0.01})
    costs = {coin: dict(each) for coin, each in coin_table(found)}
    assert list(costs) == ["BTC", "BCH", "DGB"]
    assert costs["BTC"] == {"GBP": 1.0, "EUR": None, "USD": None}
    assert costs["DGB"]["USD"] == 0.01
    assert coin_table(None) == []
