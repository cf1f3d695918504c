"""The rows that a stretch of time is told by."""

from datetime import UTC, datetime, timedelta

import pytest

from miners.telemetry.overlapping import rows_overlapping
from tests.factories import MinerFactory
from tests.metrics.fleet_at_work import report

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
pytestmark = pytest.mark.django_db


def minutes(number: float) -> datetime:
    return NOON + timedelta(minutes=number)


def test_rows_count_by_their_interval_not_by_when_they_end() -> None:
    miner, other = MinerFactory(), MinerFactory()
    report(miner, minutes(40), rows=5)  # ten minutes each, from 11:50 on
    report(other, minutes(40), rows=5)
    found = rows_overlapping(miner.pk, minutes(5), minutes(25))
    assert [row.timestamp for row in found] == [minutes(10), minutes(20), minutes(30)]
    assert {row.miner_id for row in found} == {miner.pk}
    assert [row.power_w for row in found] == [18.0] * 3
    assert found[-1].covered_s == 600


def test_a_row_that_only_touches_an_edge_is_not_among_them() -> None:
    miner = MinerFactory()
    report(miner, minutes(40), rows=5)
    found = rows_overlapping(miner.pk, minutes(10), minutes(20))
    assert [row.timestamp for row in found] == [minutes(20)]


def test_without_rows_there_is_none() -> None:
    assert rows_overlapping(MinerFactory().pk, minutes(0), minutes(30)) == []
