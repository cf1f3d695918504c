"""A day of a miner that is plain and packed at once, as after a clock that went back, is made one again."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from django.db import connection

from hmm.models import DirtyRange
from miners.models import Miner
from miners.telemetry.packed.job import pack_old
from miners.telemetry.packed.store import pack
from miners.telemetry.rows import TelemetryRow
from tests.miners.telemetry.packed.conftest import (
    A_DAY,
    DAY,
    MIDNIGHT,
    pack_all,
    packed_days,
    plain,
    row,
    unpack_all,
    write,
)

DAY_S = 86400
WEEK_LATER = MIDNIGHT + timedelta(days=8)

pytestmark = pytest.mark.native


def make_both(miner: Miner) -> None:
    """Leave DAY packed, with rows at 60 and 120 s, and plain, with one of its own and another at 120 s."""
    make_both_of(
        [row(miner, 60, fan_rpm=1), row(miner, 120, 60, fan_rpm=1)],
        [row(miner, 90, 60, fan_rpm=2), row(miner, 120, 30, fan_rpm=2)],
    )


def make_both_of(was_packed: Sequence[TelemetryRow], is_plain: Sequence[TelemetryRow]) -> None:
    """Store rows and pack all, then others of the same miner beside them, without a word between the two."""
    write(*is_plain)
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE beside AS SELECT * FROM telemetry")
        cursor.execute("DELETE FROM telemetry")
        write(*was_packed)
        pack_all()
        cursor.execute("INSERT INTO telemetry SELECT * FROM beside")
        cursor.execute("DROP TABLE beside")


@pytest.mark.django_db(transaction=True)
def test_it_is_packed_with_what_was_delivered_first_and_the_days_after_it_too(
    miner: Miner, clean_partitions: None
) -> None:
    make_both(miner)
    write(row(miner, 86400 + 60))
    pack_old(WEEK_LATER + A_DAY, 7)
    assert packed_days() == [(miner.pk, DAY, 3), (miner.pk, DAY + A_DAY, 1)]
    assert plain() == []


@pytest.mark.django_db
def test_a_late_row_finds_it_whole_and_no_intervals_overlap(miner: Miner) -> None:
    make_both(miner)
    write(row(miner, 150, 60, fan_rpm=3))
    told = [(r[1] - MIDNIGHT, r[2], r[6]) for r in plain()]
    assert packed_days() == []
    assert told == [
        (timedelta(seconds=60), 30, 1),
        (timedelta(seconds=90), 30, 2),
        (timedelta(seconds=120), 30, 1),
        (timedelta(seconds=150), 30, 3),
    ]


def unite(miner: Miner) -> tuple[list[tuple[int, int]], tuple[int, int]]:
    """Unite DAY; return its plain rows and those beside it (second, covered), and from when to when is dirty."""
    DirtyRange.objects.all().delete()
    pack([miner.pk], DAY)
    unpack_all()
    dirty = DirtyRange.objects.get()
    seconds = [round((at - MIDNIGHT).total_seconds()) for at in (dirty.start, dirty.end)]
    return [(round((r[1] - MIDNIGHT).total_seconds()), r[2]) for r in plain()], (seconds[0], seconds[1])


@pytest.mark.django_db
@pytest.mark.parametrize("was_packed", [60, 120])
def test_figures_of_the_day_before_are_made_anew_where_a_row_reaches_into_it(
    miner: Miner, was_packed: int
) -> None:
    """A row that is shortened, and one that gives way to what was packed of that second."""
    make_both_of([row(miner, was_packed)], [row(miner, 120, 3600)])
    rows, dirty = unite(miner)
    assert rows == ([(60, 30), (120, 60)] if was_packed == 60 else [(120, 30)])
    assert dirty == (120 - 3600, DAY_S)


@pytest.mark.django_db
def test_the_first_row_of_the_next_day_begins_after_what_was_packed(miner: Miner) -> None:
    make_both_of([row(miner, DAY_S - 60)], [row(miner, 600), row(miner, DAY_S + 60, 7200)])
    rows, dirty = unite(miner)
    assert rows == [(600, 30), (DAY_S - 60, 30), (DAY_S + 60, 120)]
    assert dirty == (0, DAY_S + 60)


@pytest.mark.django_db
@pytest.mark.parametrize("is_packed", [True, False])
def test_the_first_row_begins_after_the_last_of_the_day_before_whatever_its_form(
    miner: Miner, is_packed: bool
) -> None:
    make_both_of([row(miner, -60), row(miner, 120)], [row(miner, 60, 7200)])
    if not is_packed:
        unpack_all([DAY - A_DAY])
    rows, dirty = unite(miner)
    assert rows == [(-60, 30), (60, 120), (120, 30)]
    assert dirty == (60 - 7200, DAY_S)


@pytest.mark.django_db
@pytest.mark.parametrize("is_both", [True, False])
def test_what_is_packed_of_the_next_day_begins_after_the_last_plain_row(miner: Miner, is_both: bool) -> None:
    next_day = [row(miner, DAY_S + 30, 60), row(miner, DAY_S + 60)]
    make_both_of([row(miner, 600 if is_both else -600), *next_day], [row(miner, DAY_S - 10)])
    DirtyRange.objects.all().delete()
    pack([miner.pk], DAY)
    assert DirtyRange.objects.filter(
        start=MIDNIGHT + timedelta(seconds=DAY_S - 30), end=MIDNIGHT + timedelta(seconds=DAY_S + 30)
    ).exists()
    unpack_all([DAY + A_DAY])
    assert [(r[1] - MIDNIGHT - A_DAY, r[2]) for r in plain()] == [
        (timedelta(seconds=30), 40),
        (timedelta(seconds=60), 30),
    ]
