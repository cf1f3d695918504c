"""Telemetry to slots, in one query."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from energy.prices import PricePoint, prices_between
from metrics.engine.belonging import Span
from metrics.engine.segments import NO_TARIFF, Segment, segments
from metrics.store.columns import FROM_PIECES


@dataclass(frozen=True, slots=True)
class SlotWindow:
    """What to compute: [start, end) of these miners in slots of `slot_s` seconds, with the miners' spans in it."""

    start: datetime
    end: datetime
    slot_s: int
    miner_ids: Sequence[int]
    spans: Sequence[Span]


# A row covers [start_s, end_s). Besides the rows that end in the window, only the first after it can reach
# into it, since the intervals of a miner never overlap. generate_series in the select list gives each row one
# piece a slot; the price segments cut it further where a price changes within the slot, and to the window.
SELECT_SLOTS = f"""
SELECT piece.miner_id AS entity_id, to_timestamp(piece.slot_s) AS timestamp,
    {FROM_PIECES}
FROM (
    SELECT cut.*, span.tariff_id, seg.pence, cut.start_s >= seg.start_s AS is_start,
           least(cut.end_s, seg.end_s) - greatest(cut.start_s, seg.start_s) AS sec
    FROM (
        SELECT reading.*, generate_series(start_s / %(slot_s)s, (end_s - 1) / %(slot_s)s) * %(slot_s)s AS slot_s
        FROM (
            SELECT t.miner_id, t.power_w, t.hashrate_ghs, t.temperature_c, t.accepted, t.rejected,
                   date_part('epoch', t.timestamp)::bigint - t.covered_s AS start_s,
                   date_part('epoch', t.timestamp)::bigint AS end_s
            FROM telemetry t
            WHERE t.miner_id = ANY(%(miner_ids)s) AND t.timestamp > %(start)s AND t.timestamp <= %(end)s
            UNION ALL
            SELECT t.miner_id, t.power_w, t.hashrate_ghs, t.temperature_c, t.accepted, t.rejected,
                   date_part('epoch', t.timestamp)::bigint - t.covered_s,
                   date_part('epoch', t.timestamp)::bigint
            FROM unnest(%(miner_ids)s::int[]) AS m(id) CROSS JOIN LATERAL (
                SELECT * FROM telemetry WHERE miner_id = m.id AND timestamp > %(end)s ORDER BY timestamp LIMIT 1
            ) t WHERE t.timestamp - make_interval(secs => t.covered_s) < %(end)s
        ) reading
    ) cut
    JOIN unnest(%(span_miner)s::int[], %(span_tariff)s::int[], %(span_start)s::bigint[], %(span_end)s::bigint[])
        AS span(miner_id, tariff_id, start_s, end_s)
        ON span.miner_id = cut.miner_id AND cut.slot_s >= span.start_s AND cut.slot_s < span.end_s
    JOIN unnest(%(seg_tariff)s::int[], %(seg_slot)s::bigint[], %(seg_start)s::bigint[], %(seg_end)s::bigint[],
                %(seg_pence)s::float8[])
        AS seg(tariff_id, slot_s, start_s, end_s, pence)
        ON seg.tariff_id = span.tariff_id AND seg.slot_s = cut.slot_s
       AND cut.start_s < seg.end_s AND cut.end_s > seg.start_s
) piece
GROUP BY piece.miner_id, piece.slot_s
"""


Prices = Callable[[int, datetime, datetime], Sequence[PricePoint]]
"""Gives the prices of a tariff that overlap [start, end), in order."""


def slot_params(window: SlotWindow, prices: Prices = prices_between) -> dict[str, Any]:
    """Return the parameters of SELECT_SLOTS for `window`."""
    cut = _segments(window, prices)
    spans = window.spans
    return {
        "start": window.start,
        "end": window.end,
        "slot_s": window.slot_s,
        "miner_ids": list(window.miner_ids),
        "span_miner": [s.miner_id for s in spans],
        "span_tariff": [s.tariff_id for s in spans],
        "span_start": [s.start_s for s in spans],
        "span_end": [s.end_s for s in spans],
        "seg_tariff": [s.tariff_id for s in cut],
        "seg_slot": [s.slot_s for s in cut],
        "seg_start": [s.start_s for s in cut],
        "seg_end": [s.end_s for s in cut],
        "seg_pence": [s.pence for s in cut],
    }


def _segments(window: SlotWindow, prices: Prices) -> list[Segment]:
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
