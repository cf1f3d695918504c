"""The open slot summed part by part says what its telemetry says, at every moment and after whatever is told."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from hmm.installation import change_installation, forget_installation
from metrics.engine import summed
from metrics.engine.open_sums import as_text, bits_in, bits_of
from metrics.engine.run import Busy, run
from metrics.models import OpenPart, OpenSums
from metrics.query import aggregate, open_metrics, prepared
from metrics.query.today import fleet_today
from metrics.tasks import freshen_open_slot, sum_open_slot
from miners.membership import move_miner
from miners.models import Miner, Site, SiteTariff
from pools.coin_history import store_network
from pools.coin_history import store_prices as store_coin_prices
from pools.models import CoinPrice
from pools.network import NetworkPoint
from tests.factories import MinerFactory, SiteFactory, TariffFactory
from tests.metrics.reference import Price, Row
from tests.metrics.store_helpers import (
    assert_same,
    at,
    epoch,
    moment,
    rolled_back,
    store_prices,
    store_rows,
    use_zone,
)

pytestmark = pytest.mark.django_db

DAY = "2025-06-02"
BEGIN = epoch(f"{DAY}T11:00")
NOW = at(f"{DAY}T12:20")
TYPES = ("energy_cost", "hashrate", "temperature", "uptime", "efficiency")
OF_SYSTEM = ("reject_rate", "earnings")
NEVER, ALWAYS = timedelta(days=10**8), timedelta(0)
MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)


@pytest.fixture
def sites(monkeypatch: pytest.MonkeyPatch) -> list[Site]:
    """Two sites on tariffs of their own; sums are not shown any more once something else has been told."""
    monkeypatch.setattr(summed, "LASTS", timedelta(seconds=-1))
    use_zone("Europe/London")
    return [SiteFactory(tariff=TariffFactory()) for _ in range(2)]


@pytest.fixture
def miners(sites: list[Site]) -> list[Miner]:
    """Two miners at the first site, one at the second."""
    return [MinerFactory(site=site) for site in (sites[0], sites[0], sites[1])]


@pytest.fixture
def told(miners: list[Miner]) -> list[Miner]:
    """All of them told something each ten minutes before noon, the first and the third went on after that."""
    for miner, until in zip(miners, (80, 50, 80), strict=True):
        ends = range(BEGIN + 600, BEGIN + 60 * until + 1, 600)
        store_rows([Row(miner.pk, end - 600, end, 1000.0, 100.0, 60.0, 5, 1) for end in ends], now=NOW)
    return miners


def seen(now: datetime, worth: timedelta, monkeypatch: pytest.MonkeyPatch) -> dict[Any, dict[str, Any]]:
    """Every figure of sites and the system that the open slot is in, read so as `worth` has it."""
    monkeypatch.setattr(prepared, "WORTH_SUMMING", worth)
    if worth == NEVER:
        OpenSums.objects.all().delete()
        OpenPart.objects.all().delete()
    found: dict[Any, dict[str, Any]] = {}
    for kind, types in (("site", TYPES), ("system", TYPES + OF_SYSTEM)):
        for period in ("slot", "hourly", "daily"):
            told = open_metrics(types, period=period, entity_type=kind, now=now)
            found |= {
                (period, pk, name): row.value_json for pk, rows in told.items() for name, row in rows.items()
            }
        for name in types:
            figures = aggregate(
                metric_type=name,
                period="slot",
                start=now - timedelta(hours=2),
                end=now,
                entity_type=kind,
                now=now,
            )
            found |= {("aggregate", f.entity_id, name): f.value_json for f in figures}
    today = fleet_today(TYPES + OF_SYSTEM, now, rejects_of=first_miner())
    found |= {("today", None, name): value for name, value in today.system.items()}
    return found | {
        ("today", "rejects", pk): {"reject_rate": rate} for pk, rate in today.rejects_percent.items()
    }


def first_miner() -> list[int]:
    """The one miner of the page of a table."""
    return list(Miner.objects.order_by("pk").values_list("pk", flat=True)[:1])


def assert_sums_are_right(now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    summed_figures = seen(now, ALWAYS, monkeypatch)
    assert OpenSums.objects.exists()
    expected = seen(now, NEVER, monkeypatch)
    assert summed_figures.keys() == expected.keys()
    for key, value in expected.items():
        assert_same(summed_figures[key], value, key)
    seen(now, ALWAYS, monkeypatch)  # for whoever tells more


readings = st.tuples(
    st.integers(0, 2),
    st.integers(1, 95),
    st.integers(5, 1200),
    st.none() | st.floats(0, 5000, width=32),
    st.none() | st.just(0.0) | st.floats(1, 200_000, width=32),
    st.none() | st.floats(10, 110, width=32),
    st.none() | st.integers(0, 50),
)


@settings(
    max_examples=6,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=[Phase.explicit, Phase.generate],
)
@given(batches=st.lists(st.lists(readings, max_size=12), min_size=2, max_size=3), minute=st.integers(61, 88))
def test_whatever_is_told_and_whenever(
    sites: list[Site],
    miners: list[Miner],
    monkeypatch: pytest.MonkeyPatch,
    batches: list[list[tuple[Any, ...]]],
    minute: int,
) -> None:
    with rolled_back():
        tariff = SiteTariff.objects.get(site=sites[0]).tariff
        store_prices(
            tariff,
            [Price(BEGIN + 1800 * n, BEGIN + 1800 * (n + 1), 7.0 * n - 3) for n in range(3)],
        )
        store_rows([Row(miners[0].pk, BEGIN, BEGIN + 60, 10.0, 5.0)], now=NOW)
        for n, told in enumerate(batches):
            now = moment(BEGIN + 60 * minute + 17 * n)
            unique = {(which, end): rest for which, end, *rest in told}
            store_rows(
                [
                    Row(
                        miners[which].pk,
                        BEGIN + 60 * end - covered,
                        BEGIN + 60 * end,
                        power,
                        speed,
                        heat,
                        shares,
                        shares,
                    )
                    for (which, end), (covered, power, speed, heat, shares) in unique.items()
                ],
                now=moment(BEGIN + 60 * 96),
            )
            assert_sums_are_right(now, monkeypatch)


def test_what_changes_the_worth_of_the_open_slot_is_in_at_once(
    sites: list[Site], told: list[Miner], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert_sums_are_right(NOW, monkeypatch)
    tariff = SiteTariff.objects.get(site=sites[1]).tariff
    store_prices(tariff, [Price(epoch(f"{DAY}T12:00"), epoch(f"{DAY}T12:30"), 40.0)])
    assert_sums_are_right(NOW + MINUTE, monkeypatch)
    store_network([NetworkPoint(NOW - MINUTE, 840_000, 1e14)], NOW)
    CoinPrice.objects.all().delete()
    store_coin_prices({("BTC", "GBP"): 80_000.0}, "test", NOW)
    assert_sums_are_right(NOW + MINUTE, monkeypatch)
    today = NOW.date()
    move_miner(told[0], sites[1], today, today=today)
    assert_sums_are_right(NOW + 2 * MINUTE, monkeypatch)
    change_installation("Europe/London", "EUR")
    forget_installation()
    assert_sums_are_right(NOW + 2 * MINUTE, monkeypatch)


def test_a_price_that_changes_within_a_part_leaves_it_to_telemetry(
    sites: list[Site], told: list[Miner], monkeypatch: pytest.MonkeyPatch
) -> None:
    tariff = SiteTariff.objects.get(site=sites[0]).tariff
    noon = epoch(f"{DAY}T12:00")
    store_prices(tariff, [Price(noon, noon + 420, 40.0), Price(noon + 420, noon + 1800, 10.0)])
    expected = seen(NOW, NEVER, monkeypatch)
    assert seen(NOW, ALWAYS, monkeypatch) == expected
    assert not OpenSums.objects.exists()


def test_the_slot_that_is_over_begins_sums_anew(told: list[Miner], monkeypatch: pytest.MonkeyPatch) -> None:
    assert_sums_are_right(NOW, monkeypatch)
    tariff = SiteTariff.objects.get(
        site=told[0].site
    ).tariff  # percentiles of the hour do not care for its prices
    noon = epoch(f"{DAY}T12:00")
    store_prices(tariff, [Price(noon, noon + 600, 40.0), Price(noon + 600, noon + 1800, 10.0)])
    later = NOW + 15 * MINUTE
    store_rows([Row(told[1].pk, epoch(f"{DAY}T12:25"), epoch(f"{DAY}T12:34"), 500.0, 50.0)], now=later)
    assert_sums_are_right(later, monkeypatch)
    assert OpenSums.objects.get().start == at(f"{DAY}T12:30")
    run(later + 30 * MINUTE)
    assert not OpenSums.objects.exists()


def test_news_is_shown_within_seconds_and_what_corrects_the_past_at_once(
    told: list[Miner], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(summed, "LASTS", timedelta(seconds=10))
    monkeypatch.setattr(prepared, "WORTH_SUMMING", ALWAYS)

    def records(now: datetime) -> tuple[int, datetime]:
        row = open_metrics(["uptime"], period="daily", entity_type="system", now=now)[None]["uptime"]
        return row.value_json["records"], row.computed_at

    first, _ = records(NOW)
    assert records(NOW + 5 * SECOND) == (first, NOW + 5 * SECOND)  # nobody has told more
    store_rows([Row(told[1].pk, epoch(f"{DAY}T12:19"), epoch(f"{DAY}T12:20"), 5.0)], now=NOW)
    assert records(NOW + 6 * SECOND) == (first, NOW)
    assert records(NOW + 11 * SECOND) == (first + 1, NOW + 11 * SECOND)
    store_rows([Row(told[1].pk, epoch(f"{DAY}T12:01"), epoch(f"{DAY}T12:02"), 5.0)], now=NOW)
    assert records(NOW + 12 * SECOND) == (first + 2, NOW + 12 * SECOND)


def test_no_telemetry_is_read_but_that_of_the_miners_asked_for(
    told: list[Miner], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = seen(NOW, ALWAYS, monkeypatch)
    with connection.cursor() as cursor:  # unknown to the engine
        cursor.execute("DELETE FROM telemetry WHERE miner_id <> ALL(%s)", [first_miner()])
    assert seen(NOW, ALWAYS, monkeypatch) == expected
    assert seen(NOW, NEVER, monkeypatch) != expected


def test_the_job_of_each_minute_sums_for_a_farm_and_has_one_look_at_a_house(
    told: list[Miner], monkeypatch: pytest.MonkeyPatch
) -> None:
    run(NOW)
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW)
    with CaptureQueriesContext(connection) as captured:
        assert not sum_open_slot()
    assert len([query for query in captured if 'hmm_installation" LIMIT' not in query["sql"]]) == 1
    assert not OpenSums.objects.exists()
    monkeypatch.setattr(prepared, "WORTH_SUMMING", ALWAYS)
    assert sum_open_slot()
    assert OpenSums.objects.get().end == NOW


def test_sums_are_renewed_before_a_reader_would_have_to(
    told: list[Miner], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepared, "WORTH_SUMMING", ALWAYS)

    def end_of_sums_after(seconds: int) -> datetime:
        monkeypatch.setattr("django.utils.timezone.now", lambda: NOW + seconds * SECOND)
        assert freshen_open_slot()
        return OpenSums.objects.get().end

    run(NOW)
    assert end_of_sums_after(0) == NOW
    assert end_of_sums_after(60) == NOW  # nobody has told more
    store_rows([Row(told[1].pk, epoch(f"{DAY}T12:19"), epoch(f"{DAY}T12:20"), 5.0)], now=NOW)
    assert end_of_sums_after(4) == NOW
    assert end_of_sums_after(6) == NOW + 6 * SECOND


def test_while_the_engine_is_at_work_telemetry_is_read(
    told: list[Miner], monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_: Any, **__: Any) -> None:
        raise Busy

    expected = seen(NOW, NEVER, monkeypatch)
    monkeypatch.setattr(prepared, "sum_open_slot", busy)
    assert seen(NOW, ALWAYS, monkeypatch) == expected


def test_while_the_engine_is_at_work_nobody_waits_where_there_are_sums_of_a_moment_ago(
    told: list[Miner], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(summed, "LASTS", timedelta(seconds=10))
    monkeypatch.setattr(prepared, "WORTH_SUMMING", ALWAYS)
    waited: list[float] = []

    def busy(now: datetime, *, wait_s: float) -> None:
        waited.append(wait_s)
        raise Busy

    def as_of(now: datetime) -> datetime:
        ask = {"period": "daily", "entity_type": "system", "now": now}
        return open_metrics(["uptime"], **ask)[None]["uptime"].computed_at

    assert as_of(NOW) == NOW
    store_rows([Row(told[1].pk, epoch(f"{DAY}T12:19"), epoch(f"{DAY}T12:20"), 5.0)], now=NOW)
    monkeypatch.setattr(prepared, "sum_open_slot", busy)
    assert as_of(NOW + MINUTE) == NOW
    assert as_of(NOW + 3 * MINUTE) == NOW + 3 * MINUTE
    assert waited == [0, prepared.PATIENCE_S]


def test_bits() -> None:
    ids = [1, 7, 8, 6000]
    bits = bits_of(ids)
    assert bits_in(as_text(bits)) == bits
    assert bits.bit_count() == len(ids)
    assert [n for n in range(6100) if bits >> n & 1] == ids
    assert bits_of([]) == bits_in(as_text(0)) == 0
