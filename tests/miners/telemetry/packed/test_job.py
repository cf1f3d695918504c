"""Old days are packed, empty partitions go, and a history of years leaves no thousand of them."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from unittest.mock import patch

import pytest
from django.db import connection

from miners.models import Miner
from miners.telemetry.importing import import_file
from miners.telemetry.packed import job
from miners.telemetry.packed.job import first_plain_day, groups, pack_old
from miners.telemetry.partitions import ensure_days, list_partitions
from miners.telemetry.read import rows_between
from tests.factories import MinerFactory
from tests.miners.telemetry.packed.conftest import (
    A_DAY,
    DAY,
    MIDNIGHT,
    packed_days,
    partition_of,
    plain,
    row,
    write,
)

DAY_S = 86400
WEEK_LATER = MIDNIGHT + timedelta(days=8)


def test_no_row_of_a_packed_day_is_younger_than_the_detail_days() -> None:
    at_noon = datetime(2025, 3, 18, 12, tzinfo=UTC)
    assert first_plain_day(at_noon, 7) == date(2025, 3, 11)
    assert first_plain_day(at_noon.replace(hour=0), 7) == date(2025, 3, 11)
    east = at_noon.astimezone(datetime.strptime("+1400", "%z").tzinfo)
    assert first_plain_day(east, 7) == date(2025, 3, 11)


@pytest.mark.native
@pytest.mark.django_db(transaction=True)
def test_days_that_are_old_enough_are_packed_and_their_partitions_go(
    miner: Miner, clean_partitions: None
) -> None:
    write(row(miner, 0), row(miner, 60), row(miner, DAY_S), row(miner, DAY_S + 30))
    assert pack_old(WEEK_LATER, 7) == 2
    assert packed_days() == [(miner.pk, DAY, 2)]
    assert len(plain()) == 2
    assert partition_of(DAY) is None
    assert partition_of(DAY + A_DAY) is not None
    assert pack_old(WEEK_LATER, 7) == 0


@pytest.mark.native
@pytest.mark.django_db(transaction=True)
def test_a_late_row_makes_its_partition_anew_and_is_packed_by_the_next_run(
    miner: Miner, clean_partitions: None
) -> None:
    write(row(miner, 60))
    pack_old(WEEK_LATER, 7)
    write(row(miner, 30))
    assert partition_of(DAY) is not None
    assert len(plain()) == 2
    assert pack_old(WEEK_LATER, 7) == 2
    assert packed_days() == [(miner.pk, DAY, 2)]
    assert partition_of(DAY) is None


@pytest.mark.native
@pytest.mark.django_db(transaction=True)
def test_a_run_that_is_stopped_goes_on_where_it_was(clean_partitions: None) -> None:
    miners = MinerFactory.create_batch(3)
    write(*(row(m, n * 30) for m in miners for n in range(4)))
    real, done = job.pack, []

    def stopped(miner_ids: list[int], day: date) -> int:
        if done:
            raise KeyboardInterrupt
        done.append(real(miner_ids, day))
        return done[-1]

    with (
        patch.object(job, "ROWS_AT_ONCE", 4),
        patch.object(job, "pack", stopped),
        pytest.raises(KeyboardInterrupt),
    ):
        pack_old(WEEK_LATER, 7)
    assert (len(packed_days()), len(plain())) == (1, 8)
    assert pack_old(WEEK_LATER, 7) == 8
    assert (len(packed_days()), len(plain())) == (3, 0)


@pytest.mark.native
@pytest.mark.django_db
def test_miners_are_packed_together_up_to_so_many_rows() -> None:
    miners = MinerFactory.create_batch(3)
    write(*(row(m, n * 30) for m in miners for n in range(4)), row(miners[0], DAY_S))
    partition = partition_of(DAY)
    assert partition is not None
    with patch.object(job, "ROWS_AT_ONCE", 8):
        found = list(groups(partition, DAY + A_DAY))
    assert [(g.day, len(g.miner_ids), g.rows) for g in found] == [(DAY, 2, 8), (DAY, 1, 4)]


def history(path: Path, miner: Miner, years: int) -> Path:
    """Write a file with a row for each day of so many years before DAY."""
    times = [MIDNIGHT - n * A_DAY + timedelta(hours=5) for n in range(years * 365)]
    lines = [f"{miner.name},{t.isoformat()},3000.5,110000,60,4000,1,0,30" for t in reversed(times)]
    header = "miner,timestamp,power_w,hashrate_ghs,temperature_c,fan_rpm,accepted,rejected,covered_s"
    path.write_text("\n".join([header, *lines]))
    return path


@pytest.mark.native
@pytest.mark.django_db(transaction=True)
def test_years_of_history_leave_few_partitions_and_end_up_packed(
    miner: Miner, clean_partitions: None, tmp_path: Path
) -> None:
    ensure_days([DAY - timedelta(days=500)])  # in the way
    before = len(list_partitions())
    imported = import_file(history(tmp_path / "years.csv", miner, 6), now=WEEK_LATER)
    assert imported.result.stored == 6 * 365
    assert len(list_partitions()) - before <= 31 + 8
    assert pack_old(WEEK_LATER + 2 * A_DAY, 7) == 6 * 365
    assert len(packed_days()) == 6 * 365
    assert len(list_partitions()) <= before
    year = rows_between(miner.pk, MIDNIGHT - timedelta(days=800), MIDNIGHT - timedelta(days=435))
    assert len(year) == 365
    assert {r.power_w for r in year} == {3000.5}


@pytest.mark.native
@pytest.mark.django_db(transaction=True)
def test_nothing_is_packed_where_telemetry_is_no_partitioned_table(
    miner: Miner, clean_partitions: None
) -> None:
    write(row(miner, 0))
    with patch.object(job, "is_partitioned", return_value=False):
        assert pack_old(WEEK_LATER, 7) == 0
    assert len(plain()) == 1


@pytest.mark.native
@pytest.mark.django_db(transaction=True)
def test_packed_bytes_are_not_compressed_once_more(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT attstorage FROM pg_attribute WHERE attrelid = 'telemetry_packed'::regclass AND attname = 'payload'"
        )
        assert cursor.fetchone() == ("e",)
