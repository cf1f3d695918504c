"""/healthz: what it says of database, worker and collector, and that it says it quickly."""

import socket
import time
from datetime import timedelta
from unittest.mock import Mock

import pytest
from django.db import OperationalError, connections
from django.utils import timezone

from hmm import health
from hmm.health import SILENT_AFTER, answer, beat, last_beat, silent_services


@pytest.fixture(autouse=True)
def _ask_anew():
    answer.forget()
    yield
    answer.forget()


def test_service_is_silent_after_its_time_and_not_before():
    now = timezone.now()
    beats = {"worker": now - SILENT_AFTER, "collector": now - SILENT_AFTER - timedelta(seconds=1)}
    assert silent_services(beats, now).keys() == {"collector"}


def test_service_never_seen_is_silent():
    assert silent_services({}, timezone.now()) == {"worker": "never seen", "collector": "never seen"}


@pytest.mark.django_db
def test_last_beat_replaces_the_one_before():
    first = timezone.now()
    beat("worker", first)
    beat("worker", first + timedelta(seconds=5))
    assert last_beat("worker") == first + timedelta(seconds=5)
    assert last_beat("collector") is None


@pytest.mark.django_db(transaction=True)
def test_all_alive_is_200_without_login(client):
    for service in ("worker", "collector"):
        beat(service, timezone.now())
    reply = client.get("/healthz")
    assert (reply.status_code, reply.json()) == (200, {"status": "ok", "failing": {}})


@pytest.mark.django_db(transaction=True)
def test_whoever_asks_by_address_and_without_tls_is_told(client, settings):
    """As a container runtime does behind HMM_HTTPS=1 and a name of its own in HMM_ALLOWED_HOSTS."""
    settings.SECURE_SSL_REDIRECT, settings.ALLOWED_HOSTS = True, ["hmm.example.org"]
    asked = {"host": "10.1.2.3:8000"}
    assert client.get("/healthz", headers=asked).json()["failing"].keys() == {"worker", "collector"}
    assert client.post("/healthz", headers=asked).status_code == 405
    assert client.get("/login/", headers=asked).status_code == 400
    assert client.get("/login/", headers={"host": "hmm.example.org"}).status_code == 301


@pytest.mark.django_db(transaction=True)
def test_what_is_silent_is_named(client):
    beat("worker", timezone.now() - timedelta(minutes=5))
    beat("collector", timezone.now())
    reply = client.get("/healthz")
    assert reply.status_code == 503
    assert reply.json()["failing"]["worker"].startswith("silent since ")
    assert "collector" not in reply.json()["failing"]


@pytest.mark.django_db(transaction=True)
def test_many_questions_are_one_look(client, monkeypatch):
    looks = []
    look = health.look_for_failures
    monkeypatch.setattr(health, "look_for_failures", lambda now: looks.append(now) or look(now))
    monkeypatch.setattr(health, "ANSWER_LASTS_S", 60.0)
    for _ in range(20):
        client.get("/healthz")
    assert len(looks) == 1


@pytest.fixture
def dead_end(settings):
    """A default database that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        given = connections["default"].settings_dict
        before = dict(given)
        there = {
            "ENGINE": "django.db.backends.postgresql",
            "HOST": "127.0.0.1",
            "PORT": server.getsockname()[1],
        }
        given.update(there, OPTIONS={"pool": {"min_size": 1, "timeout": 30}})
        yield server
        given.clear()
        given.update(before)


@pytest.mark.django_db
def test_database_that_says_nothing_is_named_within_seconds(client, dead_end):
    began = time.monotonic()
    reply = client.get("/healthz")
    assert time.monotonic() - began < 15
    assert reply.status_code == 503
    assert reply.json()["failing"].keys() == {"database"}


@pytest.mark.django_db
def test_database_that_is_down_is_named_and_why_is_for_the_log(client, dead_end, caplog):
    """Once: who asks often does not fill the log. Hosts, ports and users are nobody else's business."""
    caplog.set_level("INFO", "hmm.health")
    dead_end.close()
    for _ in range(2):
        answer.forget()
        reply = client.get("/healthz")
        assert reply.status_code == 503
        assert reply.json()["failing"] == {"database": "cannot be asked: HMM's log says why"}
    (said,) = caplog.messages
    assert "refused" in said
    assert "127.0.0.1" in said


@pytest.mark.django_db(transaction=True)
def test_that_the_database_is_back_is_said_once(caplog):
    caplog.set_level("INFO", "hmm.health")
    health.look_for_failures(timezone.now())
    caplog.clear()
    with pytest.MonkeyPatch.context() as away:
        away.setattr(health, "read_beats", Mock(side_effect=OperationalError("gone\nfor good")))
        health.look_for_failures(timezone.now())
    for _ in range(2):
        health.look_for_failures(timezone.now())
    assert caplog.messages == [
        "the database cannot be asked how things are: gone",
        "the database can be asked again",
    ]


@pytest.mark.django_db(transaction=True)
def test_its_answer_is_no_error_in_the_log_and_others_still_are(client, caplog):
    assert client.get("/healthz").status_code == 503
    assert "healthz" not in caplog.text
    assert client.get("/healthz/nothing").status_code == 404
    assert "Not Found: /healthz/nothing" in caplog.text
