import threading
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from django.db import connection

from energy import tasks
from energy.fetch import FetchError, FetchResult, TariffFacts, fetch_due, fetch_tariff, is_due, stretch_due
from energy.models import PriceSlot, StandingCharge, Tariff
from energy.points import PricePoint
from energy.prices import prices_between, store_prices
from energy.providers import providers
from energy.storing import OverlapError, StoreResult
from hmm.models import DirtyRange
from tests.energy.servers import Reply, canned_prices, page, rate, simulated_prices
from tests.factories import TariffFactory

pytestmark = pytest.mark.django_db

UK = ZoneInfo("Europe/London")
NOON = datetime(2025, 1, 15, 12, tzinfo=UTC)
HALF_HOUR = timedelta(minutes=30)


@pytest.fixture
def agile() -> Tariff:
    Tariff.objects.update(active=False)
    return TariffFactory(
        name="Agile", provider="octopus_agile", product="AGILE-24-10-01", region="C", active=True
    )


def all_prices(tariff: Tariff) -> list[PricePoint]:
    return prices_between(tariff.pk, NOON - timedelta(days=900), NOON + timedelta(days=900))


# Whether and what to fetch


def at(hour: int, minute: int = 0, day: int = 15) -> datetime:
    return datetime(2025, 1, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("facts", "now", "due"),
    [
        (TariffFacts(None, None, None), at(12), True),
        (TariffFacts(at(0, day=20), None, None), at(12), True),
        (TariffFacts(None, at(11, 50), None), at(12), True),
        (TariffFacts(at(23), at(11), None), at(12), False),
        (TariffFacts(at(23), at(15, 50), None), at(15, 59), False),
        (TariffFacts(at(23), at(15, 50), None), at(16), True),
        (TariffFacts(at(23), at(20, 50), None), at(21), True),
        (TariffFacts(at(23, day=16), at(16), None), at(16, 10), False),
        (TariffFacts(at(23, day=10), at(16, day=9), None), at(9), True),
        (TariffFacts(at(23), at(15, 50), at(17)), at(16, 59), False),
        (TariffFacts(at(23), at(15, 50), at(17)), at(17), True),
        (TariffFacts(None, None, at(17)), at(16), False),
    ],
)
def test_prices_are_due_until_they_reach_as_far_as_is_published(facts, now, due):
    assert is_due(facts, providers["octopus_agile"].published_until(now), now) == due


def test_the_stretch_due_goes_back_for_corrections_or_over_the_whole_gap():
    agile = providers["octopus_agile"]
    tomorrow_ends = at(0, day=17)
    assert stretch_due(TariffFacts(None, None, None), agile, NOON, 7) == (at(12, day=8), tomorrow_ends)
    assert stretch_due(TariffFacts(at(23), NOON, None), agile, NOON, 7) == (at(12, day=13), tomorrow_ends)
    gap = TariffFacts(at(23, day=2), NOON, None)
    assert stretch_due(gap, agile, NOON, 7) == (datetime(2024, 12, 31, 23, tzinfo=UTC), tomorrow_ends)


def test_changed_terms_leave_the_prices_and_charges_before_them_and_fill_a_gap(agile):
    tomorrow_ends = at(0, day=17)
    changed = TariffFacts(at(23), None, None, terms_since=NOON)
    provider = providers["octopus_agile"]
    assert stretch_due(changed, provider, NOON, 7) == (NOON, tomorrow_ends)
    a_day_later = TariffFacts(at(23, day=16), NOON, None, terms_since=NOON)
    assert stretch_due(a_day_later, provider, at(16, day=16), 7)[0] == NOON
    retired = TariffFacts(at(23, day=10), None, None, terms_since=NOON)
    assert stretch_due(retired, provider, NOON, 7)[0] == at(23, day=10)

    StandingCharge.objects.create(tariff=agile, start=at(0, day=1), pence_per_day=40)
    agile.terms_since = NOON
    charges = page(rate("2024-10-01T00:00:00Z", None, 50))
    with canned_prices(page(rate("2025-01-15T12:00:00Z", "2025-01-15T12:30:00Z", 20)), charges) as service:
        fetch_tariff(agile, NOON, at(13), NOON, service.url)
    found = StandingCharge.objects.order_by("start").values_list("start", "end", "pence_per_day")
    assert list(found) == [(at(0, day=1), NOON, 40), (NOON, None, 50)]


# Against the simulated service


