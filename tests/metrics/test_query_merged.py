"""Any range of whole periods merged from the store, beside the reference of that very range."""

import re
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from energy.models import StandingCharge
from hmm.lib.buckets import Bucket
from metrics.engine.grid import Grid, grid
from metrics.engine.run import run
from metrics.query import (
    Kind,
    Refused,
    UnknownWord,
    aggregate,
    average,
    get_metric,
    metrics_in_range,
    percentile,
)
from metrics.query.cover import LONGEST_FIRST, Segment, cover
from miners.membership import move_miner
from miners.models import MinerSite
from tests.factories import MinerFactory, SiteFactory, TariffFactory
from tests.metrics.reference import Price, Row, clipped, figures
from tests.metrics.reference import percentile as exact_percentile
from tests.metrics.store_helpers import (
    NOW,
    assert_same,
    at,
    epoch,
    moment,
    rolled_back,
    store_prices,
    store_rows,
    use_zone,
)

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
LONDON = ZoneInfo("Europe/London")
BEGIN = "2025-03-28T00:00"
"""Two days before London's clocks change, three before the month ends."""

HOURS = 24 * 6


@pytest.fixture
def farm():
    use_zone("Europe/London")
    tariff = TariffFactory()
    site = SiteFactory(tariff=tariff)
    return tariff, site, [MinerFactory(site=site), MinerFactory(site=site)]


readings = st.tuples(
    st.integers(0, 1),
    st.integers(0, HOURS * 60 - 90),
    st.integers(5, 5400),
    st.none() | st.floats(0, 5000, width=32),
    st.none() | st.just(0.0) | st.floats(1, 200_000, width=32),
    st.none() | st.floats(10, 110, width=32),
    st.none() | st.integers(0, 50),
)


def rows_of(miners, told):
    unique = {(which, minute): rest for which, minute, *rest in told}
    return [
        Row(
            miners[which].pk,
            epoch(BEGIN) + minute * 60 - covered,
            epoch(BEGIN) + minute * 60,
            power,
            speed,
            heat,
            found,
            0,
        )
        for (which, minute), (covered, power, speed, heat, found) in unique.items()
    ]


def hourly_prices():
    begin = epoch(BEGIN)
    return [
        Price(begin + h * 3600, begin + h * 3600 + 3600, h % 40 - 5.0) for h in range(0, HOURS, 1) if h % 7
    ]


