"""Telemetry to slots."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from energy.prices import PricePoint
from metrics.engine.belonging import Span
from metrics.engine.pieces import Pieces, worth_sharing
from metrics.engine.segments import NO_TARIFF, Segment, segments
from metrics.engine.worth import WORTH, History, worth_params
from metrics.store.columns import FROM_GATHERED, GATHERED, MASK, MASKS
from miners.telemetry.read import VALUES


@dataclass(frozen=True, slots=True)
class SlotWindow:
    """What to compute: [start, end) of these miners in slots of `slot_s` seconds, with the miners' spans in it.

    `everyone` says that these are all the miners there are, so that whole partitions can be read.
    """

    start: datetime
    end: datetime
    slot_s: int
    miner_ids: Sequence[int]
    spans: Sequence[Span]
    everyone: bool = False

    @property
    def is_large(self) -> bool:
        """Whether parallel workers are worth what they need."""
        return worth_sharing(len(self.miner_ids), self.start, self.end)


SPAN = """
unnest(%(span_miner)s::int[], %(span_tariff)s::int[], %(span_start)s::bigint[], %(span_end)s::bigint[])
    AS span(miner_id, tariff_id, start_s, end_s)
"""

SEGMENT = """
unnest(%(seg_tariff)s::int[], %(seg_n)s::int[], %(seg_start)s::int[], %(seg_end)s::int[], %(seg_pence)s::float8[])
    AS seg(tariff_id, n, start_s, end_s, pence)
"""

OF_SOMEBODY = (
    "%(origin_s)s + {n} * %(slot_s)s >= span.start_s AND %(origin_s)s + {n} * %(slot_s)s < span.end_s"
)
"""What a miner did before it belonged to a site is in no figure."""

SLOT = f"""
SELECT part.miner_id AS entity_id, to_timestamp(%(origin_s)s + part.n * %(slot_s)s) AS timestamp,
    {FROM_GATHERED}
