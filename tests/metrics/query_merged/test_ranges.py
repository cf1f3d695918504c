"""Ranges merged from the store: whole longer periods, edges, open ends, pages, moves."""

from datetime import date

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from energy.models import StandingCharge
from metrics.engine.run import run
from metrics.query import Refused, aggregate, average, get_metric, metrics_in_range
from miners.membership import move_miner
from tests.factories import MinerFactory, SiteFactory
from tests.metrics.query_merged.conftest import BEGIN, HOUR, ask, epoch_of, expected_of
from tests.metrics.reference import Row
from tests.metrics.store_helpers import NOW, assert_same, at, epoch, store_rows

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("kind", ["miner", "site", "system"])
@pytest.mark.parametrize(("fine", "into"), [("slot", "hourly"), ("hourly", "daily"), ("daily", "weekly")])
def test_whole_longer_periods_are_those_of_the_store(week, kind, fine, into):
    """Monday, 24 March to Sunday, 6 April: two weeks, with the day of 23 hours."""
    span = {"start": at("2025-03-24T00:00"), "end": at("2025-04-06T23:00"), "entity_type": kind}
    for name in ("energy_cost", "hashrate", "temperature"):
        stored = metrics_in_range(**ask(metric_type=name, period=into, **span))
        merged = aggregate(**ask(metric_type=name, period=fine, into=into, **span))
        assert len(stored) == len(merged) > 0
        for row, figure in zip(stored, merged, strict=True):
            assert (row.timestamp, row.entity_id) == (figure.start, figure.entity_id)
            assert_same(figure.value_json, row.value_json, (name, kind, into))


def test_longer_periods_at_the_edges_hold_what_lies_in_the_range(week):
    _, _, rows, prices = week
    found = aggregate(**ask(into="weekly"))
    assert [(f.start, f.end) for f in found] == [
        (at("2025-03-28T00:00"), at("2025-03-30T23:00")),
        (at("2025-03-30T23:00"), at("2025-04-02T23:00")),
    ]
    for figure in found:
        expected = expected_of(rows, prices, "system", None, epoch_of(figure.start), epoch_of(figure.end))
        assert_same(figure.value_json, expected["energy_cost"], figure.start)


def test_the_open_end_is_partial_and_right_now(farm):
    _, _, (miner, _) = farm
    now = at("2025-04-02T10:20")
    rows = [Row(miner.pk, t, t + 600, 1000.0, 10.0) for t in range(epoch("2025-03-31T00:00"), epoch("2025-04-02T10:20"), 600)]  # fmt: skip
    store_rows(rows, now=now)
    run(at("2025-04-02T09:10"))
    for period in ("slot", "hourly", "daily"):
        (figure,) = aggregate(
            **ask(start=at("2025-03-30T23:00"), end=at("2025-04-05T00:00"), now=now, period=period)
        )
        assert figure.value_json["partial"] is True
        assert figure.end == now
        assert figure.value_json["total_kwh"] == pytest.approx((48 + 10 + 20 / 60), rel=1e-9)


def test_pages_of_figures_are_the_whole(week):
    query = ask(entity_type="miner", period="hourly", into="daily")
    whole_answer = aggregate(**query)
    assert len(whole_answer) == 12
    for size in (1, 5, 12):
        walked, after = [], None
        while page := aggregate(**query, limit=size, after=after):
            walked += page
            after = page[-1].position
        assert walked == whole_answer


def test_a_miner_that_moved_counts_at_each_site_for_its_own_days(week):
    _, (miner, _), rows, _ = week
    other = SiteFactory()
    move_miner(miner, other, date(2025, 3, 31), today=NOW.date())
    run(NOW)
    call = ask(metric_type="hashrate", entity_type="site")
    found = {f.entity_id: f.value_json["records"] for f in aggregate(**call)}
    moved = epoch("2025-03-30T23:00")
    expected_there = sum(moved <= r.start_s < epoch("2025-04-02T23:00") for r in rows if r.miner == miner.pk)
    assert found[other.pk] == expected_there
    assert sum(found.values()) == sum(r.start_s < epoch("2025-04-02T23:00") for r in rows)
    (one,) = aggregate(**call, entity_id=other.pk)
    assert one.value_json["records"] == expected_there


def test_the_standing_charge_of_a_range_is_that_of_its_days(week):
    site, _, _, _ = week
    tariff = site.tariffs.get().tariff
    StandingCharge.objects.create(tariff=tariff, start=at("2025-01-01T00:00"), pence_per_day=48)
    for kind, pk in (("site", site.pk), ("system", None)):
        (figure,) = aggregate(**ask(entity_type=kind, entity_id=pk))
        assert figure.value_json["standing_charge_gbp"] == pytest.approx(6 * 0.48)
        days = aggregate(**ask(entity_type=kind, entity_id=pk, period="hourly", into="daily"))
        assert [d.value_json["standing_charge_gbp"] for d in days] == [pytest.approx(0.48)] * 6


def test_ranges_without_data_have_no_figure(week):
    assert aggregate(**ask(start=at("2024-01-01T00:00"), end=at("2024-02-01T00:00"))) == []
    assert aggregate(**ask(start=NOW, end=NOW + HOUR)) == []
    assert (
        aggregate(**ask(start=at("2025-03-28T01:00"), end=at("2025-03-28T23:00"))) == []
    )  # no day begins in it
    assert average(key="total_kwh", **ask(start=at("2024-01-01T00:00"), end=at("2024-02-01T00:00"))) is None


@pytest.mark.parametrize(("period", "into"), [("weekly", "monthly"), ("daily", "hourly"), ("daily", "daily"), ("hourly", "yearly")])  # fmt: skip
def test_only_longer_periods_can_be_made(week, period, into):
    with pytest.raises(Refused) as refused:
        aggregate(**ask(period=period, into=into))
    assert refused.value.field == "into"


def test_merging_costs_the_same_queries_for_any_number_of_miners(week):
    site, _, _, _ = week

    def queries():
        with CaptureQueriesContext(connection) as caught:
            assert aggregate(**ask(entity_type="miner"))
        return len(caught)

    alone = queries()
    more = [MinerFactory(site=site) for _ in range(10)]
    store_rows([Row(m.pk, epoch(BEGIN), epoch(BEGIN) + 3600, 10.0) for m in more])
    run(NOW)
    assert queries() == alone <= 2


def test_get_metric_and_aggregate_agree_on_a_day(week):
    day = {"metric_type": "hashrate", "entity_type": "system", "period": "daily"}
    stored = get_metric(**day, timestamp=at("2025-03-30T00:00"), now=NOW)
    (merged,) = aggregate(
        **ask(**day | {"period": "slot"}, start=at("2025-03-30T00:00"), end=at("2025-03-30T23:00"))
    )
    assert_same(merged.value_json, stored.value_json, "30 March")