def test_a_fresh_tariff_gets_its_history_and_all_that_is_published(agile):
    with simulated_prices(NOON) as (url, _):
        result = fetch_tariff(agile, NOON - timedelta(days=7), NOON + timedelta(days=2), NOON, url)
    found = all_prices(agile)
    assert result.stored == StoreResult(len(found), 0, 0)
    assert (found[0].start, found[-1].end) == (NOON - timedelta(days=7), at(0, day=16))
    assert all(a.end == b.start for a, b in pairwise(found))
    agile.refresh_from_db()
    assert (agile.fetched_at, agile.fetch_error) == (NOON, "")


def test_fetching_again_changes_and_marks_nothing(agile):
    with simulated_prices(NOON) as (url, _):
        fetch_tariff(agile, NOON - timedelta(days=2), NOON, NOON, url)
        before, marks = all_prices(agile), DirtyRange.objects.count()
        result = fetch_tariff(agile, NOON - timedelta(days=2), NOON, NOON, url)
    assert result.stored == StoreResult(0, 0, len(before))
    assert not result.charges_changed
    assert all_prices(agile) == before
    assert DirtyRange.objects.count() == marks


@pytest.mark.parametrize(("day", "half_hours"), [((2025, 3, 30), 46), ((2025, 10, 26), 50)])
def test_the_days_of_the_clock_changes_are_whole(agile, day, half_hours):
    start = datetime(*day, tzinfo=UK).astimezone(UTC)
    end = (datetime(*day, tzinfo=UK) + timedelta(days=1)).astimezone(UTC)
    with simulated_prices(end) as (url, _):
        fetch_tariff(agile, start, end, end, url)
    found = prices_between(agile.pk, start, end)
    assert len(found) == half_hours
    assert sum((p.end - p.start for p in found), timedelta(0)) == half_hours * HALF_HOUR


def test_late_prices_are_asked_for_again_until_they_are_there(agile, settings):
    with simulated_prices(at(15)) as (settings.OCTOPUS_BASE_URL, clock):
        first = fetch_due(at(15))[agile]
        clock.now = at(15, 59)  # the service publishes nothing before 16:00
        assert fetch_due(at(15, 59)) == {}
        still_none = fetch_due(at(16, 20))[agile]
        clock.now = at(23)
        there = fetch_due(at(21, 50))[agile]
        assert fetch_due(at(22)) == {}
    assert isinstance(first, FetchResult)
    assert (still_none.stored.added, still_none.stored.changed) == (0, 0)
    assert there.stored.added == 48
    assert all_prices(agile)[-1].end == at(0, day=17)


def test_a_correction_replaces_the_price_and_marks_it_alone(agile):
    rows = [rate(f"2025-01-15T0{n}:00:00Z", f"2025-01-15T0{n}:30:00Z", 20 + n) for n in range(3)]
    with canned_prices(page(*rows)) as service:
        fetch_tariff(agile, at(0), at(3), NOON, service.url)
    DirtyRange.objects.all().delete()
    with canned_prices(page(rows[0], {**rows[1], "value_inc_vat": 5}, rows[2])) as service:
        result = fetch_tariff(agile, at(0), at(3), NOON, service.url)
    assert result.stored == StoreResult(0, 1, 2)
    assert [p.pence_per_kwh for p in all_prices(agile)] == [20, 5, 22]
    assert list(DirtyRange.objects.values_list("start", "end")) == [(at(1), at(1, 30))]


def test_an_open_end_is_carried_on_and_then_closed(agile):
    opened = rate("2025-01-15T00:00:00Z", None, 24)
    with canned_prices(page(opened)) as service:
        fetch_tariff(agile, at(0), at(6), NOON, service.url)
        fetch_tariff(agile, at(3), at(12), NOON, service.url)
    assert len(all_prices(agile)) == 24
    DirtyRange.objects.all().delete()
    closed = rate("2025-01-15T00:00:00Z", "2025-01-15T10:15:00Z", 24)
    with canned_prices(page(rate("2025-01-15T10:15:00Z", None, 30), closed)) as service:
        fetch_tariff(agile, at(3), at(12), NOON, service.url)
    found = all_prices(agile)
    assert (found[0].start, found[-1].end) == (at(0), at(12))
    assert all(a.end == b.start for a, b in pairwise(found))
    assert {p.pence_per_kwh for p in found if p.end <= at(10, 15)} == {24}
    assert {p.pence_per_kwh for p in found if p.start >= at(10, 15)} == {30}
    assert list(DirtyRange.objects.values_list("start", "end")) == [(at(10, 15), at(12))]
    agile.refresh_from_db()
    assert agile.slot_s == 900


