"""What is written, by whom, and that a write that fails disturbs nothing."""

import logging
import socket
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, OperationalError, ProgrammingError, connection, connections, transaction
from django.utils import timezone
from django_q.models import OrmQ

from hmm.models import JobRun
from hmm.system_metrics import reporter as reporting
from hmm.system_metrics import write as writing
from hmm.system_metrics.base import Sample, Statistic
from hmm.system_metrics.partitions import ensure_hours
from hmm.system_metrics.read import statistics
from hmm.system_metrics.reporter import Reporter, mark, report_probes, report_process
from hmm.system_metrics.statistics import web
from hmm.system_metrics.write import write, write_probes
from tests.hmm.system_metrics.rows import stored

pytestmark = pytest.mark.django_db(transaction=True)
LOAD = Statistic("load", "1", "web", "Load")


@pytest.fixture(autouse=True)
def _drained():
    """No test sees what another has counted."""
    for instrument in (web.requests, web.errors, web.duration_ms, web.cache_hits, web.cache_misses):
        instrument.drain(1.0)


@pytest.fixture
def no_table():
    """A database whose table has gone."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE system_metrics RENAME TO gone")
    yield
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE gone RENAME TO system_metrics")


@pytest.fixture
def somewhere_else():
    """Point new connections at a port of this machine; the test's own stay where they are."""
    given = connections["default"].settings_dict
    before = dict(given)

    def point(port: int) -> None:
        given.update(ENGINE="django.db.backends.postgresql", HOST="127.0.0.1", PORT=port)

    yield point
    given.update(before)


def failing_once(reporter: Reporter, caplog: pytest.LogCaptureFixture) -> str:
    """Report three times without success; return the one thing that was said of it."""
    with caplog.at_level(logging.INFO, "hmm.system_metrics.reporter"):
        for _ in range(3):
            assert reporter.report(timezone.now(), time.monotonic()) is False
    (said,) = caplog.messages
    return said


def test_marks_are_every_thirty_seconds_of_utc():
    assert mark(datetime(2026, 6, 1, 12, 0, 59, 999999, tzinfo=UTC)) == datetime(
        2026, 6, 1, 12, 0, 30, tzinfo=UTC
    )
    assert mark(datetime(2026, 6, 1, 12, 1, tzinfo=UTC)) == datetime(2026, 6, 1, 12, 1, tzinfo=UTC)


def test_a_process_writes_its_instruments_with_its_process_id():
    web.requests.add(60)
    web.duration_ms.observe(12.5)
    reporter = Reporter(report_process("web"), "web")
    assert reporter.report(timezone.now(), reporter._written_s + 30) is True
    assert ("http_requests_per_s", "web", 2.0) in stored()
    assert ("http_request_duration_ms_p95", "web", 12.5) in stored()
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT tags ? 'pid', time = %s FROM system_metrics", [mark(timezone.now())])
        assert cursor.fetchall() == [(True, True)]


