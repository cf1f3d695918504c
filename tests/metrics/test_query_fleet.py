"""Queries of one miner, the fleet, ranks, jobs and the summary."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from energy.models import Tariff
from hmm.installation import forget_installation
from hmm.models import Installation, JobRun
from metrics.engine.run import run
from metrics.models import Metric
from metrics.query import (
    Refused,
    UnknownWord,
    bottom_miners,
    fleet_metrics,
    job_runs,
    job_statistics,
    latest_metrics,
    metrics_in_range,
    miner_metrics,
    slowest_jobs,
    summary,
    top_miners,
)
from metrics.query.stored import Wanted, stored_sql
from metrics.types import metric_types
from miners.models import MinerState, Site
from tests.factories import MinerFactory, SiteFactory
from tests.metrics.fleet_at_work import publish, report, working_miners
from tests.metrics.reference import Row, clipped, figures
from tests.metrics.store_helpers import at, epoch, rolled_back, store_rows, use_zone

pytestmark = pytest.mark.django_db

DAY = "2025-06-02"
NOW = at(f"{DAY}T12:20")
HOUR = timedelta(hours=1)


@pytest.fixture
def miners():
    use_zone("Europe/London")
    site = SiteFactory()
    return [MinerFactory(site=site) for _ in range(4)]


@pytest.fixture
def told(miners):
    """Three miners at 1, 2 and 3 kW since midnight, the third without a temperature; the fourth says nothing."""
    rows = [
        Row(m.pk, t, t + 600, 1000.0 * n, 100.0 * n, 60.0 if n < 3 else None, 1, 0)
        for n, m in enumerate(miners[:3], 1)
        for t in range(epoch(f"{DAY}T00:00"), epoch(f"{DAY}T12:20"), 600)
    ]
    store_rows(rows, now=NOW)
    run(NOW - HOUR)
    return rows


def span(**change):
    return {"period": "hourly", "start": at(f"{DAY}T00:00"), "end": NOW, "now": NOW} | change


def test_one_miners_figures_are_in_another_currency_before_the_engine_has_followed_it(miners, told):
    Installation.objects.update(currency="EUR")
    forget_installation()
    rows = miner_metrics(miners[0].pk, **span())
    costs = [row for row in rows if row.metric_type == "energy_cost"]
    assert {row.source for row in costs} == {"store", "live"}
    assert all({"cost_eur", "avg_price_cent"} <= row.value_json.keys() for row in costs)


def test_one_miner_has_every_type_of_each_period(miners, told):
    rows = miner_metrics(miners[0].pk, **span())
    types = [m.name for m in metric_types if "miner" in m.entities]
    assert [(r.timestamp, r.metric_type) for r in rows] == [
        (at(f"{DAY}T00:00") + h * HOUR, name) for h in range(13) for name in types
    ]
    assert {r.source for r in rows[-len(types) :]} == {"live"}
    for row in rows:
        (same,) = metrics_in_range(
            **span(start=row.timestamp, end=row.timestamp + HOUR),
            metric_type=row.metric_type,
            entity_type="miner",
            entity_id=miners[0].pk,
        )
        assert same == row


def test_pages_of_one_miner_are_the_whole(miners, told):
    whole = miner_metrics(miners[1].pk, **span())
    for size in (1, 7, 77):
        walked, after = [], None
        while page := miner_metrics(miners[1].pk, **span(limit=size, after=after)):
            walked += page
            after = (page[-1].timestamp, page[-1].metric_type)
        assert walked == whole


def test_the_fleet_in_a_given_period_and_in_the_open_one(miners, told):
    closed = fleet_metrics(metric_type="hashrate", period="hourly", at=at(f"{DAY}T05:59"), now=NOW)
    assert [(r.timestamp, r.entity_id, r.value_json["avg"]) for r in closed] == [
        (at(f"{DAY}T05:00"), m.pk, pytest.approx(100 * n)) for n, m in enumerate(miners[:3], 1)
    ]
    opened = fleet_metrics(metric_type="hashrate", period="hourly", now=NOW)
    assert [(r.timestamp, r.entity_id, r.source) for r in opened] == [
        (at(f"{DAY}T12:00"), m.pk, "live") for m in miners[:3]
    ]
    page = fleet_metrics(metric_type="hashrate", period="hourly", now=NOW, limit=2, after=opened[0].position)
    assert page == opened[1:]


def test_the_latest_of_an_entity_are_two(miners, told):
    rows = latest_metrics(
        metric_type="energy_cost", period="hourly", entity_type="miner", entity_id=miners[2].pk, now=NOW
    )
    assert [(r.timestamp, r.source, r.value_json["kwh"]) for r in rows] == [
        (at(f"{DAY}T11:00"), "store", pytest.approx(3.0)),
        (at(f"{DAY}T12:00"), "live", pytest.approx(1.0)),
    ]
    everyone = latest_metrics(metric_type="energy_cost", period="hourly", now=NOW)
    assert [r.entity_type for r in everyone] == ["miner"] * 3 + ["site", "system"] + ["miner"] * 3 + [
        "site",
        "system",
    ]


def test_ranks_of_a_range_with_an_open_end(miners, told):
    top = top_miners(metric_type="energy_cost", key="kwh", **span())
    assert [(r.rank, r.miner_id, r.miner_name) for r in top] == [
        (n, m.pk, m.name) for n, m in enumerate(reversed(miners[:3]), 1)
    ]
    assert [r.value for r in top] == [pytest.approx(n * (12 + 1 / 3)) for n in (3, 2, 1)]
    assert bottom_miners(metric_type="energy_cost", key="kwh", n=1, **span())[0].miner_id == miners[0].pk


def test_who_has_no_figure_comes_last_and_ties_are_in_order_of_ids(miners, told):
    for rank in (top_miners, bottom_miners):
        found = rank(metric_type="temperature", key="avg", **span())
        assert [r.miner_id for r in found] == [m.pk for m in miners[:3]]
        assert [r.value for r in found] == [60.0, 60.0, None]


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(
    powers=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 47), st.none() | st.floats(1, 5000, width=32)), min_size=3, max_size=25),
    n=st.integers(1, 5),
)  # fmt: skip
def test_ranks_are_those_of_the_reference(miners, powers, n):
    t = epoch("2025-06-01T00:00")
    slots = {(who, slot): power for who, slot, power in powers}
    rows = [Row(miners[who].pk, t + s * 1800, t + s * 1800 + 1700, p, 1.0) for (who, s), p in slots.items()]
    with rolled_back():
        store_rows(rows, now=NOW)
        run(NOW)
        high = t + 86400
        values = {
            m.pk: (figures([r for r in clipped(rows) if r.miner == m.pk], [], t, high, "miner") or {}).get(
                "energy_cost"
            )
            for m in miners
        }
        ranked = [(pk, value["kwh"]) for pk, value in values.items() if value]
        for rank, sign in ((top_miners, -1), (bottom_miners, 1)):
            expected = sorted(ranked, key=lambda r: (r[1] is None, sign * (r[1] or 0), r[0]))[:n]
            found = rank(metric_type="energy_cost", key="kwh", n=n, **span(start=at("2025-06-01T00:00"), end=at("2025-06-02T00:00")))  # fmt: skip
            assert [r.value for r in found] == [
                v if v is None else pytest.approx(v, rel=1e-9) for _, v in expected
            ]
            if len({v for _, v in ranked}) == len(ranked):
                assert [r.miner_id for r in found] == [pk for pk, _ in expected]


@pytest.mark.parametrize(("field", "change"), [("n", {"n": 0}), ("n", {"n": 1001}), ("key", {"key": "unit"}), ("type", {"metric_type": "x"})])  # fmt: skip
def test_ranks_refuse_what_they_cannot_do(miners, field, change):
    with pytest.raises(Refused) as refused:
        top_miners(**span(metric_type="hashrate", key="avg") | change)
    assert refused.value.field == field


def test_queries_do_not_grow_with_the_fleet(miners, told):
    readers = [
        lambda: top_miners(metric_type="hashrate", key="avg", **span()),
        lambda: fleet_metrics(metric_type="hashrate", period="daily", now=NOW),
        lambda: latest_metrics(metric_type="hashrate", period="hourly", now=NOW),
        lambda: miner_metrics(miners[0].pk, **span()),
        lambda: summary(NOW),
    ]

    def counts():
        found = []
        for reader in readers:
            reader()
            with CaptureQueriesContext(connection) as caught:
                reader()
            found.append(len(caught))
        return found

    alone = counts()
    more = [MinerFactory(site=miners[0].site) for _ in range(12)]
    store_rows([Row(m.pk, epoch(f"{DAY}T12:00"), epoch(f"{DAY}T12:10"), 10.0, 5.0) for m in more], now=NOW)
    assert counts() == alone
    assert alone == [3, 2, 5, 3, 8]


def test_rows_read_from_the_table_are_those_of_the_view(miners, told):
    run(NOW)
    for metric in metric_types:
        rows = metrics_in_range(metric_type=metric.name, **span(end=at(f"{DAY}T12:00")))
        view = Metric.objects.filter(
            metric_type=metric.name, period="hourly", timestamp__lt=at(f"{DAY}T12:00")
        )
        assert [(*r.position, r.value_json, r.computed_at) for r in rows] == [
            (m.timestamp, m.entity_type, m.entity_id, m.value_json, m.computed_at)
            for m in view.order_by("timestamp", "entity_type", "entity_id")
        ]


def test_a_range_of_one_entity_is_an_index_scan(miners, told):
    run(NOW)
    wanted = Wanted("energy_cost", "hourly", at(f"{DAY}T00:00"), NOW, "miner", miners[0].pk)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        sql = stored_sql(wanted)
        params = {"start": wanted.start, "end": wanted.end, "entity_id": wanted.entity_id, "limit": None}
        cursor.execute(f"EXPLAIN {sql}", params)
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "Index Scan" in plan
    assert f"(entity_id = {miners[0].pk})" in plan.split("Index Cond:")[1].splitlines()[0]


@pytest.fixture
def jobs():
    """A run each ten minutes, of two jobs in turn, each a second longer than the one before; the third one failed."""
    return [
        JobRun.objects.create(
            name=f"job{n % 2}",
            started_at=NOW - n * HOUR / 6,
            duration_s=float(n),
            rows=n,
            success=n != 2,
            error="Boom" if n == 2 else "",
        )
        for n in range(8)
    ]


def test_jobs_are_the_newest_first_and_paged(jobs):
    assert job_runs() == jobs
    walked, after = [], None
    while page := job_runs(limit=3, after=after):
        if after is None:
            JobRun.objects.create(name="job0", started_at=NOW + HOUR, duration_s=1, success=True)
        walked += page
        after = (page[-1].started_at, page[-1].pk)
    assert walked == jobs


def test_jobs_that_began_at_once_are_on_one_page_each(jobs):
    JobRun.objects.update(started_at=NOW)
    whole = job_runs()
    walked, after = [], None
    while page := job_runs(limit=1, after=after):
        walked += page
        after = (page[-1].started_at, page[-1].pk)
    assert walked == whole == list(reversed(jobs))


def test_jobs_are_filtered(jobs):
    assert job_runs(name="job1") == jobs[1::2]
    assert job_runs(success=False) == [jobs[2]]
    assert job_runs(start=NOW - HOUR / 2, end=NOW) == jobs[1:4]
    assert job_runs(min_duration_s=6) == jobs[6:]
    with pytest.raises(UnknownWord, match="job0, job1"):
        job_runs(name="job2")


def test_slowest_jobs_and_their_statistics(jobs):
    assert slowest_jobs(n=2) == [jobs[7], jobs[6]]
    assert slowest_jobs(n=1, name="job0") == [jobs[6]]
    every, even, odd = job_statistics(start=NOW - 2 * HOUR, end=NOW + HOUR)
    assert (every.name, every.runs, every.succeeded, every.success_rate) == (None, 8, 7, 7 / 8)
    assert (even.name, even.max_s, even.mean_s, even.rows, even.last_error) == ("job0", 6, 3, 12, "Boom")
    assert (odd.name, odd.p50_s, odd.last_error, odd.last_started_at) == ("job1", 4, "", jobs[1].started_at)
    (nothing,) = job_statistics(start=NOW + HOUR, end=NOW + 2 * HOUR)
    assert (nothing.runs, nothing.success_rate, nothing.p99_s) == (0, None, None)


def test_the_summary(db):
    use_zone("Europe/London")
    _, second, third = working_miners(3, NOW, hours=2)
    second.state, third.state = MinerState.UNREACHABLE, MinerState.OFFLINE
    second.save()
    third.save()
    report(third, NOW + timedelta(minutes=1), hashrate_ghs=0.0)
    MinerFactory(site=Site.objects.get(pk=1), retired_at=NOW)
    publish([20.0, -5.0], at(f"{DAY}T12:00"))
    JobRun.objects.create(name="a", started_at=NOW - HOUR, duration_s=1, success=False)
    found = summary(NOW)
    assert {k: v for k, v in found.states.items() if v} == {"online": 1, "unreachable": 1, "offline": 1}
    assert found.now.hashrate_ghs == 1200
    assert found.now.power_w == 36
    assert found.now.efficiency_j_per_th == pytest.approx(36 / 1.2)
    assert found.today is not None
    assert found.today.kwh == pytest.approx(3 * 2 * 0.018)
    assert found.today.cost == pytest.approx(3 * 0.018 / 3 * 0.2)
    assert found.price is not None
    assert (found.price.tariff_id, found.price.pence_per_kwh) == (1, 20.0)
    assert found.price.until == at(f"{DAY}T12:30")
    assert (found.jobs.runs, found.jobs.success_rate) == (1, 0.0)
    assert (found.queue.waiting, found.queue.at_work) == (0, 0)


def test_the_summary_of_nothing_invents_nothing(db):
    use_zone("Europe/London")
    found = summary(NOW)
    assert sum(found.states.values()) == 0
    assert (found.now.hashrate_ghs, found.now.power_w, found.today, found.price) == (None, None, None, None)
    assert [p.pence_per_kwh for p in found.prices] == [None] * Tariff.objects.count()
    assert found.jobs.success_rate is None
