"""The short way for rows in order where nothing is stored leaves exactly what the long way leaves."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hmm.models import DirtyRange
from miners.models import LatestReading, Miner, Telemetry
from miners.telemetry import staging as module
from miners.telemetry.rows import TelemetryRow, WriteResult
from miners.telemetry.staging import StagedMiner, merge_stage, staging
from miners.telemetry.write import write_rows
from tests.factories import MinerFactory

NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)
NOW = NOON + timedelta(days=30)
POLL_S = 45

Row = tuple[int, int, int | None]
"""Which miner, how many seconds after noon, and covered_s."""

seconds = st.one_of(st.integers(0, 400), st.integers(0, 900_000))
rows = st.tuples(st.integers(0, 1), seconds, st.sampled_from([None, 1, 30, 60, 400, 86400]))


@pytest.fixture
def miners(db: None) -> list[Miner]:
    return [MinerFactory(), MinerFactory()]


def stage(miners: list[Miner], given_rows: list[Row]) -> WriteResult:
    with staging() as staged:
        for line, (index, second, covered_s) in enumerate(given_rows, start=1):
            at = int(NOON.timestamp()) + second
            staged.add(line, miners[index].pk, at, covered_s, 15.0 + line, 1200.0, None, 4200, 1, 0)
    found = [StagedMiner(miner.pk, miner.pk, POLL_S) for miner in miners if miner.pk in staged.keys]
    return merge_stage(staged, found, source="import", now=NOW)


def store_live(miners: list[Miner], given_rows: list[Row]) -> None:
    live = [
        TelemetryRow(miners[index].pk, NOON + timedelta(seconds=second), covered_s or POLL_S, power_w=1.0)
        for index, second, covered_s in given_rows
    ]
    write_rows(live, source="collector", now=NOW)


def hours_dirty() -> set[tuple[int, datetime]]:
    return {
        (miner_id, dirty.start + n * timedelta(hours=1))
        for dirty in DirtyRange.objects.all()
        for miner_id in dirty.entity_ids
        for n in range((dirty.end - dirty.start) // timedelta(hours=1))
    }


def left_by(miners: list[Miner], live: list[Row], given_rows: list[Row]) -> Any:
    """Return what an import among live rows leaves behind; it is undone."""
    with transaction.atomic():
        store_live(miners, live)
        DirtyRange.objects.all().delete()
        result = stage(miners, given_rows)
        found = (
            result,
            list(Telemetry.objects.order_by("miner_id", "timestamp").values()),
            list(LatestReading.objects.order_by("miner_id").values()),
            hours_dirty(),
        )
        transaction.set_rollback(True)
    return found


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(rows, max_size=4), st.lists(rows, min_size=1, max_size=12), st.booleans())
def test_both_ways_leave_the_same(
    miners: list[Miner], live: list[Row], given_rows: list[Row], in_order: bool
) -> None:
    if in_order:
        given_rows = sorted(given_rows, key=lambda row: row[1])
    by_the_short_way = left_by(miners, live, given_rows)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(module, "find_apart", lambda candidates: [])
        assert left_by(miners, live, given_rows) == by_the_short_way


@pytest.fixture
def appended(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Which miners' rows went the short way."""
    seen: list[int] = []
    find = module.find_apart

    def spy(candidates: Any) -> Any:
        found = find(candidates)
        seen.extend(miner.miner_id for miner in found)
        return found

    monkeypatch.setattr(module, "find_apart", spy)
    return seen


def test_rows_of_new_miners_are_appended(miners: list[Miner], appended: list[int]) -> None:
    assert stage(miners, [(0, 60, None), (1, 60, 30), (0, 120, None)]) == WriteResult(stored=3)
    assert sorted(appended) == [miner.pk for miner in miners]


def test_a_history_from_before_live_rows_is_appended(miners: list[Miner], appended: list[int]) -> None:
    store_live(miners, [(0, 1000, 60)])
    assert stage(miners, [(0, 60, None), (0, 940, None)]) == WriteResult(stored=2)
    assert appended == [miners[0].pk]
    assert LatestReading.objects.get(miner=miners[0]).timestamp == NOON + timedelta(seconds=1000)


@pytest.mark.parametrize(
    ("live", "given_rows"),
    [
        ([], [(0, 60, 60), (0, 60, 60)]),
        ([], [(0, 120, 60), (0, 60, 60)]),
        ([(0, 100, 60)], [(0, 60, 60), (0, 120, 60)]),
        ([(0, 120, 60)], [(0, 60, 60), (0, 120, 60)]),
        ([(0, 200, 60)], [(0, 60, 60), (0, 141, 60)]),
    ],
    ids=["repeated", "newest first", "among stored rows", "stored already", "one that is to be shortened"],
)
def test_whatever_meets_other_rows_is_merged(
    miners: list[Miner], appended: list[int], live: list[Row], given_rows: list[Row]
) -> None:
    if live:
        store_live(miners, live)
    stage(miners, given_rows)
    assert appended == []
