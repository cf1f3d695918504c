"""Numbers as people read them."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from metrics.templatetags.hmm_format import (
    age,
    clock,
    decimal,
    energy,
    hashrate,
    magnitude,
    money,
    percent,
    power,
    price,
    sats,
)

LONDON = ZoneInfo("Europe/London")


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [
        (1.924, "GBP", "£1.92"),
        (-0.05, "GBP", "−5.00 p"),
        (0.0, "GBP", "£0.00"),
        (0.4, "GBP", "£0.40"),
        (0.0747, "EUR", "7.47 ct"),
        (0.0018, "GBP", "0.18 p"),
        (0.09996, "GBP", "10.00 p"),
        (0.4184, "GBP", "£0.42"),
        (0.9999, "GBP", "£1.00"),
        (0.009999, "GBP", "1.00 p"),
        (-0.00179, "GBP", "−0.179 p"),
        (2e-6, "USD", "0.0002 ¢"),
        (5e-324, "EUR", "≈€0"),
        (-9e-7, "GBP", "≈£0"),
        (1204.1, "EUR", "€1,204.10"),
        (None, "USD", "–"),
    ],
)
def test_money(amount: float | None, currency: str, shown: str) -> None:
    assert money(amount, currency) == shown


@pytest.mark.parametrize(
    ("hundredths", "currency", "shown"),
    [(18.42, "GBP", "18.4 p"), (-3.06, "GBP", "−3.1 p"), (0, "EUR", "0.0 ct"), (None, "GBP", "–")],
)
def test_price(hundredths: float | None, currency: str, shown: str) -> None:
    assert price(hundredths, currency) == shown


@pytest.mark.parametrize(
    ("kwh", "shown"),
    [(0.416, "0.42 kWh"), (12.34, "12.3 kWh"), (1234.4, "1,234 kWh"), (12340, "12.3 MWh"), (None, "–")],
)
def test_energy(kwh: float | None, shown: str) -> None:
    assert energy(kwh) == shown


@pytest.mark.parametrize(
    ("power_w", "shown"),
    [(0, "0.0 W"), (18.24, "18.2 W"), (840, "840 W"), (3621, "3.62 kW"), (1.2e6, "1.20 MW"), (None, "–")],
)
def test_power(power_w: float | None, shown: str) -> None:
    assert power(power_w) == shown


@pytest.mark.parametrize(
    ("span", "shown"),
    [
        (timedelta(seconds=-3), "0 s"),
        (timedelta(seconds=59), "59 s"),
        (timedelta(minutes=8, seconds=40), "8 min"),
        (timedelta(minutes=119), "119 min"),
        (timedelta(hours=3), "3 h"),
        (timedelta(days=400), "400 days"),
        (None, "–"),
    ],
)
def test_age(span: timedelta | None, shown: str) -> None:
    assert age(span) == shown


@pytest.mark.parametrize(
    ("share", "shown"), [(1.0, "100 %"), (0.9999, "99 %"), (0.834, "83 %"), (0.0, "0 %"), (None, "–")]
)
def test_percent_says_100_of_the_whole_only(share: float | None, shown: str) -> None:
    assert percent(share) == shown


def test_no_unit_is_shown_for_what_is_not_known() -> None:
    assert {hashrate(None), decimal(None), energy(None), power(None)} == {"–"}


def test_clock_is_local_and_names_the_day_when_it_is_another() -> None:
    now = datetime(2025, 7, 1, 12, tzinfo=UTC)
    assert clock(now + timedelta(hours=1), now, LONDON) == "14:00"
    assert clock(now + timedelta(hours=11), now, LONDON) == "00:00 tomorrow"
    assert clock(now + timedelta(hours=36), now, LONDON) == "Thu 01:00"


def test_satoshis() -> None:
    assert sats(None) == "–"
    assert sats(0.5) == "50,000,000 sat"


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (None, "–"),
        (0, "0"),
        (950, "950"),
        (999.6, "1.00 k"),
        (999_999, "1.00 M"),
        (6_100_000_000, "6.10 G"),
        (143_522_910_340_987, "144 T"),
    ],
)
def test_a_large_number_has_its_letter(number: float | None, shown: str) -> None:
    assert magnitude(number) == shown
