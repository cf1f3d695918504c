"""Daily partitions: made once, in UTC, by one session at a time, and never remembered when rolled back."""

import threading
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from django.db import IntegrityError, connection, transaction

from miners.telemetry.partitions import ensure_days, ensure_partitions, partition_name, seeing_partitions

DAY = date(2031, 5, 6)

pytestmark = pytest.mark.native


def attached() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid "
            "WHERE inhparent = 'telemetry'::regclass"
        )
        return {name for (name,) in cursor.fetchall()}


def drop(*days: date) -> None:
    with connection.cursor() as cursor:
        for day in days:
            cursor.execute(f"DROP TABLE IF EXISTS {partition_name(day)}")


@pytest.mark.django_db
def test_a_range_makes_every_day_it_touches_and_not_the_day_of_its_end() -> None:
    made = ensure_partitions(datetime(2031, 5, 6, 23, 59, tzinfo=UTC), datetime(2031, 5, 8, tzinfo=UTC))
    assert made == [date(2031, 5, 6), date(2031, 5, 7)]
    assert {"telemetry_p20310506", "telemetry_p20310507"} <= attached()
    assert "telemetry_p20310508" not in attached()


def session() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


def write_where_nothing_is() -> None:
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO telemetry (miner_id, timestamp, covered_s) VALUES (1, '1999-01-01', 1)")


@pytest.mark.django_db(transaction=True)
def test_a_partition_that_a_connection_does_not_see_is_looked_for_on_another() -> None:
    """As where somebody attaches it in the moment in which this one first looks at telemetry."""
    sessions: list[int] = []

    def work() -> str:
        sessions.append(session())
        if len(sessions) == 1:
            write_where_nothing_is()
        return "written"

    assert seeing_partitions(work) == "written"
    assert len(set(sessions)) == 2
    with pytest.raises(IntegrityError, match="no partition"):
        seeing_partitions(write_where_nothing_is)


@pytest.mark.django_db
def test_other_faults_and_transactions_of_others_are_left_alone() -> None:
    calls: list[int] = []

    def fail() -> None:
        calls.append(1)
        with transaction.atomic():
            write_where_nothing_is()

    with pytest.raises(IntegrityError):
        seeing_partitions(fail)
    with pytest.raises(ZeroDivisionError):
        seeing_partitions(lambda: 1 // 0)
    assert calls == [1]


@pytest.mark.django_db
def test_days_are_those_of_utc_whatever_the_offset() -> None:
    summer = timezone(timedelta(hours=1))
    start = datetime(2031, 5, 7, 0, 30, tzinfo=summer)
    assert ensure_partitions(start, start + timedelta(minutes=1)) == [DAY]


@pytest.mark.django_db
def test_making_again_makes_nothing() -> None:
    assert ensure_days([DAY]) == [DAY]
    assert ensure_days([DAY]) == []


@pytest.mark.django_db(transaction=True)
def test_known_days_cost_no_query(django_assert_num_queries: object) -> None:
    ensure_days([DAY])
    try:
        with django_assert_num_queries(0):  # type: ignore[operator]
            assert ensure_days([DAY]) == []
    finally:
        drop(DAY)


@pytest.mark.django_db(transaction=True)
def test_a_rolled_back_partition_is_not_remembered() -> None:
    with transaction.atomic():
        assert ensure_days([DAY]) == [DAY]
        transaction.set_rollback(True)
    assert partition_name(DAY) not in attached()
    assert ensure_days([DAY]) == [DAY]
    drop(DAY)


@pytest.mark.django_db(transaction=True)
def test_sessions_that_make_the_same_day_at_once_make_it_once() -> None:
    made: list[list[date]] = []
    together = threading.Barrier(4)

    def make() -> None:
        together.wait(10)
        made.append(ensure_days([DAY]))
        connection.close()

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    try:
        assert sorted(made) == [[], [], [], [DAY]]
    finally:
        drop(DAY)


@pytest.mark.django_db(transaction=True)
def test_making_a_partition_waits_for_no_reader_or_writer() -> None:
    """Another session that holds telemetry open for writing does not hold up the making of a day."""
    blocked: list[BaseException] = []

    def make() -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '5s'")
            ensure_days([DAY])
        except BaseException as error:  # noqa: BLE001 - handed to the test's own thread
            blocked.append(error)
        finally:
            connection.close()

    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("LOCK TABLE telemetry IN ROW EXCLUSIVE MODE")
        maker = threading.Thread(target=make)
        maker.start()
        maker.join(30)
    try:
        assert blocked == []
        assert partition_name(DAY) in attached()
    finally:
        drop(DAY)
