"""Stores long histories that are made here, past the collector: generated ones and the demo's."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from django.db import transaction

from miners.telemetry.rows import WriteResult
from miners.telemetry.staging import StagedMiner, merge_stage, staging


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
    with transaction.atomic():
        with staging() as stage:
            for number, (timestamp, covered_s, *values) in enumerate(rows, start=1):
                stage.add(number, miner_id, int(timestamp.timestamp()), covered_s, *values)
        # Every row has its covered_s, so that the poll interval is not asked for.
        return merge_stage(stage, [StagedMiner(miner_id, miner_id, 1)], source=source, now=now)
