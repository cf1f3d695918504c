"""Cost and earnings of a miner, period by period."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from metrics.miner_page.money import first_start, money_lines
from metrics.query import MetricRow

LONDON = ZoneInfo("Europe/London")
NOW = datetime(2026, 6, 3, 12, 10, tzinfo=UTC)  # a Wednesday, 13:10 in London


def rows(start: datetime, *, partial: bool = False, coverage: float = 1.0, **earned: Any) -> list[MetricRow]:
    cost: dict[str, Any] = {"kwh": 1.2, "cost_gbp": 0.24, "avg_price_pence": 20.0, "coverage": coverage}
    values = {"energy_cost": cost | ({"partial": True} if partial else {}), "earnings": earned}
    return [
        MetricRow(name, "miner", 1, "daily", start, value, NOW, "store") for name, value in values.items()
    ]


@pytest.mark.parametrize(
    ("period", "start"),
    [
        ("daily", datetime(2026, 5, 28, tzinfo=LONDON)),
        ("weekly", datetime(2026, 4, 27, tzinfo=LONDON)),
        ("monthly", datetime(2025, 7, 1, tzinfo=LONDON)),
    ],
)
def test_the_first_period_begins_at_local_midnight(period: str, start: datetime) -> None:
    assert first_start(period, NOW, LONDON) == start


def test_the_latest_comes_first_and_the_open_one_says_so() -> None:
    days = [datetime(2026, 6, day, tzinfo=LONDON) for day in (2, 3)]
    found = money_lines([*rows(days[0]), *rows(days[1], partial=True)], LONDON, "GBP")
    assert [line.when for line in found] == ["Today, so far", "Tue 2 Jun"]


def test_a_line_says_cost_earnings_and_what_is_left() -> None:
    (line,) = money_lines(
        rows(
            datetime(2026, 6, 2, tzinfo=LONDON),
            btc=1.234e-5,
            revenue_gbp=0.9,
            profit_gbp=0.66,
            break_even_pence=75.0,
        ),
        LONDON,
        "GBP",
    )
    assert (line.energy, line.cost, line.average_price) == ("1.20 kWh", "£0.240", "20.0 p")
    assert (line.coins, line.revenue, line.profit, line.profit_tone) == (
        "1,234 sat",
        "£0.900",
        "£0.660",
        "good",
    )
    assert (line.break_even, line.note) == ("75.0 p", "")


def test_what_is_not_known_is_a_dash_and_what_was_not_measured_is_said() -> None:
    (line,) = money_lines(rows(datetime(2026, 6, 2, tzinfo=LONDON), coverage=0.5), LONDON, "GBP")
    assert (line.revenue, line.profit, line.profit_tone, line.coins) == ("–", "–", "muted", "")
    assert line.note == "50 % measured"
