"""What is said while collectors keep readings on disk: `/healthz`, and the page that stands for every other."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import connections
from django.test import Client
from django.utils import timezone

from hmm.health import answer, beat
from hmm.spool_state import SpoolState, write_state

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
REASON = 'connection to server at "10.1.2.3", port 5432 failed: FATAL: no user "hmm"'
AWAY = SpoolState(
    at=NOW,
    pid=7,
    since=NOW - timedelta(minutes=9),
    readings=1234,
    size_bytes=500_000,
    max_bytes=10**9,
    oldest=NOW - timedelta(minutes=9),
    reason=REASON,
)
FULL = replace(AWAY, full_since=NOW - timedelta(minutes=1), lost=77)
BACK = replace(AWAY, reason="")


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path) -> Any:
    monkeypatch.setattr(timezone, "now", lambda: NOW)
    settings.DATA_DIR = tmp_path
    answer.forget()
    yield
    answer.forget()


@pytest.fixture
def no_database(transactional_db: None) -> Iterator[None]:
    """A default database that nobody can connect to."""
    given = connections["default"].settings_dict
    name = given["NAME"]
    connections["default"].close()
    given["NAME"] = "no_such_database"
    yield
    connections["default"].close()
    given["NAME"] = name


def say(state: SpoolState, place: str = "1") -> None:
    directory = Path(django_settings.DATA_DIR) / "spool" / place
    directory.mkdir(parents=True, exist_ok=True)
    write_state(directory, state)


def all_alive() -> None:
    for service in ("worker", "collector"):
        beat(service, NOW)


@pytest.mark.django_db(transaction=True)
def test_a_replay_is_told_and_is_no_failure(client: Client) -> None:
    all_alive()
    say(BACK)
    reply = client.get("/healthz")
    assert (reply.status_code, reply.json()["status"]) == (200, "ok")
    (spool,) = reply.json()["spooling"]
    assert (spool["readings"], spool["replaying"], spool["alive"], spool["full"]) == (1234, True, True, False)
    assert (spool["since"], spool["oldest"]) == ("2026-03-01T11:51:00+00:00",) * 2


@pytest.mark.django_db(transaction=True)
def test_a_collector_with_nothing_on_disk_is_not_mentioned(client: Client) -> None:
    all_alive()
    say(replace(BACK, since=None, readings=0))
    assert client.get("/healthz").json() == {"status": "ok", "failing": {}}


def test_while_the_database_is_away_it_is_the_database_that_fails_and_not_the_collector(
    client: Client, no_database: None
) -> None:
    say(AWAY)
    reply = client.get("/healthz")
    assert reply.status_code == 503
    assert reply.json()["failing"].keys() == {"database"}
    (spool,) = reply.json()["spooling"]
    assert (spool["alive"], spool["replaying"], spool["size_bytes"]) == (True, False, 500_000)
    assert "10.1.2.3" not in reply.content.decode()


@pytest.mark.django_db(transaction=True)
def test_a_full_spool_fails_with_how_many_are_lost_while_its_collector_lives(client: Client) -> None:
    all_alive()
    say(FULL)
    reply = client.get("/healthz")
    assert reply.status_code == 503
    assert reply.json()["failing"] == {"spool": "full since 2026-03-01T11:59:00+0000: 77 readings lost"}
    say(replace(FULL, at=NOW - timedelta(hours=1)))
    answer.forget()
    reply = client.get("/healthz")
    assert reply.status_code == 200
    assert reply.json()["spooling"][0]["alive"] is False


def test_every_page_says_so_while_the_database_is_away(client: Client, no_database: None) -> None:
    say(AWAY)
    say(replace(FULL, at=NOW - timedelta(days=1)), "2")
    client.raise_request_exception = False
    for path in ("/", "/system", "/login/"):
        reply = client.get(path)
        assert reply.status_code == 503
        page = " ".join(reply.content.decode().split())
        assert "The database is away" in page
        assert "has kept on disk 1234 readings" in page
        assert "11:51:00 UTC" in page
        assert "A collector that runs no more has left" in page
        assert "77 readings lost so far" in page
        assert "10.1.2.3" not in page
        assert reply["Retry-After"] == "10"


@pytest.mark.django_db
def test_a_fault_of_our_own_stays_one(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("hmm.middleware.installation", fail)
    client.raise_request_exception = False
    reply = client.get("/")
    assert reply.status_code == 500
    assert "Something went wrong" in reply.content.decode()
