"""Partitions go without stopping whoever writes; and years of days share few of them."""

import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from django.db import connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from hmm.lib.patience import PAUSES_S
from miners.models import Miner
from miners.telemetry.partitions import (
    A_DAY,
    Partition,
    drop_if_empty,
    ensure_days,
    forget_known_days,
    keep_partitions,
    list_partitions,
    partitions_for,
)
from miners.telemetry.rows import TelemetryRow
from miners.telemetry.write import write_rows
from tests.factories import MinerFactory

DAY = date(2031, 5, 6)
OTHER = date(2031, 5, 7)
MIDNIGHT = datetime(2031, 5, 6, tzinfo=UTC)


def partition(day: date = DAY) -> Partition:
    return Partition.of(day, day + A_DAY)


@pytest.fixture
def days(transactional_db: None) -> Iterator[None]:
    forget_known_days()
    ensure_days([DAY, OTHER])
    yield
    with connection.cursor() as cursor:
        for day in (DAY, OTHER):
            cursor.execute(f"DROP TABLE IF EXISTS {partition(day).name}")


def write(miner: Miner, at: datetime) -> int:
    rows = [TelemetryRow(miner.pk, at, 1, power_w=15.0)]
    return write_rows(rows, source="push", now=at).stored


def no_sleep(_: float) -> None:
    """Try again at once."""


@pytest.mark.native
def test_an_empty_partition_is_dropped(days: None) -> None:
    assert drop_if_empty(partition())
    assert partition() not in list_partitions()
    assert partition(OTHER) in list_partitions()


@pytest.mark.native
def test_one_with_rows_stays(days: None) -> None:
    write(MinerFactory(), MIDNIGHT + timedelta(hours=1))
    assert not drop_if_empty(partition(), no_sleep)
    assert partition() in list_partitions()


@pytest.mark.native
def test_what_somebody_else_has_dropped_is_gone(days: None) -> None:
    assert drop_if_empty(partition())
    assert drop_if_empty(partition())


def in_thread(work: object) -> threading.Thread:
    def run() -> None:
        try:
            work()  # type: ignore[operator]
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


@pytest.mark.native
def test_who_drops_gives_up_while_a_reader_holds_telemetry_and_nobody_waits_behind(days: None) -> None:
    """A long reader, a drop that wants its lock, and a writer: the writer gets through, the partition stays."""
    miner = MinerFactory()
    outcome: list[bool] = []
    wrote: list[int] = []
    first_pause = threading.Event()
    reading = threading.Event()
    over = threading.Event()

    def read() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM telemetry")
            reading.set()
            over.wait(30)

    reader = in_thread(read)
    assert reading.wait(30)
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        first_pause.set()

    dropper = in_thread(lambda: outcome.append(drop_if_empty(partition(), pause)))
    assert first_pause.wait(30)
    wrote.append(write(miner, MIDNIGHT + A_DAY + timedelta(hours=1)))
    dropper.join(30)
    over.set()
    reader.join(30)
    assert (outcome, wrote) == ([False], [1])
    assert pauses == list(PAUSES_S)
    assert partition() in list_partitions()
    assert drop_if_empty(partition(), no_sleep)


@pytest.mark.native
def test_writers_that_go_on_all_the_while_lose_nothing_and_never_fail(days: None) -> None:
    """Rows for the day after are stored one transaction after the other while partitions come and go."""
    miner = MinerFactory()
    stop = threading.Event()
    stored: list[int] = []
    failed: list[BaseException] = []

    def write_on() -> None:
        at = MIDNIGHT + A_DAY
        try:
            while not stop.is_set():
                at += timedelta(seconds=1)
                stored.append(write(miner, at))
        except BaseException as error:  # noqa: BLE001 - looked at below
            failed.append(error)

    writer = in_thread(write_on)
    dropped = []
    for _ in range(8):
        dropped.append(drop_if_empty(partition()))
        assert partition() not in list_partitions()
        forget_known_days()
        ensure_days([DAY])
    stop.set()
    writer.join(30)
    assert failed == []
    assert dropped == [True] * 8
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM telemetry")
        assert cursor.fetchone() == (sum(stored),)


@pytest.mark.native
def test_a_late_row_and_the_drop_of_its_day_take_turns(days: None) -> None:
    """A writer of an old day keeps its partition until it commits; the row is there afterwards, whoever was first."""
    outcome: list[bool] = []
    tried = threading.Event()
    with transaction.atomic():
        keep_partitions()
        ensure_days([DAY])
        dropper = in_thread(lambda: outcome.append(drop_if_empty(partition(), lambda _: tried.set())))
        assert tried.wait(30)
        write(MinerFactory(), MIDNIGHT + timedelta(hours=1))
    dropper.join(60)
    assert outcome == [False]
    assert partition() in list_partitions()


@pytest.mark.parametrize("existing", [[], [DAY - timedelta(days=400)]])
def test_years_of_days_share_partitions_but_for_the_newest(existing: list[date]) -> None:
    there = [partition(day) for day in existing]
    missing = [
        DAY - timedelta(days=n) for n in reversed(range(3650)) if DAY - timedelta(days=n) not in existing
    ]
    made = partitions_for(missing, there)
    assert len(made) <= 31 + 11 + len(existing)
    assert [p for p in made if p.end - p.start == A_DAY][-1] == partition()
    assert len([p for p in made if p.end - p.start > A_DAY]) <= 11 + len(existing)


@given(
    there=st.sets(st.integers(0, 900), max_size=30),
    wanted=st.sets(st.integers(0, 900), max_size=200) | st.just(set(range(900))),
)
def test_every_missing_day_has_one_partition_and_none_overlap(there: set[int], wanted: set[int]) -> None:
    existing = sorted(partition(DAY + n * A_DAY) for n in there)
    missing = sorted(DAY + n * A_DAY for n in wanted - there)
    found = sorted([*existing, *partitions_for(missing, existing)])
    assert all(a.end <= b.start for a, b in pairwise(found))
    for day in missing:
        assert len([p for p in found if p.start <= day < p.end]) == 1
