"""Averages and percentiles over a range."""

import re

import pytest

from metrics.engine.run import run
from metrics.query import Kind, Refused, UnknownWord, aggregate, average, metrics_in_range, percentile
from tests.metrics.query_merged.conftest import BEGIN, ask
from tests.metrics.reference import Row
from tests.metrics.reference import percentile as exact_percentile
from tests.metrics.store_helpers import NOW, at, epoch, moment, store_rows

pytestmark = pytest.mark.django_db


def test_a_mean_is_weighted_and_not_an_average_of_averages(farm):
    """One hour at 100 GH/s all along, one with a minute at 700."""
    _, _, (miner, _) = farm
    t = epoch("2025-03-28T10:00")
    store_rows([Row(miner.pk, t, t + 3600, 10.0, 100.0), Row(miner.pk, t + 3600, t + 3660, 10.0, 700.0)])
    run(NOW)
    one = {"entity_type": "miner", "entity_id": miner.pk, "metric_type": "hashrate", "period": "hourly"}
    found = average(key="avg", **ask(**one, start=moment(t), end=moment(t + 7200)))
    assert found.kind is Kind.MEAN
    assert found.value == pytest.approx((100 * 3600 + 700 * 60) / 3660, rel=1e-12)
    assert found.coverage == pytest.approx(3660 / 7200)


def test_the_average_of_a_total_is_per_period(week):
    whole_range = aggregate(**ask())[0].value_json["total_kwh"]
    found = average(key="total_kwh", **ask())
    assert (found.kind, found.value) == (Kind.TOTAL, pytest.approx(whole_range / 6))
    hours = average(key="total_kwh", **ask(period="hourly", end=at("2025-04-02T23:00")))
    assert hours.value == pytest.approx(whole_range / (6 * 24 - 1))


def test_the_open_period_counts_with_what_has_passed_of_it(farm):
    _, _, (miner, _) = farm
    now = at("2025-04-02T11:00")
    store_rows([Row(miner.pk, t, t + 600, 1000.0) for t in range(epoch("2025-03-31T23:00"), epoch("2025-04-02T11:00"), 600)], now=now)  # fmt: skip
    run(at("2025-04-02T09:10"))
    found = average(key="total_kwh", **ask(start=at("2025-03-31T23:00"), end=now, now=now))
    assert found.value == pytest.approx(24.0)


def test_the_average_of_a_greatest_is_over_the_periods(week):
    _, (miner, _), _, _ = week
    one = ask(metric_type="temperature", entity_type="miner", entity_id=miner.pk)
    days = [r.value_json["max"] for r in metrics_in_range(**one)]
    found = average(key="max", **one)
    assert (found.kind, found.value) == (Kind.EXTREME, pytest.approx(sum(days) / len(days)))


@pytest.mark.parametrize("percent", [50, 95, 99])
def test_a_percentile_is_of_all_the_seconds_of_the_range(week, percent):
    _, (miner, _), rows, _ = week
    begin, end = epoch(BEGIN) + 3600, epoch(BEGIN) + 61 * 3600
    cells = [(r.temperature_c, 900) for r in rows if begin <= r.start_s < end and r.miner == miner.pk]
    found = percentile(
        percent=percent,
        **ask(
            metric_type="temperature",
            entity_type="miner",
            entity_id=miner.pk,
            period="hourly",
            start=moment(begin),
            end=moment(end),
        ),
    )
    assert found.value == pytest.approx(exact_percentile(cells, percent), rel=0.01)
    assert (found.start, found.end, found.coverage) == (moment(begin), moment(end), 1.0)


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"percent": 90}, "percent.*there are: 50, 95, 99"),
        ({"metric_type": "uptime"}, "type.*hashrate, temp"),
    ],
)
def test_a_percentile_that_nobody_keeps_is_refused(wrong, complaint):
    with pytest.raises(UnknownWord) as refused:
        percentile(**({"percent": 95} | ask(metric_type="temperature") | wrong))
    assert re.search(complaint, f"{refused.value.field}: {refused.value}")


@pytest.mark.parametrize("key", ["watts", "unit", "kwh"])
def test_unknown_keys_and_words_are_refused_naming_the_known_ones(week, key):
    with pytest.raises(UnknownWord, match=r"there are: records, coverage, (total_kwh|avg), ") as refused:
        average(key=key, **ask(metric_type="hashrate" if key == "unit" else "energy_cost"))
    assert refused.value.field == "key"


def test_an_average_is_of_one_entity(week):
    with pytest.raises(Refused) as refused:
        average(key="kwh", **ask(entity_type="miner"))
    assert refused.value.field == "entity_id"
    with pytest.raises(Refused):
        average(key="total_kwh", **ask(entity_id=1))
