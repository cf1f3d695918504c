"""Writes slots: few miners' by a kept plan, many miners' through a table that parallel workers fill."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any

from django.db.backends.utils import CursorWrapper

from metrics.engine.pieces import ASKED, PIECE_TYPES, Pieces, piece_params
from metrics.engine.segments import Segment
from metrics.engine.slots import (
    SlotWindow,
    by_price,
    segment_params,
    segments_of,
    select_plain_slots,
    select_slots,
)
from metrics.engine.valued import Valued, read_valued
from metrics.engine.worth import WORTH_TYPES, worth_params
from metrics.store.columns import NAMES
from metrics.store.kept import Batch, Kept
from metrics.store.staging import staged
from miners.telemetry.packed.reading import sees_packed
from miners.telemetry.read import REACHING, read_reaching_in

DELETE = """
DELETE FROM metrics_rollup WHERE period = 'slot' AND entity_type = 'miner'
  AND timestamp >= %(start)s AND timestamp < %(end)s AND (%(everyone)s OR entity_id = ANY(%(miner_ids)s))
"""

INSERT = f"""
INSERT INTO metrics_rollup (entity_type, entity_id, period, timestamp, computed_at, elapsed_s, miner_count, {NAMES})
SELECT 'miner', entity_id, 'slot', timestamp, %(now)s, %(slot_s)s, 1, {NAMES} FROM {{source}} slot
"""

TYPES = PIECE_TYPES | {
    "start": "timestamptz",
    "end": "timestamptz",
    "now": "timestamptz",
    "origin_s": "bigint",
    "slot_s": "int",
    "span_miner": "int[]",
    "span_tariff": "int[]",
    "span_start": "bigint[]",
    "span_end": "bigint[]",
    "seg_tariff": "int[]",
    "seg_n": "int[]",
    "seg_start": "int[]",
    "seg_end": "int[]",
    "seg_pence": "float8[]",
    **WORTH_TYPES,
}

FORGET = {
    everyone: Kept.of(f"forget_{who}_slots", TYPES, [DELETE], {"everyone": everyone})
    for everyone, who in ((True, "all"), (False, "some"))
}
FEW_SLOTS = Kept.of("slots", TYPES, [INSERT.format(source=f"({select_plain_slots(ASKED)})")])
KEPT = (*FORGET.values(), FEW_SLOTS)


def write_slots(window: SlotWindow, now: datetime, batch: Batch) -> None:
    """Make anew the slots of `window`, which begins and ends with one.

    The slots in which every tariff has one price go the fast way, stretches of others the general one.
    """
    valued = read_valued(window)
    plain, mixed = by_price(window, segments_of(window, valued.prices_between))
    batch.add(FORGET[window.everyone], _scope(window))
    if plain:
        _write_plain(window, _params(window, plain, valued, now), batch)
    for part, cut in mixed:
        batch.at_once(partial(_write_mixed, part=part, params=_params(part, cut, valued, now)))


def _write_mixed(cursor: CursorWrapper, part: SlotWindow, params: dict[str, Any]) -> int:
    cursor.execute(INSERT.format(source=f"({select_slots(part)})"), params)
    return int(cursor.rowcount)


def _write_plain(window: SlotWindow, params: dict[str, Any], batch: Batch) -> None:
    if window.is_large or sees_packed():  # a kept plan reads plain rows alone
        batch.at_once(partial(_write_many, window=window, params=params))
    else:
        batch.add(FEW_SLOTS, params | piece_params(window.start, window.end, window.slot_s))


def _write_many(cursor: CursorWrapper, window: SlotWindow, params: dict[str, Any]) -> int:
    pieces = Pieces.between(
        window.start, window.end, window.slot_s, everyone=window.everyone, reaching=REACHING
    )
    if not pieces.edges:
        params |= read_reaching_in(window.start, window.end, window.miner_ids)
    with staged(cursor, select_plain_slots(pieces), params) as stage:
        cursor.execute(INSERT.format(source=stage), params)
        return int(cursor.rowcount)


def _scope(window: SlotWindow) -> dict[str, Any]:
    return {
        "start": window.start,
        "end": window.end,
        "miner_ids": list(window.miner_ids),
    }


def _params(window: SlotWindow, cut: Sequence[Segment], valued: Valued, now: datetime) -> dict[str, Any]:
    worth = worth_params(window.start, window.end, window.slot_s, valued.coins_between)
    return segment_params(window, cut) | worth | {"now": now}
