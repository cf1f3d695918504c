"""Is it fine? The sentence and the figures."""

from collections.abc import Callable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from metrics.dashboard.fleet import FleetSummary, fleet_words, summarise
from metrics.explain.figure import FigureRef
from metrics.explain.reading import ReadingRef
from metrics.query.conditions import Condition, MinerNow, condition_of
from metrics.query.fleet import fleet_of, main_site, totals
from metrics.query.today import EnergyToday, energy_of

Make = Callable[..., MinerNow]


def words(miners: list[MinerNow], now: datetime) -> str:
    return fleet_words(fleet_of(miners, now), now)


def summary(miners: list[MinerNow], now: datetime, today: EnergyToday | None = None) -> FleetSummary:
    return summarise(
        fleet_of(miners, now), None, today, now=now, zone=ZoneInfo("Europe/London"), currency="GBP"
    )


def cost(today: EnergyToday, miner: Make, now: datetime) -> str:
    figure = summary([miner()], now, today).figures[-1]
    return f"{figure.text}: {' · '.join(figure.notes)}"


@pytest.mark.parametrize(
    ("differences", "condition"),
    [
        ({}, Condition.HASHING),
        ({"hashrate_ghs": 0.0, "state": "offline"}, Condition.NOT_HASHING),
        ({"hashrate_ghs": None}, Condition.NOT_HASHING),
        ({"state": "unreachable"}, Condition.UNREACHABLE),
        ({"state": "maintenance"}, Condition.MAINTENANCE),
        ({"state": "new", "reading_at": None}, Condition.NEW),
        ({"is_polled": False, "reading_at": None}, Condition.UNPOLLED),
        ({"is_polled": False}, Condition.HASHING),
    ],
)
def test_conditions(differences: dict[str, object], condition: Condition, miner: Make, now: datetime) -> None:
    assert condition_of(miner(**differences), now) is condition


@pytest.mark.parametrize(
    ("poll_interval_s", "seconds_old", "condition"),
    [(30, 90, "hashing"), (30, 91, "no readings"), (300, 750, "hashing"), (300, 751, "no readings")],
)
def test_a_miner_whose_reading_is_old_is_not_called_hashing(
    poll_interval_s: int, seconds_old: int, condition: str, miner: Make, now: datetime
) -> None:
    old = miner(poll_interval_s=poll_interval_s, reading_at=now - timedelta(seconds=seconds_old))
    assert condition_of(old, now) == condition


def test_the_sentence_counts_and_names_what_is_wrong_and_since_when(miner: Make, now: datetime) -> None:
    dark = miner(3, state="unreachable", state_since=now - timedelta(minutes=8))
    assert words([miner(1), miner(2), dark], now) == "2 of 3 hashing, 1 unreachable for 8 min"


def test_several_of_a_kind_say_how_long_the_longest_is(miner: Make, now: datetime) -> None:
    dark = [miner(n, state="unreachable", state_since=now - timedelta(minutes=n)) for n in (5, 40)]
    assert words(dark, now) == "0 of 2 hashing, 2 unreachable for up to 40 min"


def test_all_is_fine(miner: Make, now: datetime) -> None:
    assert words([miner(1), miner(2)], now) == "all 2 hashing"
    assert summary([miner(1), miner(2)], now).tone == "good"


def test_maintenance_and_miners_not_polled_are_no_trouble(miner: Make, now: datetime) -> None:
    miners = [miner(1), miner(2, state="maintenance"), miner(3, is_polled=False, reading_at=None)]
    assert words(miners, now) == "1 of 2 hashing, 1 in maintenance, 1 not polled"
    assert summary(miners, now).tone == "good"


def test_nothing_hashing_is_bad_and_something_hashing_a_warning(miner: Make, now: datetime) -> None:
    dark = miner(2, state="unreachable")
    assert summary([dark], now).tone == "bad"
    assert summary([dark, miner(1)], now).tone == "warn"


def test_what_is_not_known_is_left_out_of_the_sums_and_not_counted_as_zero(
    miner: Make, now: datetime
) -> None:
    found = totals([miner(1), miner(2, state="unreachable"), miner(3, power_w=None)], now)
    assert (found.hashrate_ghs, found.hashrate_miners) == (2_400.0, 2)
    assert (found.power_w, found.power_miners) == (18.0, 1)
    assert found.efficiency_j_per_th == pytest.approx(15.0)


def test_a_fleet_nobody_has_heard_of_has_no_figures(miner: Make, now: datetime) -> None:
    found = totals([miner(1, reading_at=None)], now)
    assert (found.hashrate_ghs, found.power_w, found.efficiency_j_per_th) == (None, None, None)


def test_the_cost_says_its_energy_its_average_price_and_what_is_missing(miner: Make, now: datetime) -> None:
    today = EnergyToday(cost=1.92, kwh=9.81, priced_kwh=9.81, average_price=19.57, coverage=0.981)
    assert cost(today, miner, now) == "£1.92: 9.81 kWh · average 19.6 p · 98 % measured"


def test_which_figures_of_the_store_the_cost_is_goes_by_the_currency(miner: Make, now: datetime) -> None:
    fleet, zone = fleet_of([miner()], now), ZoneInfo("Europe/Berlin")
    told = summarise(fleet, None, None, now=now, zone=zone, currency="EUR").figures[-1].ref
    assert isinstance(told, FigureRef)
    assert told.key == "total_cost_eur"
    local = told.start.astimezone(zone)
    assert (local.date(), local.hour, local.minute) == (now.astimezone(zone).date(), 0, 0)


def test_what_is_of_now_is_explained_by_the_readings_and_the_price(miner: Make, now: datetime) -> None:
    hashrate, power, efficiency, price_now, _ = summary([miner()], now).figures
    assert [f.ref for f in (hashrate, power, efficiency)] == [
        ReadingRef(quantity) for quantity in ("hashrate", "power", "efficiency")
    ]
    assert price_now.ref is None  # no tariff


def test_a_complete_day_has_no_note_on_coverage(miner: Make, now: datetime) -> None:
    today = EnergyToday(cost=-0.12, kwh=9.81, priced_kwh=9.81, average_price=-1.2, coverage=0.999)
    assert cost(today, miner, now) == "−£0.12: 9.81 kWh · average −1.2 p"


def test_energy_without_a_price_is_said(miner: Make, now: datetime) -> None:
    today = EnergyToday(cost=None, kwh=2.0, priced_kwh=0.0, average_price=None, coverage=1.0)
    assert cost(today, miner, now) == "–: 2.00 kWh · average – · 2.00 kWh without a price"


def test_the_store_is_read_in_the_installations_currency() -> None:
    value = {
        "total_cost_eur": 1.0,
        "total_kwh": 4.0,
        "priced_kwh": 4.0,
        "avg_price_cent": 25.0,
        "coverage": 1.0,
    }
    assert energy_of(value, "EUR") == EnergyToday(1.0, 4.0, 4.0, 25.0, 1.0)


def test_the_main_site_has_the_most_miners(miner: Make) -> None:
    assert main_site([miner(1, site_id=2), miner(2, site_id=7), miner(3, site_id=7)]) == 7
    assert main_site([miner(1, site_id=2), miner(2, site_id=1)]) == 1
    assert main_site([]) is None