def test_a_flexible_product_with_open_rates_of_two_payment_methods(agile):
    Tariff.objects.filter(pk=agile.pk).update(product="VAR-22-11-01")
    agile.refresh_from_db()
    start = datetime(2025, 3, 31, tzinfo=UTC)
    with simulated_prices(start + timedelta(days=1), days=100) as (url, _):
        fetch_tariff(agile, start, start + timedelta(days=2), start, url)
    found = all_prices(agile)
    assert len(found) == 96
    assert [
        p.start for p, q in zip(found[1:], found, strict=False) if p.pence_per_kwh != q.pence_per_kwh
    ] == [start.replace(hour=23)]


# Failures


@pytest.mark.parametrize(
    ("reply", "reason", "wait_s"),
    [
        (Reply({}, 404), "retired", 3600),
        (Reply({}, 429, {"Retry-After": "120"}), "HTTP 429", 120),
        (Reply({}, 429, {"Retry-After": "9999999"}), "HTTP 429", 6 * 3600),
        (Reply({}, 502), "HTTP 502", None),
        (Reply(b"<html>"), "HTML", None),
        (
            page(
                rate("2025-01-15T00:00:00Z", "2025-01-15T00:30:00Z", 1),
                rate("2025-01-15T00:00:00Z", "2025-01-15T01:00:00Z", 2),
            ),
            "two prices",
            None,
        ),
        (page(rate("2025-01-15T00:00:00Z", "2025-01-15T00:31:00Z", 1)), "five minutes", None),
    ],
)
def test_a_failure_is_kept_on_the_tariff_and_cleared_by_the_next_success(agile, reply, reason, wait_s):
    with canned_prices(reply) as service, pytest.raises(FetchError, match=reason):
        fetch_tariff(agile, at(0), at(3), NOON, service.url)
    agile.refresh_from_db()
    assert reason in agile.fetch_error
    assert agile.retry_at == (None if wait_s is None else NOON + timedelta(seconds=wait_s))
    assert agile.fetched_at is None
    assert all_prices(agile) == []
    with canned_prices(page()) as service:
        fetch_tariff(agile, at(0), at(3), NOON, service.url)
    agile.refresh_from_db()
    assert (agile.fetch_error, agile.retry_at, agile.fetched_at) == ("", None, NOON)


def test_one_tariff_that_fails_does_not_stop_the_others(agile, settings):
    settings.OCTOPUS_BASE_URL = "http://127.0.0.1:1"
    unknown = TariffFactory(provider="pigeon", active=True)
    fixed = TariffFactory(fixed_pence_per_kwh=24.5, active=True)
    TariffFactory(active=False)
    outcomes = fetch_due(NOON)
    assert {tariff: type(outcome) for tariff, outcome in outcomes.items()} == {
        agile: FetchError,
        unknown: FetchError,
        fixed: FetchResult,
    }
    assert "connection refused" in Tariff.objects.get(pk=agile.pk).fetch_error
    assert "no price provider is called 'pigeon'" in Tariff.objects.get(pk=unknown.pk).fetch_error


def test_a_provider_that_breaks_is_recorded_and_does_not_stop_the_others(agile, monkeypatch):
    monkeypatch.setattr(providers["octopus_agile"], "fetch", lambda *args: 1 / 0)
    fixed = TariffFactory(active=True)
    outcomes = fetch_due(NOON)
    assert isinstance(outcomes[fixed], FetchResult)
    assert outcomes[agile].reason == Tariff.objects.get(pk=agile.pk).fetch_error == "division by zero"


def test_a_service_that_asked_to_be_left_alone_is(agile, settings):
    with canned_prices(Reply({}, 429, {"Retry-After": "1800"})) as service:
        settings.OCTOPUS_BASE_URL = service.url
        assert isinstance(fetch_due(NOON)[agile], FetchError)
        assert fetch_due(NOON + timedelta(minutes=20)) == {}
        assert len(service.rates_asked()) == 1
        assert agile in fetch_due(NOON + timedelta(minutes=30))


def test_a_warning_beside_good_prices_is_kept(agile):
    row = rate("2025-01-15T00:00:00Z", "2025-01-15T00:30:00Z", 1)
    with canned_prices(page(row), charges=Reply({}, 500)) as service:
        result = fetch_tariff(agile, at(0), at(3), NOON, service.url)
    assert result.stored.added == 1
    agile.refresh_from_db()
    assert agile.fetch_error == result.warning != ""
    assert agile.fetched_at == NOON