def expected_of(rows, prices, kind, pk, start_s, end_s):
    own = [r for r in clipped(rows) if kind != "miner" or r.miner == pk]
    return figures(own, prices, start_s, end_s, kind) or {}


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(
    told=st.lists(readings, min_size=10, max_size=40),
    edges=st.tuples(st.integers(0, HOURS - 2), st.integers(1, HOURS)),
    period=st.sampled_from(["slot", "hourly", "daily"]),
    asked=st.integers(60, HOURS * 60),
)
def test_a_range_is_what_the_reference_says_of_it(farm, told, edges, period, asked):
    """Cut anywhere at an hour, over the clock change and a month's end, open or closed at its end."""
    tariff, site, miners = farm
    start, length = at(BEGIN) + edges[0] * HOUR, edges[1] * HOUR
    now = at(BEGIN) + timedelta(minutes=asked, seconds=20)
    rows = [r for r in rows_of(miners, told) if moment(r.end_s) <= now]
    prices = hourly_prices()
    with rolled_back():
        store_prices(tariff, prices)
        run(at(BEGIN))
        store_rows(rows, now=now)
        run(now - timedelta(minutes=50))
        low, high = whole(period, start, min(start + length, now), now)
        for kind, pk in (("miner", miners[0].pk), ("site", site.pk), ("system", None)):
            expected = expected_of(rows, prices, kind, pk, low, high)
            for name in ("energy_cost", "hashrate", "temperature", "uptime", "efficiency"):
                found = aggregate(
                    metric_type=name,
                    period=period,
                    start=start,
                    end=start + length,
                    entity_type=kind,
                    entity_id=pk,
                    now=now,
                )
                assert [f.entity_id for f in found] == ([pk] if expected else [])
                for figure in found:
                    partial = {"partial": True} if "partial" in figure.value_json else {}
                    assert_same(figure.value_json, expected[name] | partial, (name, kind, period))
                    assert (epoch_of(figure.start), epoch_of(figure.end)) == (low, high)


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(st.lists(st.sets(st.integers(0, 47), max_size=12), min_size=3, max_size=3))
def test_a_miner_is_counted_in_each_stretch_that_it_did_something_in(farm, at_work):
    """Also where the fullest hour or day lacks it, and where it has moved to another site since."""
    tariff, _, miners = farm
    begin = epoch("2025-03-26T00:00")
    with rolled_back():
        moved = MinerFactory(site=SiteFactory(tariff=tariff))
        pairs = zip([*miners, moved], at_work, strict=True)
        worked = {miner.pk: hours for miner, hours in pairs}
        store_rows(
            [
                Row(pk, begin + n * 3600, begin + n * 3600 + 1800, 1000.0, 500.0, 50.0, 0, 0)
                for pk, hours in worked.items()
                for n in hours
            ]
        )
        MinerSite.objects.create(miner=moved, site=miners[0].site, start_date=date(2025, 3, 27))
        run(NOW)
        span = {"start": moment(begin), "end": moment(begin + 48 * 3600), "metric_type": "energy_cost"}
        for period, into, hours in (("hourly", None, 48), ("hourly", "daily", 24), ("daily", None, 48)):
            found = aggregate(**ask(period=period, into=into, **span))
            counted = {(epoch_of(f.start) - begin) // 3600: f.value_json["miner_count"] for f in found}
            present = {
                first: sum(any(first <= n < first + hours for n in own) for own in worked.values())
                for first in range(0, 48, hours)
            }
            assert counted == {first: count for first, count in present.items() if count}


def whole(period, start, end, now):
    """Return the first and last second of the buckets of `period` that begin in [start, end), up to `now`."""
    found = [b for b in grid(NOW).buckets(period, start, end) if b.start >= start]
    if not found:
        return 0, 0
    return epoch_of(found[0].start), min(epoch_of(found[-1].end), int(now.timestamp()))


def epoch_of(instant):
    return int(instant.timestamp())


@pytest.fixture
def week(farm):
    """Six days of a row a quarter of an hour, computed."""
    tariff, site, miners = farm
    prices = hourly_prices()
    store_prices(tariff, prices)
    rows = [
        Row(m.pk, epoch(BEGIN) + n * 900, epoch(BEGIN) + n * 900 + 900, 1000.0 + n + i, 500.0 + n % 9, 50.0 + n % 7, n % 5, n % 2)
        for i, m in enumerate(miners)
        for n in range(HOURS * 4)
    ]  # fmt: skip
    store_rows(rows)
    run(NOW)
    return site, miners, rows, prices


def ask(**change):
    return {
        "metric_type": "energy_cost",
        "period": "daily",
        "start": at("2025-03-28T00:00"),
        "end": at("2025-04-02T23:00"),
        "entity_type": "system",
        "now": NOW,
    } | change


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


def test_a_long_range_is_read_from_long_periods():
    cut = Grid(LONDON, ((at("2009-01-03T00:00"), 1800),))
    marks = {"slot": NOW, "hourly": NOW, "daily": at("2026-05-31T23:00"), "monthly": at("2026-05-31T23:00")}
    stretch = Bucket(at("2026-01-30T10:30"), NOW)
    assert cover([stretch], LONGEST_FIRST, marks, cut) == [
        Segment("slot", at("2026-01-30T10:30"), at("2026-01-30T11:00")),
        Segment("hourly", at("2026-01-30T11:00"), at("2026-01-31T00:00")),
        Segment("daily", at("2026-01-31T00:00"), at("2026-02-01T00:00")),
        Segment("monthly", at("2026-02-01T00:00"), at("2026-05-31T23:00")),
        Segment("hourly", at("2026-05-31T23:00"), NOW),
    ]


@given(
    start=st.integers(0, 48 * 70),
    length=st.integers(1, 48 * 70),
    lag=st.tuples(*(st.integers(0, 48 * 9) for _ in range(4))),
)
def test_a_cover_is_without_gap_or_overlap(start, length, lag):
    cut = Grid(LONDON, ((at("2009-01-03T00:00"), 1800),))
    low = at("2025-02-20T00:00") + start * HOUR / 2
    high = low + length * HOUR / 2
    ends = sorted((high - n * HOUR / 2 for n in lag), reverse=True)
    marks = {
        p: cut.last_boundary(p, end)
        for p, end in zip(("slot", "hourly", "daily", "monthly"), ends, strict=True)
    }
    found = cover([Bucket(low, high)], LONGEST_FIRST, marks, cut)
    edges = [low, *(s.end for s in found)]
    assert [s.start for s in found] == edges[:-1]
    assert edges[-1] == max(low, min(high, max(marks.values())))
    for segment in found:
        assert segment.end <= marks[segment.period]
        assert cut.bucket_at(segment.period, segment.start).start == segment.start
        assert cut.last_boundary(segment.period, segment.end) == segment.end


def test_get_metric_and_aggregate_agree_on_a_day(week):
    day = {"metric_type": "hashrate", "entity_type": "system", "period": "daily"}
    stored = get_metric(**day, timestamp=at("2025-03-30T00:00"), now=NOW)
    (merged,) = aggregate(
        **ask(**day | {"period": "slot"}, start=at("2025-03-30T00:00"), end=at("2025-03-30T23:00"))
    )
    assert_same(merged.value_json, stored.value_json, "30 March")
