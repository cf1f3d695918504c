"""Today against yesterday by the same time."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.dashboard.yesterday import Change, against_yesterday, change
from metrics.query.merge import Figure
from metrics.query.same_time import SameTime, comparable

LONDON = ZoneInfo("Europe/London")


def london(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=LONDON)  # type: ignore[arg-type]


def test_both_days_are_counted_up_to_the_same_time() -> None:
    found = comparable(london(2026, 6, 3, 13, 40), LONDON, london(2026, 6, 3, 13, 0))
    assert found is not None
    yesterday, _, today = found
    assert (yesterday.start, yesterday.end) == (london(2026, 6, 2), london(2026, 6, 2, 13))
    assert (today.start, today.end) == (london(2026, 6, 3), london(2026, 6, 3, 13))


def test_in_the_first_hour_there_is_nothing_to_compare() -> None:
    assert comparable(london(2026, 6, 3, 0, 40), LONDON, london(2026, 6, 3, 0, 0)) is None


def test_on_the_day_of_a_clock_change_the_same_time_is_that_of_the_clock() -> None:
    found = comparable(london(2026, 3, 29, 12, 5), LONDON, london(2026, 3, 29, 12, 0))
    assert found is not None
    assert [found[0].length_s // 3600, found[2].length_s // 3600] == [12, 11]


@given(
    st.datetimes(datetime(2024, 1, 1), datetime(2027, 1, 1)),
    st.sampled_from(["Europe/London", "Asia/Kathmandu", "America/Sao_Paulo"]),
)
def test_the_stretches_adjoin_whenever_it_is(naive: datetime, zone_name: str) -> None:
    now, zone = naive.replace(tzinfo=UTC), ZoneInfo(zone_name)
    found = comparable(now, zone, now - timedelta(minutes=20))
    if found is not None:
        first, between, last = found
        assert first.start < first.end == between.start < between.end == last.start < last.end <= now


@pytest.mark.parametrize(
    ("today", "before", "better", "expected"),
    [
        (110.0, 100.0, 1, Change("▲ 10 %", "good")),
        (110.0, 100.0, -1, Change("▲ 10 %", "bad")),
        (90.0, 100.0, 0, Change("▼ 10 %", "muted")),
        (100.4, 100.0, 1, Change("as yesterday", "muted")),
        (-1.0, -2.5, 1, Change("▲ 1.50", "good")),
        (-1.0, 0.5, 1, Change("▼ 1.50", "bad")),
        (1.0, 0.0, -1, Change("▲ 1.00", "bad")),
        (-1.001, -1.0, 1, Change("as yesterday", "muted")),
        (None, 1.0, 1, None),
        (1.0, None, 1, None),
    ],
)
def test_a_change_is_said_with_its_direction(
    today: float | None, before: float | None, better: int, expected: Change | None
) -> None:
    assert change(today, before, better, lambda amount: f"{amount:.2f}") == expected


def day(start: datetime, **changes: Any) -> dict[str, Figure]:
    value: dict[str, dict[str, Any]] = {
        "hashrate": {"avg": 2400.0},
        "energy_cost": {"total_kwh": 2.0, "total_cost_gbp": 0.4},
        "efficiency": {"j_per_th": 15.0},
        "earnings": {"profit_gbp": None},
    }
    return {
        name: Figure(name, "system", None, start, start + timedelta(hours=2), told | changes.get(name, {}))
        for name, told in value.items()
    }


def test_figures_that_one_day_lacks_have_no_change() -> None:
    noon = london(2026, 6, 3, 2)
    found = against_yesterday(SameTime(noon, day(london(2026, 6, 3)), {}), LONDON, "GBP")
    assert found.until == "02:00"
    assert [line.change for line in found.figures] == [None] * 5
    assert [line.figure.text for line in found.figures] == ["2.40 TH/s", "1.00 kW", "15.0 J/TH", "£0.40", "–"]


def test_cheaper_is_good() -> None:
    before = day(london(2026, 6, 2), energy_cost={"total_cost_gbp": 0.5})
    found = against_yesterday(SameTime(london(2026, 6, 3, 2), day(london(2026, 6, 3)), before), LONDON, "GBP")
    cost = found.figures[3]
    assert cost.change == Change("▼ 20 %", "good")
    assert cost.figure.notes == ["yesterday £0.50"]
