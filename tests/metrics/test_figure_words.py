"""Figures in words, with the units of their keys."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.figure_words import in_words, title_of, unit_of
from metrics.types import metric_types


@pytest.mark.parametrize(
    ("metric_type", "key", "value", "title", "words"),
    [
        ("energy_cost", "kwh", 1.5484, "Energy", "1.55 kWh"),
        ("energy_cost", "total_kwh", 12345.0, "Energy", "12.3 MWh"),
        ("energy_cost", "cost_gbp", 0.00179, "Cost", "0.179 p"),
        ("energy_cost", "cost_gbp", -0.00179, "Cost", "−0.179 p"),
        ("energy_cost", "total_cost_gbp", 1227.607, "Cost", "£1,227.61"),
        ("energy_cost", "cost_gbp", 0, "Cost", "£0.00"),
        ("energy_cost", "avg_price_pence", 16.5, "Average price", "16.5 p"),
        ("energy_cost", "avg_cost_per_miner", 0.5, "Cost per miner", "£0.50"),
        ("earnings", "btc", 0.00001234, "Expected bitcoins", "0.00001234 BTC"),
        ("earnings", "profit_gbp", None, "Profit", "–"),
        ("earnings", "basis", "expectation", "Basis", "expectation"),
        ("hashrate", "avg", 1210.0, "Hashrate", "1.21 TH/s"),
        ("hashrate", "p95", 1210.0, "95 % of hashrate is below", "1.21 TH/s"),
        ("temperature", "max", 61.25, "Highest temperature", "61.2 °C"),
        ("efficiency", "j_per_th", 15.04, "Efficiency", "15.0 J/TH"),
        ("uptime", "uptime", 99.12, "Uptime", "99.1 %"),
        ("uptime", "hashing_s", 5400, "Time hashing", "1.5 h"),
        ("reject_rate", "accepted", 12345, "Accepted shares", "12,345"),
        ("energy_cost", "coverage", 0.999, "Measured", "99 %"),
        ("noise", "loudness_db", 3.14, "Loudness db", "3.1"),
    ],
)
def test_a_figure_has_its_name_and_unit(
    metric_type: str, key: str, value: object, title: str, words: str
) -> None:
    assert title_of(metric_type, key, "GBP") == title
    assert in_words(metric_type, key, value, "GBP") == words


def test_keys_follow_the_currency() -> None:
    assert in_words("energy_cost", "cost_eur", 2.0, "EUR") == "€2.00"
    assert in_words("energy_cost", "avg_price_cent", 20.0, "EUR") == "20.0 ct"
    assert title_of("energy_cost", "avg_price_cent", "EUR") == "Average price"


@given(
    st.sampled_from(metric_types.names()),
    st.none()
    | st.floats(allow_nan=False, allow_infinity=False, min_value=-1e12, max_value=1e12)
    | st.integers(-9, 9),
    st.sampled_from(["GBP", "EUR", "USD"]),
)
def test_every_key_has_words_for_every_figure(name: str, value: float | None, currency: str) -> None:
    for entity_type in metric_types[name].entities:
        for key in metric_types[name].formulas(entity_type, currency):
            words = in_words(name, key, value, currency)
            assert words
            assert (words == "–") == (value is None)
            assert unit_of(name, key, currency).factor > 0
