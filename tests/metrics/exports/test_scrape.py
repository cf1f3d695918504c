"""GET /metrics: what is known now, and nothing that is not."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django_q.models import OrmQ
from prometheus_client.metrics_core import Metric as ParsedFamily
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from energy.models import Tariff
from hmm.health import beat
from hmm.models import Heartbeat, JobRun
from metrics.engine.run import run
from metrics.exports.scrape import read as picture
from metrics.exports.scrape.miners import STATES
from metrics.models import Watermark
from metrics.views.prometheus import wants_openmetrics
from miners.models import LatestReading, Miner, MinerState, Site
from miners.telemetry.rows import TelemetryRow
from miners.telemetry.write import write_rows
from tests.factories import MinerFactory, SiteFactory, UserFactory
from tests.metrics.api.conftest import price, tell, token  # noqa: F401
from tests.metrics.exports.conftest import HOUR, MORNING, NOON, NOW, check_metrics
from tests.metrics.fleet_at_work import working_miners

OPENMETRICS = "application/openmetrics-text"
PROMETHEUS_2 = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
NOW_FIGURES = (
    "hashrate_hashes_per_second",
    "power_watts",
    "temperature_celsius",
    "efficiency_joules_per_terahash",
)

Scrape = Callable[..., HttpResponse]


@pytest.fixture
def scrape(client: Client, token: str) -> Scrape:  # noqa: F811
    """Ask for /metrics as Prometheus does."""

    def get(accept: str = PROMETHEUS_2) -> HttpResponse:
        return client.get("/metrics", headers={"Authorization": f"Bearer {token}", "Accept": accept})

    return get


def families(response: HttpResponse) -> dict[str, ParsedFamily]:
    """Parse an answer in OpenMetrics, strictly."""
    assert response.status_code == 200
    assert response["Content-Type"].startswith(f"{OPENMETRICS}; version=1.0.0")
    return {family.name: family for family in parse_openmetrics(response.content.decode())}


def value(found: dict[str, ParsedFamily], name: str, /, **labels: str) -> float | None:
    """Return the one sample with these labels, None when there is none."""
    samples = [
        s.value
        for family in found.values()
        for s in family.samples
        if s.name == name and labels.items() <= s.labels.items()
    ]
    assert len(samples) <= 1
    return samples[0] if samples else None


def state(found: dict[str, ParsedFamily], miner: Miner) -> str:
    """Return the one state of a miner that is 1."""
    samples = [s for s in found["hmm_miner_state"].samples if s.labels["miner"] == miner.name]
    assert {s.labels["state"] for s in samples} == set(STATES.values())
    (its,) = [s.labels["state"] for s in samples if s.value == 1]
    return its


def test_a_miner_at_work(scrape: Scrape, db: None) -> None:
    (miner,) = working_miners(1, NOW - timedelta(seconds=20))
    LatestReading.objects.filter(miner=miner).update(
        accepted_counter=1234, rejected_counter=5, uptime_s=86_400, fan_rpm=4200, firmware="v2.9"
    )
    found = families(scrape())
    who = {"miner": "gamma-1", "miner_id": str(miner.pk)}
    assert state(found, miner) == "online"
    assert value(found, "hmm_miner_hashrate_hashes_per_second", **who) == pytest.approx(1.2e12)
    assert value(found, "hmm_miner_power_watts", **who) == 18.0
    assert value(found, "hmm_miner_temperature_celsius", **who) == 58.0
    assert value(found, "hmm_miner_efficiency_joules_per_terahash", **who) == pytest.approx(15.0)
    assert value(found, "hmm_miner_reading_age_seconds", **who) == 20.0
    assert value(found, "hmm_miner_shares_accepted_total", **who) == 1234
    assert value(found, "hmm_miner_shares_rejected_total", **who) == 5
    assert value(found, "hmm_miner_uptime_seconds", **who) == 86_400
    assert value(found, "hmm_miner_fan_speed_rpm", **who) == 4200
    (about,) = found["hmm_miner"].samples
    assert (about.labels["site"], about.labels["firmware"]) == ("Home", "v2.9")
    assert found["hmm_miner_shares_accepted"].type == "counter"


@pytest.mark.parametrize(
    ("stored", "age", "expected"),
    [
        (MinerState.UNREACHABLE, timedelta(seconds=20), "unreachable"),
        (MinerState.UNREACHABLE, HOUR, "unreachable"),
        (MinerState.ONLINE, HOUR, "silent"),
        (MinerState.OFFLINE, HOUR, "silent"),
        (MinerState.MAINTENANCE, HOUR, "maintenance"),
    ],
)
def test_what_is_not_known_now_is_absent(
    scrape: Scrape, db: None, stored: MinerState, age: timedelta, expected: str
) -> None:
    lost, well = working_miners(2, NOW - timedelta(seconds=10))
    Miner.objects.filter(pk=lost.pk).update(state=stored)
    LatestReading.objects.filter(miner=lost).update(timestamp=NOW - age, accepted_counter=7, uptime_s=60)
    found = families(scrape())
    assert state(found, lost) == expected
    for figure in (*NOW_FIGURES, "shares_accepted_total", "uptime_seconds"):
        assert value(found, f"hmm_miner_{figure}", miner=lost.name) is None
    for figure in NOW_FIGURES:
        assert value(found, f"hmm_miner_{figure}", miner=well.name) is not None
    assert value(found, "hmm_miner_reading_age_seconds", miner=lost.name) == age.total_seconds()
    assert value(found, "hmm_fleet_power_watts") == 18.0
    assert value(found, "hmm_fleet_miners", state=expected) == 1
    assert value(found, "hmm_fleet_miners", state="online") == 1


def test_a_miner_that_does_not_hash_says_zero_and_no_efficiency(scrape: Scrape, miner: Miner) -> None:
    write_rows([TelemetryRow(miner.pk, NOW, 30, power_w=4.0, hashrate_ghs=0.0)], source="collector", now=NOW)
    found = families(scrape())
    assert state(found, miner) == "offline"
    assert value(found, "hmm_miner_hashrate_hashes_per_second") == 0
    assert value(found, "hmm_miner_power_watts") == 4.0
    assert value(found, "hmm_miner_efficiency_joules_per_terahash") is None
    assert value(found, "hmm_miner_temperature_celsius") is None


def test_a_miner_that_was_never_read(scrape: Scrape, miner: Miner) -> None:
    Miner.objects.filter(pk=miner.pk).update(host="192.0.2.1")
    MinerFactory(site=miner.site, retired_at=NOW)
    found = families(scrape())
    assert state(found, miner) == "new"
    assert value(found, "hmm_miner_reading_age_seconds") is None
    assert value(found, "hmm_fleet_power_watts") is None
    assert sum(s.value for s in found["hmm_fleet_miners"].samples) == 1


def test_price_and_todays_figures(scrape: Scrape, morning: Miner) -> None:
    price(morning.site, NOON, NOON + HOUR, -5.0)
    found = families(scrape())
    tariff = morning.site.tariffs.get().tariff.name
    assert value(found, "hmm_price_per_kwh", site="Barn", tariff=tariff, currency="GBP") == pytest.approx(
        -0.05
    )
    assert value(found, "hmm_fleet_energy_today_kwh") == pytest.approx(12.0)
    assert value(found, "hmm_fleet_cost_today", currency="GBP") == pytest.approx(2.4)


def test_a_price_that_is_not_known_is_absent(scrape: Scrape, morning: Miner) -> None:
    assert Tariff.objects.exists()
    assert value(families(scrape()), "hmm_price_per_kwh", site="Barn") is None


def test_a_site_that_is_added_meanwhile_is_shown(scrape: Scrape, morning: Miner) -> None:
    price(morning.site, NOON, NOON + HOUR, 24.0)
    tariff = morning.site.tariffs.get().tariff

    def added_before(read: Callable[..., Any]) -> Callable[..., Any]:
        def reading(*args: object) -> object:
            new = MinerFactory(name="new")
            new.site.tariffs.update(tariff=tariff)
            return read(*args)

        return reading

    with pytest.MonkeyPatch.context() as meanwhile:
        meanwhile.setattr(picture, "miners_now", added_before(picture.miners_now))
        found = families(scrape())
    new = Miner.objects.get(name="new")
    assert [s.labels["site"] for s in found["hmm_miner"].samples if s.labels["miner"] == "new"] == [
        new.site.name
    ]
    assert value(found, "hmm_price_per_kwh", site=new.site.name) == pytest.approx(0.24)


def test_a_site_that_is_removed_meanwhile_is_left_out(scrape: Scrape, morning: Miner) -> None:
    price(morning.site, NOON, NOON + HOUR, 24.0)
    gone = SiteFactory(tariff=morning.site.tariffs.get().tariff)

    def removed_after(read: Callable[..., Any]) -> Callable[..., Any]:
        def reading(*args: object) -> object:
            rows = read(*args)
            assert gone.pk in {row.site_id for row in rows}
            Site.objects.filter(pk=gone.pk).delete()
            return rows

        return reading

    with pytest.MonkeyPatch.context() as meanwhile:
        meanwhile.setattr(picture, "site_prices", removed_after(picture.site_prices))
        found = families(scrape())
    assert [s.labels["site"] for s in found["hmm_price_per_kwh"].samples] == [morning.site.name]


def test_figures_that_take_long_to_compute_do_not_hold_up_the_rest(scrape: Scrape, miner: Miner) -> None:
    run(NOW - timedelta(days=5))
    tell(miner, NOW - timedelta(days=5), NOW - timedelta(minutes=1), every_s=3600, now=NOW)
    found = families(scrape())
    assert value(found, "hmm_fleet_cost_today") is None
    assert value(found, "hmm_fleet_miners", state="unpolled") == 1


def test_jobs_queue_services_and_store(scrape: Scrape, morning: Miner) -> None:
    for hours, success in ((3, True), (2, True), (1, False)):
        JobRun.objects.create(
            name="run_hourly", started_at=NOW - hours * HOUR, duration_s=hours, success=success
        )
    OrmQ.objects.create(key="hmm", payload="", lock=NOW)
    Heartbeat.objects.all().delete()
    beat("worker", NOW - timedelta(seconds=5))
    found = families(scrape())
    ended = (NOW - 2 * HOUR).timestamp() + 2
    assert value(found, "hmm_job_last_success_timestamp_seconds", name="run_hourly") == ended
    assert value(found, "hmm_job_last_duration_seconds", name="run_hourly") == 1
    assert value(found, "hmm_job_last_run_ok", name="run_hourly") == 0
    assert value(found, "hmm_queue_tasks") == 1
    assert value(found, "hmm_service_last_beat_timestamp_seconds", service="worker") == NOW.timestamp() - 5
    filled = Watermark.objects.get(pk="hourly").filled_to.timestamp()
    assert value(found, "hmm_store_filled_timestamp_seconds", period="hourly") == filled
    assert found["hmm_build"].samples[0].labels.keys() == {"version", "python"}


def test_the_number_of_queries_does_not_grow_with_the_fleet(scrape: Scrape, db: None) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert scrape().status_code == 200
        return len(queries)

    first = working_miners(1, NOW)
    run(NOW)
    scrape()
    alone = asked()
    MinerFactory.create_batch(12, site=first[0].site)
    scrape()  # who is where has changed, and is read once
    assert asked() == alone <= 14


def test_without_a_token_nothing_is_said(client: Client, morning: Miner) -> None:
    for headers in ({}, {"Authorization": "Bearer wrong"}):
        answer = client.get("/metrics", headers=headers)
        assert answer.status_code == 401
        assert answer["WWW-Authenticate"] == "Bearer"
        assert b"hmm_" not in answer.content


def test_a_browser_is_sent_to_the_login_and_then_shown_text(client: Client, morning: Miner) -> None:
    headers = {"Accept": "text/html,*/*;q=0.8"}
    assert client.get("/metrics", headers=headers).status_code == 302
    client.force_login(UserFactory())
    answer = client.get("/metrics", headers=headers)
    assert answer["Content-Type"].startswith("text/plain; version=0.0.4")
    assert {family.name for family in parse_text(answer.content.decode())} >= {"hmm_miner_state"}


def test_only_reading_is_allowed(client: Client, token: str) -> None:  # noqa: F811
    assert client.post("/metrics", headers={"Authorization": f"Bearer {token}"}).status_code == 405


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        (PROMETHEUS_2, True),
        ("application/openmetrics-text", True),
        ("Application/OpenMetrics-Text; version=1.0.0", True),
        ("application/openmetrics-text;version=1.0.0;q=0, text/plain", False),
        ("text/plain;version=0.0.4", False),
        ("*/*", False),
        ("", False),
    ],
)
def test_openmetrics_when_asked_for(accept: str, wanted: bool) -> None:
    assert wants_openmetrics(accept) is wanted


def test_promtool_has_nothing_to_say(scrape: Scrape, morning: Miner, promtool: str) -> None:
    Miner.objects.filter(pk=morning.pk).update(name='b"e\\n\nch, {ü}')
    write_rows(
        [TelemetryRow(morning.pk, NOW, 30, power_w=4.0, hashrate_ghs=9.5)], source="collector", now=NOW
    )
    price(morning.site, NOON, NOON + HOUR, 5.0)
    assert MORNING < NOW
    plain = scrape("text/plain")
    assert plain["Content-Type"].startswith("text/plain; version=0.0.4")
    check_metrics(promtool, plain.content)