def test_the_thread_writes_and_stops(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(reporting, "EVERY_S", 0.01)
    written = threading.Event()
    reporter = Reporter(lambda at, window_s: written.set() or 1, "trial").start()
    assert written.wait(30)
    reporter.stop()
    reporter._thread.join(30)
    assert not reporter._thread.is_alive()


def test_the_table_gone_is_said_once_and_later_that_it_is_back(no_table, caplog):
    reporter = Reporter(report_process("web"), "web")
    assert "system_metrics" in failing_once(reporter, caplog)


def test_it_goes_on_when_the_table_is_back(caplog):
    reporter = Reporter(lambda at, window_s: write([Sample(LOAD, 1.0)], at, {}), "web")
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE system_metrics RENAME TO gone")
    try:
        failing_once(reporter, caplog)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE gone RENAME TO system_metrics")
    assert reporter.report(timezone.now(), time.monotonic()) is True
    assert stored() == [("load", "web", 1.0)]


def test_a_database_that_is_away_is_said_once(somewhere_else, caplog):
    with socket.create_server(("127.0.0.1", 0)) as server:
        free = server.getsockname()[1]
    somewhere_else(free)
    failing_once(Reporter(report_process("web"), "web"), caplog)


def test_a_database_that_takes_connections_and_says_nothing_is_given_up(somewhere_else, caplog, monkeypatch):
    monkeypatch.setattr(writing, "CONNECT_S", 1)
    with socket.create_server(("127.0.0.1", 0)) as server:
        somewhere_else(server.getsockname()[1])
        failing_once(Reporter(report_process("web"), "web"), caplog)


def test_a_slow_database_is_given_up(monkeypatch):
    monkeypatch.setattr(writing, "STATEMENT_S", 1)
    with pytest.raises(OperationalError, match="timeout"), writing.own_transaction() as cursor:
        cursor.execute("SELECT pg_sleep(60)")


def test_a_locked_table_is_given_up_and_nothing_is_written(monkeypatch):
    monkeypatch.setattr(writing, "STATEMENT_S", 1)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("LOCK TABLE system_metrics IN ACCESS EXCLUSIVE MODE")
        assert Reporter(report_process("web"), "web").report(timezone.now(), time.monotonic()) is False
    assert stored() == []


def test_a_fault_in_a_statistic_does_not_end_the_reporting(caplog):
    def broken(at: datetime, window_s: float) -> int:
        raise ZeroDivisionError("a figure of nothing")

    assert "could not be made" in failing_each(Reporter(broken, "web"), caplog)


def failing_each(reporter: Reporter, caplog: pytest.LogCaptureFixture) -> str:
    assert reporter.report(timezone.now(), time.monotonic()) is False
    return caplog.messages[-1]


def test_a_page_is_served_while_nothing_can_be_written(no_table, client):
    """Counting goes on in the process; only the writing is lost."""
    assert client.get("/login/").status_code == 200
    assert Reporter(report_process("web"), "web").report(timezone.now(), time.monotonic()) is False
    assert client.get("/login/").status_code == 200
    assert web.requests.drain(1.0)[0].value == 1.0


def test_writing_does_not_use_the_connection_of_the_service(django_assert_num_queries):
    with django_assert_num_queries(0):
        write([Sample(LOAD, 1.0)], timezone.now(), {})
    assert stored() == [("load", "web", 1.0)]


def test_nothing_is_kept_of_a_write_that_fails_half_way():
    def half_way() -> None:
        with writing.own_transaction() as cursor:
            writing.insert(cursor, [Sample(LOAD, 1.0)], timezone.now(), {})
            cursor.execute("SELECT * FROM nowhere")

    with pytest.raises(ProgrammingError):
        half_way()
    assert stored() == []


@pytest.mark.native
def test_an_hour_that_a_connection_does_not_see_is_looked_for_on_another(monkeypatch: pytest.MonkeyPatch):
    """As where another session attaches it in the moment in which this one first looks at the table."""
    looks = []

    def blind_once(cursor: Any, hours: list[datetime]) -> int:
        looks.append(cursor.db)
        return 0 if len(looks) == 1 else ensure_hours(cursor, hours)

    monkeypatch.setattr(writing, "ensure_hours", blind_once)
    assert write([Sample(LOAD, 1.0)], datetime(2031, 5, 6, 7, tzinfo=UTC), {}) == 1
    assert stored() == [("load", "web", 1.0)]
    assert len(set(looks)) == 2


@pytest.mark.native
def test_an_hour_that_is_never_there_fails_after_the_second_look(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(writing, "ensure_hours", lambda cursor, hours: 0)
    with pytest.raises(IntegrityError, match="no partition"):
        write([Sample(LOAD, 1.0)], datetime(2031, 5, 6, 8, tzinfo=UTC), {})


def test_the_probes_write_worker_and_database():
    now = mark(timezone.now())
    OrmQ.objects.create(key="hmm", payload="x", lock=now)
    for name, seconds_ago, duration_s, success in (
        ("hourly", 20, 5.0, True),
        ("hourly", 10, 2.0, True),
        ("daily", 9, 1.0, False),
        ("hourly", 300, 9.0, True),  # over before the last look
        ("hourly", 2, 9.0, True),  # not yet over
    ):
        JobRun.objects.create(
            name=name, started_at=now - timedelta(seconds=seconds_ago), duration_s=duration_s, success=success
        )
    assert report_probes(now, 30.0) > 0
    found = stored()
    assert [row for row in found if row[1] == "worker"] == [
        ("job_duration_ms", "worker", 1000.0),
        ("job_duration_ms", "worker", 5000.0),
        ("jobs_failed_count", "worker", 1.0),
        ("jobs_ok_count", "worker", 2.0),
        ("queue_depth_tasks", "worker", 1.0),
    ]
    database = {name: value for name, service, value in found if service == "database"}
    assert database["database_size_bytes"] > 1_000_000
    assert 1 <= database["database_connections"] <= database["database_connections_most"]
    assert 0 <= database["database_cache_hit_percent"] <= 100
    assert "replication_lag_s" not in database  # no replica


def test_two_workers_probe_once_at_a_mark():
    now = mark(timezone.now())
    assert write_probes(now - timedelta(seconds=30), now) > 0
    before = stored()
    assert write_probes(now - timedelta(seconds=30), now) == 0
    assert stored() == before


def test_two_workers_at_the_same_moment_probe_once():
    now = mark(timezone.now())
    together, written = threading.Barrier(4), []

    def probe() -> None:
        together.wait(30)
        written.append(write_probes(now - timedelta(seconds=30), now))

    threads = [threading.Thread(target=probe) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sum(count > 0 for count in written) == 1
    assert len(written) == 4


def test_every_statistic_has_one_name_and_a_unit():
    names = [statistic.name for statistic in statistics()]
    assert len(names) == len(set(names))
    assert all(statistic.unit and statistic.help for statistic in statistics())
