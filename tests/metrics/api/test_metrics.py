"""GET /api/metrics: the figures of the store and of the open period."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from hmm.models import Installation
from miners.models import Miner, Site
from miners.telemetry.rows import TelemetryRow
from miners.telemetry.write import write_rows
from tests.factories import MinerFactory
from tests.metrics.api.conftest import NOW, Ask, compute, hourly, price, results, tell

HOUR = timedelta(hours=1)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


def test_worked_example(ask: Ask, site: Site, miner: Miner) -> None:
    noon = utc(2025, 6, 11, 9)
    price(site, noon, noon + HOUR / 2, 20.0)
    price(site, noon + HOUR / 2, noon + HOUR, -5.0)
    rows = [(10, 600), (40, 1800), (50, 600)]
    telemetry = [
        TelemetryRow(miner.pk, noon + timedelta(minutes=m), covered, power_w=3000.0) for m, covered in rows
    ]
    write_rows(telemetry, source="collector", now=NOW)
    compute()
    (found,) = results(
        ask(**hourly(entity_type="miner", **{"from": "2025-06-11T09:00Z", "to": "2025-06-11"}))
    )
    assert found["metric_type"] == "energy_cost"
    assert (found["entity_type"], found["entity_id"], found["period"]) == ("miner", miner.pk, "hourly")
    assert (found["timestamp"], found["source"]) == ("2025-06-11T10:00:00+01:00", "store")
    value = found["value_json"]
    assert value["kwh"] == pytest.approx(2.5)
    assert value["cost_gbp"] == pytest.approx(0.25)
    assert value["avg_price_pence"] == pytest.approx(10.0)
    assert (value["records"], value["coverage"]) == (3, pytest.approx(0.8333, abs=1e-4))


def test_result_has_the_published_keys_and_times_with_their_offset(ask: Ask, miner: Miner) -> None:
    tell(miner, NOW - 3 * HOUR, NOW)
    compute()
    for found in results(ask(**hourly())):
        assert set(found) == {
            "metric_type",
            "entity_type",
            "entity_id",
            "period",
            "timestamp",
            "value_json",
            "computed_at",
            "source",
        }
        assert found["timestamp"].endswith("+01:00")
        assert datetime.fromisoformat(found["computed_at"]) <= NOW


def test_offset_of_winter_is_written_in_digits(
    ask: Ask, miner: Miner, set_clock: Callable[[datetime], None]
) -> None:
    tell(miner, utc(2025, 1, 7, 9), utc(2025, 1, 7, 10))
    compute()
    found = results(ask(**hourly(**{"from": "2025-01-07", "to": "2025-01-07"})))
    assert {row["timestamp"] for row in found} == {"2025-01-07T09:00:00+00:00"}


def test_results_are_in_order_of_time_then_entity(ask: Ask, site: Site, miner: Miner) -> None:
    second = MinerFactory(site=site)
    for each in (second, miner):
        tell(each, NOW - 4 * HOUR, NOW)
    compute()
    found = results(ask(**hourly()))
    keys = [(datetime.fromisoformat(r["timestamp"]), r["entity_type"], r["entity_id"] or 0) for r in found]
    assert keys == sorted(keys)
    assert {k[1] for k in keys} == {"miner", "site", "system"}
    assert {k[2] for k in keys if k[1] == "miner"} == {miner.pk, second.pk}


def test_entity_narrows(ask: Ask, site: Site, miner: Miner) -> None:
    second = MinerFactory(site=site)
    for each in (miner, second):
        tell(each, NOW - 3 * HOUR, NOW)
    compute()
    one = results(ask(**hourly(entity_type="miner", entity_id=second.pk)))
    assert one
    assert {(r["entity_type"], r["entity_id"]) for r in one} == {("miner", second.pk)}
    fleet = results(ask(**hourly(entity_type="system")))
    assert {(r["entity_type"], r["entity_id"]) for r in fleet} == {("system", None)}
    assert results(ask(**hourly(entity_type="miner", entity_id=987654))) == []


def test_open_hour_is_live_and_partial(ask: Ask, miner: Miner) -> None:
    tell(miner, NOW - 3 * HOUR, NOW)
    compute()
    found = results(ask(**hourly(entity_type="miner")))
    *closed, opened = found
    assert {row["source"] for row in closed} == {"store"}
    assert all("partial" not in row["value_json"] for row in closed)
    assert (opened["source"], opened["timestamp"]) == ("live", "2025-06-11T13:00:00+01:00")
    assert opened["value_json"]["partial"] is True
    assert opened["value_json"]["kwh"] == pytest.approx(2.5)  # 3 kW in the 50 minutes since 13:00


def test_what_is_not_computed_yet_is_computed_when_asked_for(ask: Ask, miner: Miner) -> None:
    tell(miner, NOW - 5 * HOUR, NOW)
    compute(NOW - 3 * HOUR)
    found = results(ask(**hourly(entity_type="miner")))
    assert len(found) == 6
    assert sum(row["value_json"]["kwh"] for row in found) == pytest.approx(15.0)


def test_days_are_the_last_n_times_24_hours(ask: Ask, miner: Miner) -> None:
    tell(miner, NOW - 50 * HOUR, NOW, every_s=3000)
    compute()
    found = results(ask(**hourly(days=2, entity_type="miner")))
    first = datetime.fromisoformat(found[0]["timestamp"])
    assert NOW - 48 * HOUR <= first < NOW - 47 * HOUR
    assert len(found) == 48
    assert found[-1]["source"] == "live"


def test_from_is_included_and_to_is_not(ask: Ask, miner: Miner) -> None:
    tell(miner, NOW - 6 * HOUR, NOW)
    compute()
    found = results(
        ask(**hourly(entity_type="miner", **{"from": "2025-06-11T10:00:00+01:00", "to": "2025-06-11T11:00Z"}))
    )
    assert [row["timestamp"][11:16] for row in found] == ["10:00", "11:00"]


def test_plus_sign_that_was_not_encoded_is_understood(ask: Ask, miner: Miner) -> None:
    tell(miner, NOW - 6 * HOUR, NOW)
    compute()
    query = hourly(entity_type="miner", to="2025-06-11T12:00:00+01:00")
    found = results(ask(**query, **{"from": "2025-06-11T10:00:00 01:00"}))
    assert [row["timestamp"][11:16] for row in found] == ["10:00", "11:00"]


@pytest.mark.parametrize(("day", "hours"), [("2025-03-30", 23), ("2025-03-31", 24), ("2024-10-27", 25)])
def test_bare_date_is_the_whole_local_day(ask: Ask, miner: Miner, day: str, hours: int) -> None:
    noon = datetime.fromisoformat(f"{day}T12:00Z")
    tell(miner, noon - 16 * HOUR, noon + 18 * HOUR)
    compute()
    one_day = {"entity_type": "miner", "from": day, "to": day}
    by_hour = results(ask(**hourly(**one_day)))
    assert len(by_hour) == hours
    assert all(row["timestamp"].startswith(day) for row in by_hour)
    by_slot = results(ask(type="energy_cost", period="slot", **one_day))
    assert len(by_slot) == 2 * hours
    (whole,) = results(ask(type="energy_cost", period="daily", **one_day))
    assert whole["value_json"]["kwh"] == pytest.approx(3.0 * hours)
    assert whole["timestamp"].startswith(f"{day}T00:00:00+0")


def test_hour_that_comes_twice_has_two_offsets(ask: Ask, miner: Miner) -> None:
    tell(miner, utc(2024, 10, 26, 22), utc(2024, 10, 27, 4))
    compute()
    query = hourly(entity_type="miner", **{"from": "2024-10-27", "to": "2024-10-27"})
    stamps = [row["timestamp"] for row in results(ask(**query))]
    assert stamps[1:3] == ["2024-10-27T01:00:00+01:00", "2024-10-27T01:00:00+00:00"]


@pytest.mark.parametrize(("period", "days"), [("slot", 1), ("hourly", 1), ("daily", 30), ("weekly", 91)])
def test_range_when_none_is_given(ask: Ask, miner: Miner, period: str, days: int) -> None:
    for back in (days + 8, days - 0.5, 0.25):
        tell(miner, NOW - timedelta(days=back), NOW - timedelta(days=back) + HOUR / 2)
    compute()
    found = results(ask(type="energy_cost", period=period, entity_type="system"))
    stamps = [datetime.fromisoformat(row["timestamp"]) for row in found]
    assert stamps
    assert all(NOW - timedelta(days=days) <= stamp <= NOW for stamp in stamps)
    spelled = {"from": (NOW - timedelta(days=days)).isoformat(), "to": NOW.isoformat()}
    assert found == results(ask(type="energy_cost", period=period, entity_type="system", **spelled))


def test_only_an_end_goes_back_from_there(ask: Ask, miner: Miner) -> None:
    tell(miner, utc(2025, 6, 8, 6), utc(2025, 6, 9, 6))
    compute()
    found = results(ask(**hourly(entity_type="miner", to="2025-06-08")))
    assert found[0]["timestamp"] == "2025-06-08T07:00:00+01:00"
    assert found[-1]["timestamp"] == "2025-06-08T23:00:00+01:00"


def test_future_holds_no_figures(ask: Ask, miner: Miner) -> None:
    tell(miner, NOW - 3 * HOUR, NOW)
    compute()
    assert results(ask(**hourly(**{"from": "2025-07-01"}))) == []
    assert results(ask(**hourly(**{"from": "2025-07-01", "to": "2025-07-02"}))) == []


def test_nothing_is_told_of_a_fleet_that_says_nothing(ask: Ask) -> None:
    answer = ask(**hourly())
    assert answer.json() == {"results": [], "next": None}


def test_times_are_those_of_the_installations_zone(ask: Ask, miner: Miner) -> None:
    Installation.objects.update_or_create(pk=1, defaults={"time_zone": "Asia/Kolkata", "currency": "GBP"})
    tell(miner, utc(2025, 6, 10, 12), utc(2025, 6, 11, 12))
    compute()
    found = results(ask(**hourly(entity_type="miner", **{"from": "2025-06-11", "to": "2025-06-11"})))
    assert found[0]["timestamp"] == "2025-06-11T00:00:00+05:30"
