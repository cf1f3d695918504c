"""Rows of some days, and what form each day has."""

from collections.abc import Collection, Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection, transaction

from miners.models import Miner, PackedTelemetry, Telemetry
from miners.telemetry.packed.store import hold_unpacking, pack, unpack
from miners.telemetry.partitions import Partition, forget_known_days, list_partitions
from miners.telemetry.rows import TelemetryRow, WriteResult
from miners.telemetry.write import write_rows

DAY = date(2025, 3, 10)
MIDNIGHT = datetime(2025, 3, 10, tzinfo=UTC)
NOW = MIDNIGHT + timedelta(days=30)
A_DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _forget_partitions() -> None:
    forget_known_days()


@pytest.fixture
def clean_partitions() -> Iterator[None]:
    """Leave no partition behind that a test which commits has made."""
    before = list_partitions()
    yield
    with connection.cursor() as cursor:
        for partition in list_partitions():
            if partition not in before:
                cursor.execute(f"DROP TABLE {partition.name}")
        cursor.execute("TRUNCATE telemetry, telemetry_packed, telemetry_dropped")


def row(miner: Miner, offset_s: float, covered_s: int = 30, **values: object) -> TelemetryRow:
    """Return a row that ends so many seconds after the midnight that begins DAY."""
    told = {
        "power_w": 3010.0,
        "hashrate_ghs": 110_123.45,
        "temperature_c": 61.5,
        "fan_rpm": 4200,
        "accepted": 2,
    } | values
    return TelemetryRow(miner.pk, MIDNIGHT + timedelta(seconds=offset_s), covered_s, **told)  # type: ignore[arg-type]


def write(*rows: TelemetryRow) -> WriteResult:
    """Deliver rows a month later."""
    return write_rows(rows, source="push", now=NOW)


def pack_all() -> None:
    """Pack whatever is plain."""
    days = {(t.timestamp.date(), t.miner_id) for t in Telemetry.objects.all()}
    for day, miner_id in days:
        pack([miner_id], day)


def unpack_all(days: Collection[date] | None = None) -> int:
    """Have all packed days, or those of `days`, be plain. Returns the rows."""
    with transaction.atomic():
        hold_unpacking()
        found = [(m, day) for m, day, _ in packed_days() if days is None or day in days]
        return unpack(found)


def plain() -> list[tuple[object, ...]]:
    """Return all plain rows."""
    rows = Telemetry.objects.order_by("miner_id", "timestamp")
    return list(
        rows.values_list(
            "miner_id",
            "timestamp",
            "covered_s",
            "power_w",
            "hashrate_ghs",
            "temperature_c",
            "fan_rpm",
            "accepted",
            "rejected",
        )
    )


def packed_days() -> list[tuple[int, date, int]]:
    """Return miner, day and number of rows of what is packed."""
    return list(PackedTelemetry.objects.order_by("miner_id", "day").values_list("miner_id", "day", "rows"))


def partition_of(day: date) -> Partition | None:
    """Return the partition that holds a day, None where there is none."""
    return next((p for p in list_partitions() if p.start <= day < p.end), None)
