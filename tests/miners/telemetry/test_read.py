"""What the rest of the floor can ask of telemetry."""

from datetime import UTC, datetime, timedelta

from miners.models import Miner
from miners.telemetry.read import latest_telemetry, rows_between, telemetry_spans
from miners.telemetry.rows import TelemetryRow
from miners.telemetry.write import write_rows
from tests.factories import MinerFactory

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def write(miner: Miner, *minutes: int) -> None:
    rows = [TelemetryRow(miner.pk, NOON + timedelta(minutes=m), 60, power_w=float(m)) for m in minutes]
    write_rows(rows, source="push", now=NOON + timedelta(days=1))


def test_the_latest_reading_of_each_miner_that_has_one(miner: Miner) -> None:
    silent = MinerFactory()
    write(miner, 1, 2)
    found = latest_telemetry([miner.pk, silent.pk])
    assert {miner_id: reading.power_w for miner_id, reading in found.items()} == {miner.pk: 2.0}


def test_the_span_of_telemetry_begins_where_the_first_row_does(miner: Miner) -> None:
    silent = MinerFactory()
    write(miner, 5, 60 * 13)
    assert telemetry_spans([miner.pk, silent.pk]) == {
        miner.pk: (NOON + timedelta(minutes=4), NOON + timedelta(hours=13))
    }


def test_rows_of_a_range_oldest_first_the_end_included(miner: Miner) -> None:
    write(miner, 3, 1, 2, 4)
    write(MinerFactory(), 2)
    found = rows_between(miner.pk, NOON + timedelta(minutes=1), NOON + timedelta(minutes=3))
    assert [row.power_w for row in found] == [2.0, 3.0]
