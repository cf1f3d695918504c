"""The slots that telemetry tells a reader: little of it by a kept plan, since planning takes as long as reading that."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from metrics.engine.pieces import ASKED, PIECE_TYPES, Pieces, piece_params
from metrics.engine.segments import Segment
from metrics.engine.slots import (
    Prices,
    SlotWindow,
    segment_params,
    segments_of,
    select_plain_slots,
    select_slots,
)
from metrics.engine.worth import WORTH_TYPES, History, worth_params
from metrics.store.columns import TYPED_NAMES
from metrics.store.kept import KeptRows
from miners.telemetry.packed.reading import sees_packed

LITTLE = 500 * timedelta(minutes=10)
"""Of so much time of miners, each by itself, one plan is good for all."""

COLUMNS = f"entity_id int, timestamp timestamptz, {TYPED_NAMES}"
TYPES = (
    PIECE_TYPES
    | dict.fromkeys(("span_miner", "span_tariff", "seg_tariff", "seg_n", "seg_start", "seg_end"), "int[]")
    | {"origin_s": "bigint", "slot_s": "int", "span_start": "bigint[]", "span_end": "bigint[]"}
    | {"seg_pence": "float8[]", **WORTH_TYPES}
)

TOLD = {
    everyone: KeptRows(
        f"told_by_{who}",
        TYPES,
        (select_plain_slots(replace(ASKED, everyone=everyone)),),
        columns=COLUMNS,
    )
    for everyone, who in ((True, "all"), (False, "some"))
}
KEPT = tuple(TOLD.values())


def told_slots(window: SlotWindow, prices: Prices, history: History) -> tuple[str, dict[str, Any]]:
    """Return the query of the slots of `window`, which may end within one, that is best for it; and its parameters."""
    cut = segments_of(window, prices)
    params = _params(window, cut, history)
    if not _has_one_price_a_slot(cut):
        return select_slots(window), params
    if not _is_little(window):
        pieces = Pieces.between(window.start, window.end, window.slot_s, everyone=window.everyone)
        return select_plain_slots(pieces), params
    return TOLD[window.everyone].rows, params


def little_told(window: SlotWindow, prices: Prices, history: History) -> dict[str, Any] | None:
    """Return the parameters of TOLD for `window`, None where it has not the plan for that."""
    cut = segments_of(window, prices)
    return _params(window, cut, history) if _is_little(window) and _has_one_price_a_slot(cut) else None


def _params(window: SlotWindow, cut: Sequence[Segment], history: History) -> dict[str, Any]:
    return (
        segment_params(window, cut)
        | worth_params(window.start, window.end, window.slot_s, history)
        | piece_params(window.start, window.end, window.slot_s)
    )


def _is_little(window: SlotWindow) -> bool:
    length = window.end - window.start
    is_short = length.total_seconds() <= window.slot_s and len(window.miner_ids) * length <= LITTLE
    return is_short and not sees_packed()  # a kept plan reads plain rows alone


def _has_one_price_a_slot(cut: Sequence[Segment]) -> bool:
    return len({(s.tariff_id, s.slot_s) for s in cut}) == len(cut)
