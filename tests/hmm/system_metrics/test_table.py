"""The table, its indexes and views, on either kind of server; hours made ahead and dropped by age."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from hmm.system_metrics.partitions import drop_before, ensure_hours, hours_between, partition_name
from hmm.system_metrics.read import recent
from tests.hmm.system_metrics.rows import put, stored

HOUR = datetime(2031, 5, 6, 7, tzinfo=UTC)


def ask(query: str) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchall()


def partitions() -> set[str]:
    return {
        name
        for (name,) in ask(
            "SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid "
            "WHERE inhparent = 'system_metrics'::regclass"
        )
    }


def latest() -> list[tuple]:
    return ask("SELECT metric_name, service, value FROM system_metrics_latest ORDER BY 1, 2, 3")


def test_hours_between_are_those_a_range_touches():
    start = HOUR + timedelta(minutes=59)
    assert hours_between(start, HOUR + timedelta(hours=2)) == [HOUR, HOUR + timedelta(hours=1)]
    assert hours_between(HOUR, HOUR + timedelta(microseconds=1)) == [HOUR]


@pytest.mark.django_db
def test_the_columns_and_the_indexes_are_as_published():
    columns = ask(
        "SELECT column_name, data_type FROM information_schema.columns "
        "WHERE table_name = 'system_metrics' ORDER BY ordinal_position"
    )
    assert columns == [
        ("time", "timestamp with time zone"),
        ("metric_name", "text"),
        ("service", "text"),
        ("tags", "jsonb"),
        ("value", "double precision"),
    ]
    indexes = sorted(
        definition.split(" USING btree ")[1]
        for (definition,) in ask("SELECT indexdef FROM pg_indexes WHERE tablename = 'system_metrics'")
    )
    assert indexes == [
        '(metric_name, "time" DESC)',
        '(metric_name, service, "time" DESC)',
        '(service, "time" DESC) WHERE (service IS NOT NULL)',
    ]


@pytest.mark.django_db
def test_latest_is_the_newest_of_each_name_and_service_however_old():
    now = timezone.now().replace(microsecond=0)
    put(now - timedelta(days=3), "a", "web", 1)
    put(now - timedelta(days=2), "a", "web", 2)
    put(now, "a", "worker", 3)
    put(now - timedelta(hours=1), "b", None, 4)
    put(now - timedelta(hours=2), "b", None, 5)
    assert latest() == [("a", "web", 2.0), ("a", "worker", 3.0), ("b", None, 4.0)]


@pytest.mark.django_db
def test_latest_has_a_row_for_each_process_that_still_writes_and_none_for_one_that_has_gone():
    now = timezone.now().replace(microsecond=0)
    put(now - timedelta(seconds=60), "a", "web", 1, pid=1)  # has gone
    for seconds in (60, 30):
        put(now - timedelta(seconds=seconds), "a", "web", 2, pid=2)  # about to write
    put(now - timedelta(seconds=30), "a", "web", 3, pid=3)
    put(now, "a", "web", 4, pid=3)
    assert latest() == [("a", "web", 2.0), ("a", "web", 4.0)]


@pytest.mark.django_db
def test_latest_of_nothing_is_nothing():
    assert latest() == []


@pytest.mark.django_db
def test_recent_sums_up_five_minutes_by_service():
    now = timezone.now()
    for minutes, value in ((6, 100), (4, 1), (2, 3), (1, 8)):
        put(now - timedelta(minutes=minutes), "a", "web", value)
    put(now, "a", "worker", 7)
    assert [(r.service, r.metric_name, r.samples, r.average, r.minimum, r.maximum) for r in recent()] == [
        ("web", "a", 3, 4.0, 1.0, 8.0),
        ("worker", "a", 1, 7.0, 7.0, 7.0),
    ]


@pytest.mark.native
@pytest.mark.django_db
def test_hours_are_made_once_with_the_indexes():
    with connection.cursor() as cursor:
        assert ensure_hours(cursor, [HOUR, HOUR + timedelta(hours=1)]) == 2
        assert ensure_hours(cursor, [HOUR]) == 0
    assert partition_name(HOUR) == "system_metrics_p2031050607"
    assert {partition_name(HOUR), partition_name(HOUR + timedelta(hours=1))} <= partitions()
    assert len(ask(f"SELECT 1 FROM pg_indexes WHERE tablename = '{partition_name(HOUR)}'")) == 3


@pytest.mark.django_db(transaction=True)
def test_only_hours_that_are_over_before_the_cutoff_are_dropped():
    drop_before(HOUR)  # what other tests have left
    for hours in range(3):
        put(HOUR + timedelta(hours=hours, minutes=30), "a", "web", hours)
    assert drop_before(HOUR + timedelta(hours=1, minutes=59)) == 1
    assert stored() == [("a", "web", 1.0), ("a", "web", 2.0)]
    assert drop_before(HOUR + timedelta(hours=3)) == 2
    assert stored() == []
    assert drop_before(HOUR + timedelta(hours=3)) == 0


@pytest.mark.native
@pytest.mark.django_db(transaction=True)
def test_what_was_interrupted_between_detaching_and_dropping_is_finished():
    drop_before(HOUR)  # what other tests have left
    put(HOUR, "a", "web", 1)
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE system_metrics DETACH PARTITION {partition_name(HOUR)}")
    assert drop_before(HOUR + timedelta(hours=1)) == 1
    assert ask(f"SELECT to_regclass('{partition_name(HOUR)}')") == [(None,)]


@pytest.mark.django_db(transaction=True)
def test_dropping_and_making_wait_for_no_writer_and_no_writer_for_them():
    """While one writes on and on to the newest hour, an old one is dropped and a new one is made."""
    drop_before(HOUR)  # what other tests have left
    put(HOUR, "a", "web", 1)
    ensure_and_commit(HOUR + timedelta(days=1))
    blocked: list[BaseException] = []
    holding, done = threading.Event(), threading.Event()

    def write_on() -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '5s'")
            while not done.is_set():
                put(HOUR + timedelta(days=1), "b", "web", 2)
                holding.set()
        except BaseException as error:  # noqa: BLE001 - handed to the test's own thread
            blocked.append(error)
        finally:
            holding.set()
            connection.close()

    writer = threading.Thread(target=write_on)
    writer.start()
    holding.wait(30)
    try:
        assert drop_before(HOUR + timedelta(hours=1)) == 1
        ensure_and_commit(HOUR + timedelta(days=1, hours=5))
    finally:
        done.set()
        writer.join(30)
    assert blocked == []
    drop_before(HOUR + timedelta(days=3))


def ensure_and_commit(hour: datetime) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        ensure_hours(cursor, [hour])


@pytest.mark.timescale
@pytest.mark.django_db
def test_it_is_a_hypertable_of_one_hour_chunks():
    found = ask(
        "SELECT column_name, time_interval FROM timescaledb_information.dimensions "
        "WHERE hypertable_name = 'system_metrics'"
    )
    assert found == [("time", timedelta(hours=1))]
