"""Stores what a batch of polls gave: telemetry, states, and what was learned of the devices."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from django.db import transaction

from miners.collector.figures import Previous, telemetry_row, text
from miners.collector.poll import Outcome
from miners.collector.states import State, is_change, next_state
from miners.drivers.base import Reading
from miners.models import LatestReading, Miner, MinerModel, MinerState, StateChange
from miners.telemetry.latest import lock_latest_readings
from miners.telemetry.partitions import ensure_days
from miners.telemetry.rows import TelemetryRow, WriteResult
from miners.telemetry.rules import refusal
from miners.telemetry.write import write_rows

STATE_FIELDS = ["state", "state_reason", "state_since"]
LEARNED_FIELDS = ["driver", "model", "identity"]


@dataclass
class _Batch:
    """What is to be written in one transaction."""

    now: datetime
    rows: list[TelemetryRow] = field(default_factory=list)
    changes: list[StateChange] = field(default_factory=list)
    changed: set[Miner] = field(default_factory=set)
    learned: set[Miner] = field(default_factory=set)


def record(outcomes: Sequence[Outcome], now: datetime) -> WriteResult:
    """Store the outcomes of polls, in any order, in one transaction."""
    ensure_days({outcome.at.astimezone(UTC).date() for outcome in outcomes if outcome.is_reading})
    by_miner = _by_miner(outcomes)
    with transaction.atomic():
        lock_latest_readings(by_miner)
        miners = Miner.objects.select_related("site").in_bulk(by_miner)
        latest = LatestReading.objects.in_bulk(by_miner)
        batch = _Batch(now)
        for miner_id, miner in miners.items():
            _fold(batch, miner, Previous.of(latest.get(miner_id)), by_miner[miner_id])
        return _write(batch)


def _by_miner(outcomes: Iterable[Outcome]) -> dict[int, list[Outcome]]:
    grouped: dict[int, list[Outcome]] = defaultdict(list)
    for outcome in sorted(outcomes, key=lambda outcome: outcome.at):
        grouped[outcome.target.miner_id].append(outcome)
    return dict(grouped)


def _fold(batch: _Batch, miner: Miner, previous: Previous, outcomes: Iterable[Outcome]) -> None:
    for outcome in outcomes:
        if (outcome.target.host, outcome.target.port) != (miner.host, miner.port):
            continue  # polled where it no longer is
        result = outcome.result
        if isinstance(result, Reading):
            row = telemetry_row(miner.pk, result, outcome.at, previous, miner.site.poll_interval_s)
            batch.rows.append(row)
            if reason := refusal(row, batch.now):
                result = reason
            else:
                previous = previous.after(row)
                _learn(batch, miner, result)
        _enter(batch, miner, next_state(result, in_maintenance=miner.maintenance), outcome.at)


def _enter(batch: _Batch, miner: Miner, state: State, at: datetime) -> None:
    state = State(state.state, text(state.reason, 500))
    before = State(MinerState(miner.state), miner.state_reason)
    if not is_change(before, state):
        return
    if before.state != state.state:
        miner.state_since = at
    miner.state, miner.state_reason = state.state, state.reason
    batch.changed.add(miner)
    batch.changes.append(StateChange(miner=miner, at=at, state=state.state, reason=state.reason))


def _learn(batch: _Batch, miner: Miner, reading: Reading) -> None:
    before = (miner.driver, miner.model_id, miner.identity)
    miner.driver = miner.driver or text(reading.driver, 32)
    miner.identity = miner.identity or text(reading.identity, 64)
    if miner.model_id is None and (name := text(reading.model, 100)):
        miner.model, _ = MinerModel.objects.get_or_create(name=name, defaults={"driver": reading.driver})
    if before != (miner.driver, miner.model_id, miner.identity):
        batch.learned.add(miner)


def _write(batch: _Batch) -> WriteResult:
    result = write_rows(batch.rows, source="collector", now=batch.now)
    Miner.objects.bulk_update(batch.changed, STATE_FIELDS, batch_size=500)
    Miner.objects.bulk_update(batch.learned, LEARNED_FIELDS, batch_size=500)
    StateChange.objects.bulk_create(batch.changes)
    return result