def test_the_recurring_task_counts_what_it_stored(agile, settings, caplog):
    settings.OCTOPUS_BASE_URL = "http://127.0.0.1:1"
    fixed = TariffFactory(active=True)
    assert tasks.fetch_prices() == PriceSlot.objects.filter(tariff=fixed).count() > 7 * 48
    assert "connection refused" in caplog.text
    assert tasks.fetch_prices() == 0


# The fixed price


def test_a_changed_fixed_price_holds_from_now_and_leaves_the_past():
    Tariff.objects.update(active=False)
    tariff = TariffFactory(fixed_pence_per_kwh=20.0, active=True)
    fetch_due(NOON)
    Tariff.objects.filter(pk=tariff.pk).update(fixed_pence_per_kwh=30.0, fetched_at=None)
    DirtyRange.objects.all().delete()
    fetch_due(NOON + timedelta(minutes=10))
    assert [p.pence_per_kwh for p in prices_between(tariff.pk, NOON - HALF_HOUR, NOON + HALF_HOUR)] == [
        20,
        30,
    ]
    assert list(DirtyRange.objects.values_list("start", "end")) == [(NOON, at(0, day=17))]


def test_fixed_prices_have_the_slots_of_their_tariff():
    tariff = TariffFactory(slot_s=900, fixed_pence_per_kwh=-1.5)
    fetch_tariff(tariff, at(0, 7), at(1), NOON)
    found = all_prices(tariff)
    assert [(p.start, p.pence_per_kwh) for p in found] == [(at(0, n), -1.5) for n in (0, 15, 30, 45)]


@pytest.mark.parametrize("price", [None, float("nan"), float("inf"), 1e9])
def test_a_fixed_tariff_without_a_possible_price_is_an_error(price):
    tariff = TariffFactory()
    tariff.fixed_pence_per_kwh = price
    with pytest.raises(FetchError):
        fetch_tariff(tariff, at(0), at(1), NOON)


# Standing charges


def charges() -> list[tuple[datetime, datetime | None, float]]:
    return list(StandingCharge.objects.order_by("start").values_list("start", "end", "pence_per_day"))


def fetch_charges(tariff: Tariff, *rows: dict) -> None:
    with canned_prices(page(), charges=page(*rows)) as service:
        fetch_tariff(tariff, at(0), at(0, day=17), NOON, service.url)


def test_a_new_standing_charge_closes_the_one_before_and_marks_its_own_days(agile):
    fetch_charges(agile, rate("2025-01-01T00:00:00Z", None, 50))
    assert list(DirtyRange.objects.values_list("start", "end")) == [(at(0, day=1), at(0, day=17))]
    DirtyRange.objects.all().delete()
    fetch_charges(agile, rate("2025-01-01T00:00:00Z", None, 50))
    assert not DirtyRange.objects.exists()
    fetch_charges(
        agile,
        rate("2025-01-15T00:00:00Z", None, 52),
        rate("2025-01-01T00:00:00Z", "2025-01-15T00:00:00Z", 50),
    )
    assert charges() == [(at(0, day=1), at(0), 50), (at(0), None, 52)]
    assert list(DirtyRange.objects.values_list("start", "end")) == [(at(0), at(0, day=17))]


def test_standing_charges_of_other_times_are_kept(agile):
    StandingCharge.objects.create(tariff=agile, start=at(0, day=1), end=None, pence_per_day=40)
    fetch_charges(agile, rate("2025-01-10T00:00:00Z", "2025-01-12T00:00:00Z", 50))
    assert charges() == [
        (at(0, day=1), at(0, day=10), 40),
        (at(0, day=10), at(0, day=12), 50),
        (at(0, day=12), None, 40),
    ]


# Two at once


@pytest.mark.django_db(transaction=True)
def test_a_fetch_and_an_import_at_once_never_make_slots_overlap():
    tariff = TariffFactory(provider="octopus_agile", product="AGILE-24-10-01", region="C")
    hours = [PricePoint(at(n), at(n + 1), 1.0) for n in range(12)]
    failed: list[Exception] = []
    start = threading.Barrier(3)

    def run(act) -> None:
        start.wait()
        try:
            act()
        except OverlapError as error:
            failed.append(error)
        finally:
            connection.close()

    with simulated_prices(NOON) as (url, _):
        acts = [lambda: fetch_tariff(tariff, at(0), at(12), NOON, url)] * 2
        acts.append(lambda: store_prices(tariff, hours))
        threads = [threading.Thread(target=run, args=(act,)) for act in acts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    found = prices_between(tariff.pk, at(0), at(12))
    assert len(failed) <= 1  # the import is refused where a fetch was first, else the fetch wins
    assert len(found) == 24
    assert all(a.end == b.start for a, b in pairwise(found))
