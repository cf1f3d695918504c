"""Appends ranges whose figures must be computed anew. Call it in the transaction that changes the past."""

from collections.abc import Iterable
from datetime import datetime

from hmm.models import DirtyRange


def mark_miners_dirty(miner_ids: Iterable[int], start: datetime, end: datetime) -> None:
    """Have the figures of these miners in [start, end) computed anew."""
    _mark(DirtyRange.Kind.MINER, miner_ids, start, end)


def mark_tariff_dirty(tariff_id: int, start: datetime, end: datetime) -> None:
    """Have the figures of every miner on this tariff in [start, end) computed anew."""
    _mark(DirtyRange.Kind.TARIFF, [tariff_id], start, end)


def mark_pools_dirty(pool_ids: Iterable[int], start: datetime, end: datetime) -> None:
    """Have the figures of these pools in [start, end) computed anew."""
    _mark(DirtyRange.Kind.POOL, pool_ids, start, end)


def mark_coin_dirty(start: datetime, end: datetime) -> None:
    """Have the figures of every miner in [start, end) computed anew: what coins are worth there has changed."""
    if start < end:
        DirtyRange.objects.create(kind=DirtyRange.Kind.COIN, entity_ids=[], start=start, end=end)


def _mark(kind: DirtyRange.Kind, entity_ids: Iterable[int], start: datetime, end: datetime) -> None:
    ids = sorted(set(entity_ids))
    if ids and start < end:
        DirtyRange.objects.create(kind=kind, entity_ids=ids, start=start, end=end)
