"""Telemetry to slots."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from energy.prices import PricePoint, prices_between
from metrics.engine.belonging import Span
from metrics.engine.segments import NO_TARIFF, Segment, segments
from metrics.store.columns import FROM_PIECES, PRICED, UNPRICED_FROM_PIECES, UNPRICED_MERGED


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
    def miner_hours(self) -> float:
        """How much there is to compute."""
        return len(self.miner_ids) * (self.end - self.start).total_seconds() / 3600


END_S = "date_part('epoch', t.timestamp)::bigint"
VALUES = "t.power_w, t.hashrate_ghs, t.temperature_c, t.accepted, t.rejected"
IN_WINDOW = (
    "t.timestamp > %(start)s AND t.timestamp <= %(end)s AND (%(everyone)s OR t.miner_id = ANY(%(miner_ids)s))"
)
STRADDLES = f"({END_S} - 1) %% %(slot_s)s < t.covered_s - 1"
"""The row's interval reaches over the beginning of the slot in which it ends."""

# Besides the rows that end in the window, only the first after it can reach into it, since the intervals of
# a miner never overlap.
FIRST_AFTER = f"""
SELECT t.miner_id, {VALUES}, {END_S} - t.covered_s AS start_s, {END_S} AS end_s
FROM unnest(%(miner_ids)s::int[]) AS m(id) CROSS JOIN LATERAL (
    SELECT * FROM telemetry WHERE miner_id = m.id AND timestamp > %(end)s ORDER BY timestamp LIMIT 1
) t WHERE t.timestamp - make_interval(secs => t.covered_s) < %(end)s
"""

SPAN = """
unnest(%(span_miner)s::int[], %(span_tariff)s::int[], %(span_start)s::bigint[], %(span_end)s::bigint[])
    AS span(miner_id, tariff_id, start_s, end_s)
"""

SEGMENT = """
unnest(%(seg_tariff)s::int[], %(seg_slot)s::bigint[], %(seg_start)s::bigint[], %(seg_end)s::bigint[],
       %(seg_pence)s::float8[]) AS seg(tariff_id, slot_s, start_s, end_s, pence)
"""

# generate_series in the select list gives each row one piece a slot; the price segments cut it further where a
# price changes within the slot, and to the window. Right for any prices and any window, and not the fastest.
SELECT_SLOTS = f"""
SELECT piece.miner_id AS entity_id, to_timestamp(piece.slot_s) AS timestamp,
    {FROM_PIECES}
FROM (
    SELECT cut.*, span.tariff_id, seg.pence, cut.start_s >= seg.start_s AS is_start,
           least(cut.end_s, seg.end_s) - greatest(cut.start_s, seg.start_s) AS sec
    FROM (
        SELECT reading.*, generate_series(start_s / %(slot_s)s, (end_s - 1) / %(slot_s)s) * %(slot_s)s AS slot_s
        FROM (
            SELECT t.miner_id, {VALUES}, {END_S} - t.covered_s AS start_s, {END_S} AS end_s
            FROM telemetry t WHERE {IN_WINDOW}
            UNION ALL {FIRST_AFTER}
        ) reading
    ) cut
    JOIN {SPAN} ON span.miner_id = cut.miner_id AND cut.slot_s >= span.start_s AND cut.slot_s < span.end_s
    JOIN {SEGMENT} ON seg.tariff_id = span.tariff_id AND seg.slot_s = cut.slot_s
       AND cut.start_s < seg.end_s AND cut.end_s > seg.start_s
) piece
GROUP BY piece.miner_id, piece.slot_s
"""

# For slots with one price: the rows within a slot are summed as they are, the few that straddle a boundary
# beside them, and the price comes last, to one row a slot. Each aggregate runs in a hash table.
SELECT_PLAIN_SLOTS = f"""
SELECT part.miner_id AS entity_id, to_timestamp(part.slot_s) AS timestamp,
    {PRICED}
FROM (
    SELECT part.miner_id, part.slot_s,
        {UNPRICED_MERGED}
    FROM (
        SELECT piece.miner_id, piece.slot_s,
            {UNPRICED_FROM_PIECES}
        FROM (
            SELECT t.miner_id, {VALUES}, t.covered_s AS sec, TRUE AS is_start,
                   ({END_S} - 1) / %(slot_s)s * %(slot_s)s AS slot_s
            FROM telemetry t WHERE {IN_WINDOW} AND NOT {STRADDLES}
        ) piece GROUP BY piece.miner_id, piece.slot_s
        UNION ALL
        SELECT piece.miner_id, piece.slot_s,
            {UNPRICED_FROM_PIECES}
        FROM (
            SELECT cut.*, cut.start_s >= cut.slot_s AS is_start,
                   least(cut.end_s, cut.slot_s + %(slot_s)s) - greatest(cut.start_s, cut.slot_s) AS sec
            FROM (
                SELECT straddling.*,
                       generate_series(start_s / %(slot_s)s, (end_s - 1) / %(slot_s)s) * %(slot_s)s AS slot_s
                FROM (
                    SELECT t.miner_id, {VALUES}, {END_S} - t.covered_s AS start_s, {END_S} AS end_s
                    FROM telemetry t WHERE {IN_WINDOW} AND {STRADDLES}
                    UNION ALL {FIRST_AFTER}
                ) straddling
            ) cut
        ) piece GROUP BY piece.miner_id, piece.slot_s
    ) part GROUP BY part.miner_id, part.slot_s
) part
JOIN {SPAN} ON span.miner_id = part.miner_id AND part.slot_s >= span.start_s AND part.slot_s < span.end_s
JOIN {SEGMENT} ON seg.tariff_id = span.tariff_id AND seg.slot_s = part.slot_s
"""

Prices = Callable[[int, datetime, datetime], Sequence[PricePoint]]
"""Gives the prices of a tariff that overlap [start, end), in order."""


def slot_params(window: SlotWindow, prices: Prices = prices_between) -> dict[str, Any]:
    """Return the parameters of SELECT_SLOTS for `window`."""
    return _params(window, _segments(window, prices))


def slot_queries(window: SlotWindow, prices: Prices = prices_between) -> list[tuple[str, dict[str, Any]]]:
    """Return the queries that together select every slot of `window`, which begins and ends with a slot.

    The slots in which every tariff has one price go the fast way, stretches of others the general one.
    """
    cut = _segments(window, prices)
    mixed = {s.slot_s for s in cut if s.end_s - s.start_s < window.slot_s}
    plain = [s for s in cut if s.slot_s not in mixed]
    found = [(SELECT_PLAIN_SLOTS, _params(window, plain))] if plain else []
    for start_s, end_s in _stretches(mixed, window.slot_s):
        part = replace(window, start=_moment(start_s), end=_moment(end_s))
        found.append((SELECT_SLOTS, _params(part, [s for s in cut if start_s <= s.slot_s < end_s])))
    return found


def _stretches(slots: set[int], slot_s: int) -> list[tuple[int, int]]:
    """Return the stretches (start, end) that these slots make."""
    numbered = enumerate(sorted(slots))
    runs = [
        [slot for _, slot in run] for _, run in groupby(numbered, lambda pair: pair[1] - pair[0] * slot_s)
    ]
    return [(run[0], run[-1] + slot_s) for run in runs]


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _params(window: SlotWindow, cut: Sequence[Segment]) -> dict[str, Any]:
    spans = window.spans
    return {
        "start": window.start,
        "end": window.end,
        "slot_s": window.slot_s,
        "everyone": window.everyone,
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
