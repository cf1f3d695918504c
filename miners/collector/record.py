"""Stores what a batch of polls gave: telemetry, states, and what was learned of the devices.

The same batch again changes nothing, so that whoever does not know whether it was stored may bring it again: rows are
known by their second, states by the last change, what was set aside by what it says.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

from django.db import transaction
from django.db.models import Max

from hmm.lib.times import floor_to_second
from hmm.system_metrics.statistics.collector import readings_stored
from miners.collector.at_once import update_miners
from miners.collector.entering import Entries
from miners.collector.figures import MOST_INTERVALS, Previous, telemetry_row, text
from miners.collector.poll import Outcome
from miners.collector.states import next_state
from miners.collector.tick import columns_of, news_of, split
from miners.data_sheets import model_named
from miners.drivers.base import Reading
from miners.models import LatestReading, Miner, MinerModel, StateChange
from miners.telemetry.latest import hold_latest_readings
from miners.telemetry.neighbours import NOBODY, Neighbours, neighbours
from miners.telemetry.packed.late import Stretch, make_room
from miners.telemetry.partitions import ensure_days
from miners.telemetry.rows import TelemetryRow, WriteResult
from miners.telemetry.rules import refusal
from miners.telemetry.tick import FunctionMissing, do_without_function, store_news, store_tick
from miners.telemetry.write import write_rows

LEARNED_FIELDS = ["driver", "model", "identity"]

Second = tuple[int, datetime]
"""A miner's id and a whole second."""


@dataclass
class _Batch:
    """What is to be written in one transaction."""

    now: datetime
    rows: list[TelemetryRow] = field(default_factory=list)
    repeated: int = 0
    entries: Entries = field(default_factory=Entries)
    learned: set[Miner] = field(default_factory=set)
    models: dict[str, MinerModel] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Known:
    """What is stored of the miners of a batch."""

    latest: Mapping[int, LatestReading]
    beside: Mapping[Second, Neighbours]
    last_changes: Mapping[int, datetime]


def record(outcomes: Sequence[Outcome], now: datetime) -> WriteResult:
    """Store the outcomes of polls, in any order, in one transaction."""
    ensure_days(_days([outcome.at for outcome in outcomes if isinstance(outcome.result, Reading)]))
    plain, rest = split(outcomes, now)
    try:
        result = _record(plain, rest, now)
    except FunctionMissing:
        do_without_function()
        result = _record(plain, rest, now)
    readings_stored.add(result.stored)
    return result


def _record(plain: Sequence[Outcome], rest: Sequence[Outcome], now: datetime) -> WriteResult:
    held = sorted({outcome.target.miner_id for outcome in (*plain, *rest)})
    with transaction.atomic():
        result, left = _record_plain(plain, held, now) if plain else _hold_only(held)
        return result + _record_one_by_one([*rest, *left], now)


def _hold_only(held: Sequence[int]) -> tuple[WriteResult, list[Outcome]]:
    hold_latest_readings(held)
    return WriteResult(), []


def _days(times: Sequence[datetime]) -> set[date]:
    """Return the UTC days in which these times are."""
    if not times:
        return set()
    first, last = min(times).astimezone(UTC), max(times).astimezone(UTC)
    if last - first < timedelta(days=1):
        return {first.date(), last.date()}
    return {at.astimezone(UTC).date() for at in times}


def _record_plain(
    plain: Sequence[Outcome], held: Sequence[int], now: datetime
) -> tuple[WriteResult, list[Outcome]]:
    """Store what is plain the short way; return also which of it is to go the long one."""
    ticked = store_tick(columns_of(plain), held)
    of_miner = {outcome.target.miner_id: outcome for outcome in plain} if ticked.needs_more else {}
    store_news(news_of(of_miner[miner_id] for miner_id in ticked.with_news))
    _follow_up([of_miner[miner_id] for miner_id in ticked.odd], now)
    return WriteResult(stored=ticked.stored), [of_miner[miner_id] for miner_id in ticked.left]


def _follow_up(outcomes: Sequence[Outcome], now: datetime) -> None:
    """Enter the states and learn what these readings tell; their rows are stored."""
    if not outcomes:
        return
    batch = _Batch(now)
    ids = [outcome.target.miner_id for outcome in outcomes]
    miners, last_changes = Miner.objects.in_bulk(ids), _last_changes(ids)
    for outcome in outcomes:
        miner = miners[outcome.target.miner_id]
        if isinstance(outcome.result, Reading):
            _learn(batch, miner, outcome.result)
        _enter(batch, miner, outcome.result, outcome.at, last_changes.get(miner.pk))
    _write(batch)


