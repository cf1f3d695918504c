"""Stores long histories that are made here, past the collector: generated ones and the demo's."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from django.db import transaction

from hmm.lib.batches import batched
from hmm.lib.times import whole_seconds
from miners.telemetry.columns import Columns
from miners.telemetry.rows import WriteResult
from miners.telemetry.staging import StagedMiner, merge_stage, staging

ROWS_AT_ONCE = 2000


class BulkRow(NamedTuple):
    """A row of history. It is believed: check what comes from outside before."""

    timestamp: datetime
    covered_s: int
    power_w: float | None
    hashrate_ghs: float | None
    temperature_c: float | None
    fan_rpm: int | None
    accepted: int | None
    rejected: int | None


def store_history(miner_id: int, rows: Iterable[BulkRow], *, source: str, now: datetime) -> WriteResult:
    """Store `rows` of one miner, in any order and number, in one transaction and in constant memory."""
    return store_histories([(miner_id, rows)], source=source, now=now)


def store_histories(
    histories: Iterable[tuple[int, Iterable[BulkRow]]], *, source: str, now: datetime
) -> WriteResult:
    """Store the rows of several miners, each with its id, as `store_history` does those of one."""
    with transaction.atomic():
        with staging() as stage:
            for miner_id, rows in histories:
                for part in batched(rows, ROWS_AT_ONCE):
                    lines = range(stage.rows + 1, stage.rows + 1 + len(part))
                    stage.add_columns(lines, [miner_id] * len(part), _columns(part))
        # Every row has its covered_s, so that the poll interval is not asked for.
        miners = [StagedMiner(miner_id, miner_id, 1) for miner_id in stage.keys]
        return merge_stage(stage, miners, source=source, now=now)


def _columns(rows: Sequence[BulkRow]) -> Columns:
    times, *values = zip(*rows, strict=True)
    texts = [["" if value is None else str(value) for value in column] for column in values]
    return Columns(miners=(), at=[whole_seconds(at) for at in times], values=texts)
