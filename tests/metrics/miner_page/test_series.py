"""The lines of a miner's charts."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.miner_page.series import (
    QUANTITIES,
    SPANS,
    Line,
    average_power_w,
    chart_json,
    line_of_figures,
    line_of_readings,
)
from metrics.query import MetricRow
from miners.models import Telemetry

LONDON = ZoneInfo("Europe/London")
NOW = datetime(2026, 6, 1, 12, 10, tzinfo=UTC)


def figure(start: datetime, **value: object) -> MetricRow:
    return MetricRow("hashrate", "miner", 1, "slot", start, {"avg": 1200.0, **value}, NOW, "store")


def reading(at: datetime, covered_s: int = 30, **values: float) -> Telemetry:
    return Telemetry(miner_id=1, timestamp=at, covered_s=covered_s, **values)


def test_a_slot_without_a_figure_is_a_gap() -> None:
    starts = [NOW.replace(hour=11, minute=0), NOW.replace(hour=12, minute=0)]
    line = line_of_figures(QUANTITIES["hashrate"], SPANS["24h"], [figure(s) for s in starts], NOW, LONDON)
    assert len(line.moments) == 49  # the slot in which 24 hours ago lies, up to the open one
    assert dict(zip(line.moments, line.values, strict=True))[starts[0]] == 1200
    assert line.values.count(None) == 47


def test_slots_of_a_quarter_of_an_hour_are_told_by_their_starts() -> None:
    rows = [figure(NOW.replace(minute=0) - timedelta(minutes=15))]
    line = line_of_figures(QUANTITIES["hashrate"], SPANS["24h"], rows, NOW, LONDON)
    assert {later - sooner for sooner, later in zip(line.moments, line.moments[1:], strict=False)} == {
        timedelta(minutes=15)
    }


@pytest.mark.parametrize(
    ("value", "elapsed_s", "watts"),
    [
        ({"kwh": 0.5, "coverage": 1.0}, 1800, 1000.0),
        ({"kwh": 0.25, "coverage": 0.5}, 1800, 1000.0),
        ({"kwh": 0.0, "coverage": 1.0}, 1800, 0.0),
        ({"kwh": None, "coverage": 0.0}, 1800, None),
        ({"kwh": 0.0, "coverage": 0.0}, 0, None),
    ],
)
def test_power_is_that_of_the_measured_part(value: dict, elapsed_s: int, watts: float | None) -> None:
    assert average_power_w(value, elapsed_s) == watts


@given(
    st.floats(min_value=0, max_value=1e6),
    st.integers(min_value=1, max_value=1800),
    st.sampled_from([1800, 3600]),
)
def test_power_times_time_is_the_energy(power_w: float, covered_s: int, elapsed_s: int) -> None:
    value = {"kwh": power_w * covered_s / 3_600_000, "coverage": covered_s / elapsed_s}
    assert average_power_w(value, elapsed_s) == pytest.approx(power_w, rel=1e-9, abs=1e-9)


def test_the_open_slot_counts_what_has_passed_of_it() -> None:
    row = figure(NOW.replace(minute=0), kwh=0.2, coverage=1.0)
    line = line_of_figures(QUANTITIES["power"], SPANS["24h"], [row], NOW, LONDON)
    assert line.values[-1] == pytest.approx(1200)  # 0.2 kWh in ten minutes


def test_where_readings_do_not_adjoin_there_is_a_gap_up_to_the_later_one() -> None:
    moments = [NOW, NOW + timedelta(seconds=30), NOW + timedelta(seconds=300)]
    line = line_of_readings(QUANTITIES["power"], [reading(at, power_w=18.0) for at in moments])
    assert line.values == [18.0, 18.0, None, 18.0]
    assert line.moments[2] == NOW + timedelta(seconds=270)


def test_a_chart_has_its_hashrates_in_the_unit_that_suits_the_greatest() -> None:
    line = Line([NOW, NOW + timedelta(minutes=30)], [900.0, 1250.0])
    chart = chart_json(QUANTITIES["hashrate"], line, [(NOW, "online")], LONDON, (NOW, NOW))
    (series,) = chart["series"]
    assert (series["unit"], series["values"]) == ("TH/s", [0.9, 1.25])
    assert chart["t"] == [int(NOW.timestamp()), int(NOW.timestamp()) + 1800]
    assert chart["marks"] == [{"t": int(NOW.timestamp()), "label": "online"}]


def test_a_chart_of_nothing_is_empty_and_not_a_row_of_gaps() -> None:
    chart = chart_json(QUANTITIES["temperature"], Line([NOW], [None]), [], LONDON, (NOW, NOW))
    assert (chart["t"], chart["series"][0]["values"]) == ([], [])
