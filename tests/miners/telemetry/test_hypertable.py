"""Telemetry as a hypertable: chunks of a day, compressed by age, with late rows merged in as anywhere."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from miners.models import Miner, Telemetry
from miners.telemetry.hypertable import (
    DECOMPRESSED,
    compress_old,
    drop_chunks_before,
    storage_kind,
)
from miners.telemetry.rows import TelemetryRow, WriteResult
from miners.telemetry.write import write_rows
from tests.miners.telemetry.conftest import stored

NOW = datetime(2026, 5, 20, 12, tzinfo=UTC)
OLD = datetime(2026, 5, 6, 12, tzinfo=UTC)
DETAIL_DAYS = 7


def row(miner: Miner, at: datetime, covered_s: int = 30, power_w: float | None = 18.5) -> TelemetryRow:
    return TelemetryRow(miner.pk, at, covered_s, power_w, 1200.25, None, 4000, 3, 0)


def write(*rows: TelemetryRow) -> WriteResult:
    return write_rows(rows, source="test", now=NOW)


def write_day(miner: Miner, start: datetime, count: int = 2000) -> WriteResult:
    """Write `count` rows, one each 30 seconds: more than one batch of TimescaleDB's holds."""
    return write(*(row(miner, start + timedelta(seconds=30 * n), power_w=18 + n / 7) for n in range(count)))


def ask(query: str) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchall()


def compressed_chunks() -> int:
    query = "SELECT count(*) FROM timescaledb_information.chunks WHERE hypertable_name = 'telemetry' AND is_compressed"
    return int(ask(query)[0][0])


@pytest.mark.native
@pytest.mark.django_db
def test_on_native_partitions_there_is_nothing_to_compress_or_drop_here(miner: Miner) -> None:
    write(row(miner, OLD))
    assert storage_kind() == "native"
    assert compress_old(NOW, DETAIL_DAYS) == 0
    assert drop_chunks_before(NOW) == 0
    assert len(stored()) == 1


