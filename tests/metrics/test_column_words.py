"""Figures below each other: one unit, as many decimals."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.column_words import money_beside, money_unit, words_of_column
from metrics.types.base import MINOR

AMOUNTS = st.lists(st.none() | st.floats(-1e5, 1e5, allow_subnormal=True), min_size=1, max_size=6)


@pytest.mark.parametrize(
    ("metric_type", "key", "values", "said"),
    [
        ("energy_cost", "cost_gbp", [12.5, -0.004, None], ["£12.50", "£0.00", "–"]),
        ("energy_cost", "cost_gbp", [0.0744, -0.0018], ["7.44 p", "−0.18 p"]),
        ("earnings", "profit_gbp", [-0.61, 0.0744], ["−£0.610", "£0.074"]),
        ("energy_cost", "kwh", [1171.13, 8.67], ["1,171.13 kWh", "8.67 kWh"]),
        ("energy_cost", "kwh", [11_710.0, 86.7], ["11.71 MWh", "0.09 MWh"]),
        ("hashrate", "avg", [90_000.0, 640.0, None], ["90.00 TH/s", "0.64 TH/s", "–"]),
        ("hashrate", "avg", [0.0], ["0 GH/s"]),
        ("uptime", "uptime", [99.1, 3.0], ["99.1 %", "3.0 %"]),
        ("energy_cost", "kwh", [], []),
    ],
)
def test_a_column_is_said_in_the_unit_that_suits_its_greatest_figure(
    metric_type: str, key: str, values: list[float | None], said: list[str]
) -> None:
    say = words_of_column(metric_type, key, "GBP", values)
    assert [say(value) for value in values] == said


@pytest.mark.parametrize(
    ("amounts", "said"),
    [
        ([1.17, 0.5572, -0.6142], ["£1.17", "£0.56", "−£0.61"]),
        ([-0.567, -0.0904], ["−£0.57", "−£0.09"]),
        ([0.0744, 0.0018], ["7.44 p", "0.18 p"]),
        ([None, 0.0018], ["–", "0.18 p"]),
        ([], []),
    ],
)
def test_amounts_beside_each_other_are_in_one_unit(amounts: list[float | None], said: list[str]) -> None:
    assert list(map(money_beside(amounts, "GBP"), amounts)) == said


@given(amounts=AMOUNTS, currency=st.sampled_from(sorted(MINOR)))
def test_amounts_of_a_column_differ_in_digits_alone(amounts: list[float | None], currency: str) -> None:
    unit = money_unit(amounts, currency)
    known = [amount for amount in amounts if amount is not None]
    shapes = {re.sub(r"[−\d,]", "", unit.words(amount)) for amount in known}
    assert len(shapes) <= 1
    assert len({len(unit.number(amount).partition(".")[2]) for amount in known}) <= 1


def test_a_ledger_is_in_hundredths_below_a_whole() -> None:
    unit = money_unit([0.61, -0.0000074], "EUR", 4, whole_from=1)
    assert (unit.text, unit.number(0.61), unit.number(-0.0000074)) == ("ct", "61.0000", "−0.0007")
    assert money_unit([1.0], "EUR", 4, whole_from=1).number(0.61) == "0.6100"