def _record_one_by_one(outcomes: Sequence[Outcome], now: datetime) -> WriteResult:
    if not outcomes:
        return WriteResult()
    by_miner = _by_miner(outcomes)
    miners = Miner.objects.select_related("site").in_bulk(by_miner)
    _make_room(by_miner, miners, now)
    known = _look_up(by_miner)
    batch = _Batch(now)
    for miner_id, miner in miners.items():
        _fold(batch, miner, by_miner[miner_id], known)
    return _write(batch)


def _by_miner(outcomes: Iterable[Outcome]) -> dict[int, list[Outcome]]:
    grouped: dict[int, list[Outcome]] = defaultdict(list)
    for outcome in sorted(outcomes, key=lambda outcome: outcome.at):
        grouped[outcome.target.miner_id].append(outcome)
    return dict(grouped)


def _make_room(by_miner: Mapping[int, Sequence[Outcome]], miners: Mapping[int, Miner], now: datetime) -> None:
    """Have days be plain that are packed, and that late readings are looked for in and laid beside."""
    stretches = [
        Stretch(miner_id, at - timedelta(seconds=MOST_INTERVALS * miner.site.poll_interval_s), at, at)
        for miner_id, miner in miners.items()
        for at in (outcome.at for outcome in by_miner[miner_id] if outcome.is_reading)
    ]
    make_room(stretches, _days([stretch.last for stretch in stretches]), now)


def _look_up(by_miner: Mapping[int, Sequence[Outcome]]) -> _Known:
    latest = LatestReading.objects.in_bulk(by_miner)
    old = [
        (miner_id, second)
        for miner_id, outcomes in by_miner.items()
        if miner_id in latest
        for second in (floor_to_second(outcome.at) for outcome in outcomes if outcome.is_reading)
        if not _is_newer(second, latest[miner_id].timestamp)
    ]
    return _Known(latest, neighbours(old), _last_changes(by_miner))


def _last_changes(miner_ids: Iterable[int]) -> dict[int, datetime]:
    changes = StateChange.objects.filter(miner__in=list(miner_ids)).order_by()
    return dict(changes.values_list("miner").annotate(Max("at")))


def _is_newer(second: datetime, latest: datetime | None) -> bool:
    return latest is None or second > latest


def _fold(batch: _Batch, miner: Miner, outcomes: Iterable[Outcome], known: _Known) -> None:
    latest = known.latest.get(miner.pk)
    newest, previous = latest.timestamp if latest else None, Previous.of(latest)
    for outcome in outcomes:
        if (outcome.target.host, outcome.target.port) != (miner.host, miner.port):
            continue  # polled where it no longer is
        result = outcome.result
        if isinstance(result, Reading):
            second = floor_to_second(outcome.at)
            if not _is_newer(second, newest):
                _add_late(batch, miner, outcome, known.beside.get((miner.pk, second), NOBODY))
                continue
            row = telemetry_row(miner.pk, result, outcome.at, previous, miner.site.poll_interval_s)
            batch.rows.append(row)
            if reason := refusal(row, batch.now):
                result = reason
            else:
                previous = previous.after(row)
                _learn(batch, miner, result)
        _enter(batch, miner, result, outcome.at, known.last_changes.get(miner.pk))


def _add_late(batch: _Batch, miner: Miner, outcome: Outcome, beside: Neighbours) -> None:
    """Add a reading from before the newest one, unless it is stored.

    The newest one has counted its shares and says the miner's state.
    """
    assert isinstance(outcome.result, Reading)
    if beside.covered_s is not None:
        batch.repeated += 1
        return
    before = Previous(beside.before)
    row = telemetry_row(miner.pk, outcome.result, outcome.at, before, miner.site.poll_interval_s)
    batch.rows.append(replace(row, facts=None))


def _enter(
    batch: _Batch, miner: Miner, result: Reading | str, at: datetime, last_change: datetime | None
) -> None:
    if last_change is not None and at <= last_change:
        return  # what the miner was then has been entered, by this outcome or by a later one
    batch.entries.enter(miner, next_state(result, in_maintenance=miner.maintenance), at)


def _learn(batch: _Batch, miner: Miner, reading: Reading) -> None:
    before = (miner.driver, miner.model_id, miner.identity)
    miner.driver = miner.driver or text(reading.driver, 32)
    miner.identity = miner.identity or text(reading.identity, 64)
    if miner.model_id is None and (name := text(reading.model, 100)):
        miner.model = _model(batch, name, reading.driver)
    if before != (miner.driver, miner.model_id, miner.identity):
        batch.learned.add(miner)


def _model(batch: _Batch, name: str, driver: str) -> MinerModel:
    if name not in batch.models:
        batch.models[name] = model_named(name, driver)
    return batch.models[name]


def _write(batch: _Batch) -> WriteResult:
    result = write_rows(batch.rows, source="collector", now=batch.now) if batch.rows else WriteResult()
    update_miners(batch.learned, LEARNED_FIELDS)
    batch.entries.save()
    return result + WriteResult(unchanged=batch.repeated)