@pytest.mark.timescale
@pytest.mark.django_db
class TestHypertable:
    def test_a_chunk_is_a_utc_day_and_the_key_is_miner_and_time(self) -> None:
        assert storage_kind() == "timescaledb"
        chunks = (
            "SELECT time_interval FROM timescaledb_information.dimensions WHERE hypertable_name = 'telemetry'"
        )
        assert ask(chunks) == [(timedelta(days=1),)]
        indexes = [name for (name,) in ask("SELECT indexdef FROM pg_indexes WHERE tablename = 'telemetry'")]
        methods = [index.split(" USING ")[1].partition(" WITH ")[0] for index in indexes]
        assert sorted(methods) == ['brin ("timestamp")', 'btree (miner_id, "timestamp")']

    def test_compression_is_by_miner_and_in_the_order_of_time(self) -> None:
        query = (
            "SELECT attname, segmentby_column_index, orderby_column_index "
            "FROM timescaledb_information.compression_settings WHERE hypertable_name = 'telemetry' ORDER BY 1"
        )
        assert ask(query) == [("miner_id", 1, None), ("timestamp", None, 1)]

    def test_only_days_over_since_the_detail_days_are_compressed_and_once(self, miner: Miner) -> None:
        for day in (OLD, NOW - timedelta(days=DETAIL_DAYS, hours=13), NOW - timedelta(days=DETAIL_DAYS), NOW):
            write(row(miner, day))
        assert compress_old(NOW, DETAIL_DAYS) == 2
        assert compressed_chunks() == 2
        assert compress_old(NOW, DETAIL_DAYS) == 0

    def test_rows_are_the_same_bit_for_bit_once_compressed(self, miner: Miner) -> None:
        write_day(miner, OLD)
        before = [tuple(vars(each).items())[1:] for each in stored()]
        compress_old(NOW, DETAIL_DAYS)
        assert compressed_chunks() == 1 + (OLD.day != (OLD + timedelta(hours=16)).day)
        assert [tuple(vars(each).items())[1:] for each in stored()] == before

    def test_the_same_rows_again_change_nothing_in_a_compressed_chunk(self, miner: Miner) -> None:
        write_day(miner, OLD)
        compress_old(NOW, DETAIL_DAYS)
        assert write_day(miner, OLD) == WriteResult(unchanged=2000)
        assert Telemetry.objects.count() == 2000

    def test_a_different_row_for_the_same_second_is_kept_aside(self, miner: Miner) -> None:
        write_day(miner, OLD)
        compress_old(NOW, DETAIL_DAYS)
        assert write(row(miner, OLD, power_w=99.0)) == WriteResult(set_aside=1)
        assert Telemetry.objects.get(timestamp=OLD).power_w == 18

    def test_a_late_row_shortens_the_one_after_it_in_a_compressed_chunk(self, miner: Miner) -> None:
        write_day(miner, OLD)
        compress_old(NOW, DETAIL_DAYS)
        late = OLD + timedelta(seconds=30 * 1500 + 10)
        assert write(row(miner, late)) == WriteResult(stored=1)
        after = Telemetry.objects.get(timestamp=OLD + timedelta(seconds=30 * 1501))
        assert (after.covered_s, Telemetry.objects.get(timestamp=late).covered_s) == (20, 10)
        assert Telemetry.objects.count() == 2001

    def test_a_chunk_into_which_a_late_row_came_is_compressed_anew(self, miner: Miner) -> None:
        write_day(miner, OLD, count=10)
        compress_old(NOW, DETAIL_DAYS)
        write(row(miner, OLD + timedelta(seconds=10)))
        assert compress_old(NOW, DETAIL_DAYS) == 1
        assert compress_old(NOW, DETAIL_DAYS) == 0
        assert [each.covered_s for each in stored()[:3]] == [30, 10, 20]

    def test_late_rows_may_touch_more_rows_than_timescaledb_lets_by_default(self, miner: Miner) -> None:
        """The limit, 100,000 rows a transaction, is made so small here that any late row would exceed it."""
        write_day(miner, OLD)
        compress_old(NOW, DETAIL_DAYS)
        assert ask(f"SHOW {DECOMPRESSED}") == [("0",)]
        ask_nothing(f"SET LOCAL {DECOMPRESSED} = 1")
        with pytest.raises(Exception, match="limit exceeded"), transaction.atomic():
            write_day(miner, OLD + timedelta(seconds=10))
        ask_nothing(f"SET LOCAL {DECOMPRESSED} = 0")
        assert write_day(miner, OLD + timedelta(seconds=10)) == WriteResult(stored=2000)

    def test_the_setting_is_that_of_the_database_for_every_session_to_come(self) -> None:
        query = (
            "SELECT setconfig FROM pg_db_role_setting JOIN pg_database ON oid = setdatabase "
            "WHERE datname = current_database()"
        )
        assert [f"{DECOMPRESSED}=0" in settings for (settings,) in ask(query)] == [True]

    def test_the_key_holds_in_a_compressed_chunk(self, miner: Miner) -> None:
        write(row(miner, OLD))
        compress_old(NOW, DETAIL_DAYS)
        with pytest.raises(IntegrityError), transaction.atomic():
            Telemetry.objects.create(miner_id=miner.pk, timestamp=OLD, covered_s=1)

    def test_chunks_are_dropped_by_age_compressed_or_not(self, miner: Miner) -> None:
        for days in (0, 1, 2):
            write(row(miner, OLD + timedelta(days=days)))
        compress_old(NOW, DETAIL_DAYS)
        midnight = OLD.replace(hour=0) + timedelta(days=2)
        assert drop_chunks_before(midnight - timedelta(seconds=1)) == 1
        assert drop_chunks_before(midnight) == 1
        assert [each.timestamp for each in stored()] == [OLD + timedelta(days=2)]


def ask_nothing(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)