FROM ({{gathered}}) part LEFT JOIN {WORTH} ON worth.worth_n = part.n GROUP BY part.miner_id, part.n
"""

# Each price segment of each slot by itself: right for any prices and any window, and not the fastest.
CUT_BY_PRICE = f"""
SELECT piece.miner_id, piece.n, piece.mask, piece.pence, {GATHERED}
FROM (
    SELECT piece.miner_id, piece.n, {VALUES}, piece.pence, piece.sec, {MASK} AS mask
    FROM (
        SELECT cut.*, seg.pence, cut.start_s >= seg.start_s AS begins,
               (least(cut.end_s, seg.end_s) - greatest(cut.start_s, seg.start_s))::float8 AS sec
        FROM ({{cut}}) cut
        JOIN {SPAN} ON span.miner_id = cut.miner_id AND {OF_SOMEBODY.format(n="cut.n")}
        JOIN {SEGMENT} ON seg.tariff_id = span.tariff_id AND seg.n = cut.n
           AND cut.start_s < seg.end_s AND cut.end_s > seg.start_s
    ) piece
) piece
GROUP BY piece.miner_id, piece.n, piece.mask, piece.pence
"""

# For slots with one price: pieces are gathered by one number made of miner, slot and mask, which parallel workers
# hash fast, and the price comes to what is gathered.
AT_ONE_PRICE = f"""
SELECT part.*, seg.pence FROM (
    SELECT (key / {{masks}})::int AS miner_id, mod(key, {{masks}})::int / {MASKS} AS n, (key & {MASKS - 1})::int AS mask, part.*
    FROM ({{parts}}) part
) part
JOIN {SPAN} ON span.miner_id = part.miner_id AND {OF_SOMEBODY.format(n="part.n")}
JOIN {SEGMENT} ON seg.tariff_id = span.tariff_id AND seg.n = part.n
"""

GATHER = f"""
SELECT key, {GATHERED} FROM (
    SELECT miner_id::bigint * {{masks}} + n * {MASKS} + {MASK} AS key, sec, {VALUES} FROM ({{pieces}}) piece OFFSET '0'
) piece GROUP BY key
"""

# Which stretch a row ends in is numbered when its pieces are gathered, not before: there are fewer of those.
GATHER_LAST = f"""
SELECT (key / {MASKS}) * {{masks}} + {{number}} * {MASKS} + (key & {MASKS - 1}) AS key, {GATHERED} FROM (
    SELECT miner_id::bigint * {MASKS} + {MASK} AS key, first_end, sec, {VALUES} FROM ({{pieces}}) piece OFFSET '0'
) piece GROUP BY piece.key, first_end
"""


def select_slots(window: SlotWindow) -> str:
    """Return the query of the slots of `window`, whatever its prices; its parameters are those of `slot_params`."""
    pieces = Pieces.between(window.start, window.end, window.slot_s, everyone=window.everyone)
    return SLOT.format(gathered=CUT_BY_PRICE.format(cut=pieces.cut()))


def select_plain_slots(pieces: Pieces, *, at_once: bool = False) -> str:
    """Return the query of slots that each have one price, made of these pieces; parameters as with `select_slots`.

    They are read in two passes, which is quicker and which parallel workers can share; `at_once` has it be one.
    """
    masks = f"({pieces.count} * {MASKS})"
    parts = GATHER.format(masks=masks, pieces=pieces.all() if at_once else pieces.earlier())
    if not at_once:
        last = GATHER_LAST.format(masks=masks, number=pieces.number, pieces=pieces.last())
        parts = f"{last} UNION ALL {parts}"
    return SLOT.format(gathered=AT_ONE_PRICE.format(masks=masks, parts=parts))


Prices = Callable[[int, datetime, datetime], Sequence[PricePoint]]
"""Gives the prices of a tariff that overlap [start, end), in order."""


def slot_params(window: SlotWindow, prices: Prices, history: History) -> dict[str, Any]:
    """Return the parameters of `select_slots` for `window`."""
    worth = worth_params(window.start, window.end, window.slot_s, history)
    return segment_params(window, segments_of(window, prices)) | worth


def by_price(
    window: SlotWindow, cut: Sequence[Segment]
) -> tuple[list[Segment], list[tuple[SlotWindow, list[Segment]]]]:
    """Return those segments that are the only one of their slot, and the stretches of slots that have several.

    `cut` are the segments of `window`, which begins and ends with a slot.
    """
    mixed = {s.slot_s for s in cut if s.end_s - s.start_s < window.slot_s}
    plain = [s for s in cut if s.slot_s not in mixed]
    return plain, [
        (
            replace(window, start=_moment(start_s), end=_moment(end_s)),
            [s for s in cut if start_s <= s.slot_s < end_s],
        )
        for start_s, end_s in _stretches(mixed, window.slot_s)
    ]


def _stretches(slots: set[int], slot_s: int) -> list[tuple[int, int]]:
    """Return the stretches (start, end) that these slots make."""
    numbered = enumerate(sorted(slots))
    runs = [
        [slot for _, slot in run] for _, run in groupby(numbered, lambda pair: pair[1] - pair[0] * slot_s)
    ]
    return [(run[0], run[-1] + slot_s) for run in runs]


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def segment_params(window: SlotWindow, cut: Sequence[Segment]) -> dict[str, Any]:
    """Return the parameters of the slots of `window` with these segments."""
    spans, origin_s = window.spans, int(window.start.timestamp())
    return {
        "origin_s": origin_s,
        "slot_s": window.slot_s,
        "miner_ids": list(window.miner_ids),
        "span_miner": [s.miner_id for s in spans],
        "span_tariff": [s.tariff_id for s in spans],
        "span_start": [s.start_s for s in spans],
        "span_end": [s.end_s for s in spans],
        "seg_tariff": [s.tariff_id for s in cut],
        "seg_n": [(s.slot_s - origin_s) // window.slot_s for s in cut],
        "seg_start": [s.start_s - origin_s for s in cut],
        "seg_end": [s.end_s - origin_s for s in cut],
        "seg_pence": [s.pence for s in cut],
    }


def segments_of(window: SlotWindow, prices: Prices) -> list[Segment]:
    """Return the price segments of each tariff that a miner is on, slot by slot."""
    low, high = int(window.start.timestamp()), int(window.end.timestamp())
    tariffs = sorted({span.tariff_id for span in window.spans})
    return [
        segment
        for tariff_id in tariffs
        for segment in segments(
            tariff_id,
            prices(tariff_id, window.start, window.end) if tariff_id != NO_TARIFF else [],
            low,
            high,
            window.slot_s,
        )
    ]
