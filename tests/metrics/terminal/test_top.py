"""The command, from rows in the database to what it prints."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django_q.models import OrmQ

from hmm import installation
from hmm.health import beat
from hmm.models import Installation, JobRun
from metrics.dashboard.blocks import Present
from metrics.engine.run import Busy, run
from metrics.query import prepared
from metrics.templatetags.hmm_format import money
from metrics.terminal import show
from metrics.terminal.work import read_work
from miners.models import Miner, MinerModel, Site
from tests.factories import MinerFactory
from tests.metrics.fleet_at_work import publish, report, working_miners
from tests.metrics.terminal.shown import line_of

NOW = datetime(2026, 6, 1, 12, 10, tzinfo=UTC)  # 13:10 in London

pytestmark = pytest.mark.django_db
See = Callable[..., str]


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(show, "present_now", lambda: Present(NOW, ZoneInfo("Europe/London"), "GBP"))


@pytest.fixture(autouse=True)
def _terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def alive() -> None:
    """The services that must live do."""
    beat("worker", NOW)
    beat("collector", NOW)


def top(*args: str) -> str:
    out = StringIO()
    call_command("top", *args, stdout=out)
    return out.getvalue()


def job(name: str, duration_s: float, *, error: str = "", minutes_ago: int = 5) -> None:
    JobRun.objects.create(
        name=name,
        started_at=NOW - timedelta(minutes=minutes_ago),
        duration_s=duration_s,
        success=not error,
        error=error,
    )


def enqueue(count: int, lock: datetime) -> None:
    OrmQ.objects.bulk_create(OrmQ(key="hmm", payload="", lock=lock) for _ in range(count))


def test_a_currency_that_changes_meanwhile_breaks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    working_miners(1, NOW, hours=3)
    publish([18.4, 20.0, -3.0], NOW.replace(minute=0))
    monkeypatch.setattr(installation, "REMEMBER_S", -1.0)

    def then_changed() -> Present:
        here = installation.installation()
        Installation.objects.update(currency="EUR")
        return Present(NOW, here.zone, here.currency)

    monkeypatch.setattr(show, "present_now", then_changed)
    # What is not yet computed is computed for the first look, in the new currency.
    for _ in range(2):
        assert "1 of 1 hashing" in top("--once")


@pytest.mark.usefixtures("alive")
def test_once_shows_fleet_prices_jobs_and_queue_and_ends() -> None:
    working_miners(2, NOW, hours=3)
    publish([18.4, 20.0, -3.0], NOW.replace(minute=0))
    job("run_hourly", 0.25)
    enqueue(2, NOW)
    said = top("--once")
    assert said.startswith("HMM fine  Mon 01 Jun 13:10:00")
    assert "all 2 hashing · 18.4 p now, negative from 14:00" in said
    assert "Hashrate 2.40 TH/s · Power 36.0 W · Efficiency 15.0 J/TH" in said
    assert re.fullmatch(r"gamma-2 hashing 1\.20 TH/s 18\.0 58 15\.0 0\.50 0 s █+", line_of(said, "gamma-2"))
    assert line_of(said, "next") == "next 13:30 20.00 14:00 −3.00"
    assert line_of(said, "run_hourly") == "run_hourly fine 5 min 100 % 0.25 s 0.25 s 1"
    assert line_of(said, "queue") == "queue: fine, 2 waiting, 0 at work · collector alive · worker alive"
    assert "\x1b" not in said


@pytest.mark.usefixtures("alive")
def test_the_cost_is_the_stores() -> None:
    working_miners(
        1, NOW
    )  # 18 W for an hour, of which 10 min at 10 p, 30 at 20 p, 20 at 30 p… from 11:10 UTC
    publish([10, 20, 30], NOW.replace(hour=11, minute=0))
    pence = 0.018 * (20 / 60 * 10 + 30 / 60 * 20 + 10 / 60 * 30)
    assert f"{money(pence / 100)} so far today" in top("--once")


def test_an_hour_without_readings_is_a_gap_in_the_line_of_the_day() -> None:
    miner = working_miners(1, NOW - timedelta(hours=12), hours=3)[0]
    report(miner, NOW, rows=18)
    said = line_of(top("--once"), "gamma-1")
    assert re.search(r"█+ +█+$", said)


def test_an_empty_house_is_shown_too() -> None:
    said = top("--once")
    assert "There is no miner yet" in said
    assert line_of(said, "all in") == "all in 24 h no runs – – – – 0"


def test_what_no_run_has_computed_yet_is_computed_by_looking() -> None:
    working_miners(1, NOW, hours=30)
    assert line_of(top("--once"), "gamma-1").endswith("███████")


def test_what_nobody_has_computed_for_days_is_said_beside_the_fleet() -> None:
    run(NOW - timedelta(hours=60))
    working_miners(1, NOW, hours=3)
    said = top("--once")
    assert "figures from 2026-05-31 to 2026-06-01 are not computed yet" in " ".join(said.split())
    assert line_of(said, "gamma-1").startswith("gamma-1 hashing 1.20 TH/s")


def test_while_a_long_run_is_at_work_what_is_stored_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    working_miners(1, NOW, hours=3)
    top("--once")
    report(Miner.objects.get(), NOW - timedelta(hours=5), hashrate_ghs=900.0)

    def busy(*args: Any, **kwargs: Any) -> int:
        raise Busy

    monkeypatch.setattr(prepared, "clean", busy)
    said = top("--once")
    assert "are being computed just now by a long run" in " ".join(said.split())
    assert line_of(said, "gamma-1").startswith("gamma-1 hashing 1.20 TH/s")


@pytest.mark.usefixtures("alive")
def test_check_tells_red_by_its_exit_status() -> None:
    working_miners(1, NOW)
    assert "HMM fine" in top("--check")
    MinerModel.objects.update(max_temperature_c=57.0)
    with pytest.raises(SystemExit) as ended:
        top("--check")
    assert ended.value.code == 1
    assert "HMM trouble" in top("--once")


@pytest.mark.usefixtures("alive")
def test_a_backlog_is_red_and_a_locked_task_is_at_work_not_waiting() -> None:
    enqueue(51, NOW - timedelta(seconds=1))
    enqueue(2, NOW + timedelta(minutes=30))
    assert "queue: backlog, 51 waiting, 2 at work" in top("--once")


def test_jobs_are_counted_over_24_hours() -> None:
    for n in range(9):
        job("run_hourly", 0.1 * n, minutes_ago=60 * n + 1)
    job("run_hourly", 4.0, error="Busy: later", minutes_ago=30)
    job("run_hourly", 99.0, error="too old", minutes_ago=24 * 60 + 1)
    job("fetch_prices", 1.0)
    found = read_work(NOW)
    assert [each.name for each in found.jobs] == ["fetch_prices", "run_hourly"]
    hourly = found.jobs[1]
    assert (hourly.runs, hourly.succeeded, hourly.last_error) == (10, 9, "Busy: later")
    assert hourly.p50_s == pytest.approx(0.45)
    assert hourly.p99_s == pytest.approx(0.8 + 0.91 * 3.2)
    assert hourly.last_started_at == NOW - timedelta(minutes=1)
    assert (found.all_jobs.name, found.all_jobs.runs, found.all_jobs.succeeded) == (None, 11, 10)


def test_the_number_of_queries_does_not_grow_with_the_fleet() -> None:
    working_miners(1, NOW)
    few = queries_of_a_page()
    for n in range(12):
        report(MinerFactory(name=f"more-{n}", site=Site.objects.get(pk=1)), NOW, rows=6)
    assert queries_of_a_page() == few
    assert few < 25


def queries_of_a_page() -> int:
    top("--once")  # computes what has changed
    with CaptureQueriesContext(connection) as queries:
        top("--once")
    return len(queries)


@pytest.mark.parametrize(
    ("interval", "reason"),
    [
        ("0", "0 is not from 1 to 3600"),
        ("-5", "-5 is not from"),
        ("nan", "nan is not from"),
        ("3601", "3601 is not"),
        ("soon", "'soon' is not a number of seconds"),
    ],
)
def test_an_interval_that_makes_no_sense_is_refused(interval: str, reason: str) -> None:
    with pytest.raises(CommandError, match=reason) as refused:
        top(f"--interval={interval}")
    assert refused.value.returncode == 2


def test_colour_is_a_matter_of_options_and_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b[" not in top("--once")
    assert "\x1b[" in top("--once", "--force-color")
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in top("--once", "--force-color")
