"""A day of a miner that is plain and packed at once, as after a clock that went back, is made one again."""

from datetime import timedelta

import pytest
from django.db import connection

from miners.models import Miner
from miners.telemetry.packed.job import pack_old
from miners.telemetry.packed.store import pack
from tests.miners.telemetry.packed.conftest import A_DAY, DAY, MIDNIGHT, packed_days, plain, row, write

WEEK_LATER = MIDNIGHT + timedelta(days=8)

pytestmark = pytest.mark.native


def make_both(miner: Miner) -> None:
    """Leave DAY packed, with rows at 60 and 120 s, and plain, with one of its own and another at 120 s."""
    write(row(miner, 90, 60, fan_rpm=2), row(miner, 120, 30, fan_rpm=2))
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE beside AS SELECT * FROM telemetry")
        cursor.execute("DELETE FROM telemetry")
        write(row(miner, 60, fan_rpm=1), row(miner, 120, 60, fan_rpm=1))
        pack([miner.pk], DAY)
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
