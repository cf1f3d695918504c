"""The page System: how the services and the write path are, block by block."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.template.loader import render_to_string
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from hmm.health import beat
from hmm.models import JobRun
from hmm.spool_state import SpoolState, write_state
from metrics.system.base import Block, blocks, in_order
from metrics.system.house import Growth
from miners.collector.lease_rows import announce, take
from tests.factories import MinerFactory, UserFactory
from tests.hmm.system_metrics.rows import put

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
WHO_ASKS = 1
READ = 1 + 3 + 3 + 1 + 1 + 1
"""Signs of life; collectors and their sites; jobs, queue and signs of life; the database; statistics; services outside."""

pytestmark = pytest.mark.django_db
See = Callable[..., str]


@pytest.fixture(autouse=True)
def place(monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path) -> Path:
    monkeypatch.setattr(timezone, "now", lambda: NOW)
    settings.DATA_DIR = tmp_path
    directory = tmp_path / "spool" / "1"
    directory.mkdir(parents=True)
    return directory


@pytest.fixture
def see(client: Client) -> See:
    client.force_login(UserFactory())

    def get(view: str = "system", **kwargs: Any) -> str:
        answer = client.get(reverse(f"metrics:{view}", kwargs=kwargs))
        assert answer.status_code == 200
        return " ".join(answer.content.decode().split())

    return get


def test_it_is_for_those_who_are_logged_in(client: Client) -> None:
    for path in ("/system", "/system/blocks/spool"):
        assert client.get(path)["Location"] == f"/login/?next={path}"


def test_services_are_alive_or_silent_since(see: See) -> None:
    beat("worker", NOW - timedelta(seconds=5))
    page = see()
    assert 'worker</th> <td role="cell" data-label="State"><span class="badge tone-good">alive' in page
    assert "11:59:55" in page
    assert (
        'collector</th> <td role="cell" data-label="State"><span class="badge tone-bad">silent</span></td> <td role="cell" data-label="Last sign">never'
        in page
    )


def test_what_waits_on_disk_is_told(see: See, place: Path) -> None:
    assert "No collector runs on this machine." in see()
    write_state(place, SpoolState(NOW, 1))
    assert "All that was read is in the database" in see()
    write_state(place, SpoolState(NOW, 1, since=NOW, readings=1, size_bytes=2048, oldest=NOW))
    page = see()
    assert "the collector is storing 1 reading (2.0 KB), the oldest of 1 Mar 12:00:00 GMT" in page
    assert see("system_block", name="spool") in page


def test_it_says_who_polls_what(see: See, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "No collector runs." in see()
    miner = MinerFactory(host="192.0.2.1", site__name="Barn")
    MinerFactory(host="", site__name="Attic")
    assert (
        'Barn</th><td role="cell" class="num" data-label="Miners">1</td><td role="cell" data-label="Polled by"><span class="badge tone-bad">nobody'
        in see()
    )
    announce("pi-7", 60)
    take([miner.site_id], "pi-7", 60, from_lapsed=True)
    page = see("system_block", name="collectors")
    assert "1 collector runs: pi-7 since" in page
    assert (
        'Barn</th><td role="cell" class="num" data-label="Miners">1</td><td role="cell" data-label="Polled by">pi-7</td>'
        in page
    )
    assert "Attic" not in page


def test_it_shows_the_latest_statistics(see: See) -> None:
    assert "Nothing has been written yet" in see()


def test_jobs_are_told_with_their_durations_and_their_last_error(see: See) -> None:
    assert "No job has run in the last 24 hours." in see()
    runs = [
        ("run_hourly", 0.25, True, ""),
        ("run_daily", 9.0, True, ""),
        ("tidy_up", 0.1, False, "Gone: <b>"),
    ]
    for minutes, (name, seconds, success, error) in enumerate(runs, start=1):
        at = NOW - timedelta(minutes=minutes)
        JobRun.objects.create(name=name, started_at=at, duration_s=seconds, success=success, error=error)
    page = see("system_block", name="jobs")
    assert page.index("run_hourly") < page.index("run_daily") < page.index("tidy_up")
    assert 'run_daily</th> <td role="cell" data-label="State"><span class="badge tone-bad">slow' in page
    assert 'data-label="p50, s">0.25</td>' in page
    assert "Gone: &lt;b&gt;" in page
    assert "0 tasks wait in the queue" in page


def test_the_database_is_told_with_its_growth_and_what_hmm_runs_on(see: See) -> None:
    page = see("system_block", name="house")
    assert "its growth is known a while after the start" in page
    for name in ("Python", "Django", "PostgreSQL", "TimescaleDB"):
        assert f"<dt>{name}</dt><dd>" in page
    for hours, size_bytes in ((26, 1.0), (20, 1024.0), (2, 4096.0)):
        put(NOW - timedelta(hours=hours), "database_size_bytes", "database", size_bytes)
    assert "in 20 h" in see("system_block", name="house")


@pytest.mark.parametrize(("size_bytes", "words"), [(2048, "grown by 2.0 KB"), (-2048, "less by 2.0 KB")])
def test_it_grows_or_shrinks(size_bytes: int, words: str) -> None:
    here = {"size_bytes": 1, "growth": Growth(size_bytes, timedelta(hours=24)), "versions": []}
    page = render_to_string("metrics/system/_house.html", {"here": here})
    assert f"{words} in 24 h" in " ".join(page.replace("\xa0", " ").split())


def test_a_block_nobody_knows_is_404(client: Client) -> None:
    client.force_login(UserFactory())
    assert client.get("/system/blocks/nothing").status_code == 404


def test_the_number_of_queries_is_constant(
    client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client.force_login(UserFactory())
    client.get("/system")
    with django_assert_num_queries(WHO_ASKS + READ):
        client.get("/system")


def test_adding_a_block_adds_one_entry(see: See, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks.names()
    entry = Block(
        "size", "Size of the database", 15, "metrics/system/_services.html", lambda now: {"services": []}
    )
    monkeypatch.setitem(blocks._entries, "size", entry)
    assert [block.name for block in in_order()] == [
        "services",
        "collectors",
        "size",
        "spool",
        "jobs",
        "house",
        "outside",
        "statistics",
    ]
    assert 'aria-label="Size of the database"' in see()
