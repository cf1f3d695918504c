"""What stretches of time are made of: stored rows of sites or miners, and what the store does not have yet.

That is read from telemetry, or, of sites and the system, from the sums of the open slot where there are some.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from hmm.lib.buckets import Bucket
from metrics.engine.belonging import Span, known_miners
from metrics.engine.open_sums import as_text
from metrics.engine.slots import SlotWindow
from metrics.engine.state import State
from metrics.engine.summed import SUMS, Summed
from metrics.engine.told_slots import told_slots
from metrics.live_parts import PRESENT, STORED, within
from metrics.query.counted import STORED_COUNTS, UNION, counted_sql
from metrics.query.cover import LONGEST_FIRST, Segment, cover
from metrics.query.pool_parts import pool_parts
from metrics.sketches.read import gaps, percentiles

ONLY_THESE = " AND entity_id = ANY(%(miner_ids)s)"
ONLY_THIS = " AND entity_id = %(one_id)s"

AT_SITE = """
JOIN unnest(%(site_miner)s::int[], %(site_id)s::int[], %(site_start)s::bigint[], %(site_end)s::bigint[])
    AS span(miner_id, site_id, start_s, end_s)
    ON span.miner_id = part.entity_id
   AND part.timestamp >= to_timestamp(span.start_s) AND part.timestamp < to_timestamp(span.end_s)
"""

# Of sites and the system what is stored of the sites is read, not the rows of each miner; those are only counted.
LIVE_AT_SITE = f"SELECT span.site_id AS entity_id, part.timestamp, {{names}} FROM live part {AT_SITE}"

# The miners that the sums of the open slot are made of, as if each had done something when it began.
SUMMED_PRESENT = """
SELECT id::int AS entity_id, %(told_from)s::timestamptz AS timestamp FROM generate_series(0, %(told_last)s) id
WHERE get_bit(decode(%(told_bits)s, 'base64'), id) = 1
"""


@dataclass(frozen=True, slots=True)
class Whom:
    """A kind of entity, and which one of it; None for all of that kind."""

    entity_type: str
    entity_id: int | None = None


def told_by_telemetry(
    stretches: Sequence[Bucket], state: State, now: datetime
) -> list[tuple[datetime, datetime]]:
    """Return what neither sketches nor slots have of these stretches."""
    told = [_so_far(s, now) for s in stretches]
    stored = [(s.period, s.start, s.end) for s in cover(told, LONGEST_FIRST[:-1], state.marks, state.cut)]
    return [gap for stretch in told for gap in gaps(stretch, stored)]


def miners_of(whom: Whom, stretches: Sequence[Bucket], state: State, now: datetime) -> list[int]:
    """Return the miners whose telemetry may be read."""
    return _miners(whom, state.farm.spans(stretches[0].start, min(stretches[-1].end, now), _only(whom)))


def parts_of(
    whom: Whom, stretches: Sequence[Bucket], state: State, now: datetime, names: str, summed: Summed | None
) -> tuple[str, dict[str, Any]]:
    """Return the common table expressions of the sums that the stretches are made of, and all parameters.

    `names` are the columns that are needed of them; `summed` is what to take in place of the open slot's telemetry.
    """
    start, end = stretches[0].start, min(stretches[-1].end, now)
    if whom.entity_type == "pool":
        segments = cover(stretches, LONGEST_FIRST, state.marks, state.cut)
        pools = " UNION ALL ".join(pool_parts(segments, start, end, state, now))
        return f"part AS ({pools})", stretch_params(stretches, now)
    spans = state.farm.spans(start, end, _only(whom))
    at_site = [s for s in spans if whom.entity_type != "site" or whom.entity_id in (None, s.site_id)]
    since = max(start, state.marks.get("slot", start))
    # Without telemetry to read it plays no part for the system who each miner is.
    nameless = whom.entity_type == "system" and (summed is not None or since >= end)
    miners = [] if nameless else _miners(whom, at_site)
    ladder = (
        LONGEST_FIRST[1:] if whom.entity_type == "site" else LONGEST_FIRST
    )  # a miner may move within a month
    segments = cover(stretches, ladder, state.marks, state.cut)
    window = SlotWindow(since, end, state.cut.slot_s(now), miners, spans, everyone=whom.entity_id is None)
    rest = _summed(whom, summed, names) if summed else _told(window, state, names)
    params = (
        {"miner_ids": miners, "one_id": whom.entity_id, "known_miners": state.farm.miner_count, **rest.params}
        | stretch_params(stretches, now)
        | _site_params([] if nameless else at_site)
        | _standing_params(at_site, stretches, state, now)
    )
    return _tables(whom, segments, rest, names), params


@dataclass(frozen=True, slots=True)
class _Rest:
    """SQL of what the store does not have yet, empty where it has all: sums of slots of miners, named `live`, or of sites.

    `moments` are the miners that did something, and when; `counts` how many did at each of those moments. With the
    queries' parameters.
    """

    live: str = ""
    of_sites: str = ""
    moments: str = ""
    counts: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)


def _told(window: SlotWindow, state: State, names: str) -> _Rest:
    """Return the rest as telemetry tells it."""
    if window.start >= window.end:
        return _Rest()
    slots, params = told_slots(window, state.valued.prices_between, state.valued.coins_between)
    return _Rest(
        live=f"SELECT entity_id, timestamp, {names} FROM ({slots}) slot",
        of_sites=LIVE_AT_SITE.format(names=names),
        moments="SELECT entity_id, timestamp FROM live",
        counts="SELECT timestamp, count(*) FROM live GROUP BY timestamp",
        params=params,
    )


def _summed(whom: Whom, summed: Summed, names: str) -> _Rest:
    """Return the rest as the sums of the open slot have it."""
    miners = summed.miners_of(whom.entity_id)
    only = f"SELECT * FROM ({SUMS.format(names=names)}) told WHERE entity_id = %(one_id)s"
    return _Rest(
        of_sites=SUMS.format(names=names) if whom.entity_id is None else only,
        moments=SUMMED_PRESENT,
        counts="SELECT %(told_from)s::timestamptz, %(told_count)s",
        params={
            "told": json.dumps(summed.sites),
            "told_from": summed.start,
            "told_bits": as_text(miners),
            "told_last": miners.bit_length() - 1,
            "told_count": miners.bit_count(),
        },
    )


def _tables(whom: Whom, segments: Sequence[Segment], rest: _Rest, names: str) -> str:
    """Return the common table expressions: `part`, of sites or of miners.

    For sites `present` too, whose rows are miners', and for the system `counted`.
    """
    if whom.entity_type == "miner":
        only = "" if whom.entity_id is None else ONLY_THESE
        return f"part AS ({UNION.join(_parts(STORED + only, segments, 'miner', names, rest.live))})"
    one_site = whom.entity_id is not None
    part = UNION.join(_parts(STORED + ONLY_THIS * one_site, segments, "site", names, rest.of_sites))
    told = f"live AS MATERIALIZED ({rest.live}), " if rest.live else ""
    if whom.entity_type == "system":
        counts = _parts(STORED_COUNTS, segments, "", "", rest.counts)
        counted = counted_sql(counts, _parts(PRESENT, segments, "miner", "", ""), rest.moments)
        return f"{told}part AS ({part}), {counted}"
    present = UNION.join(_parts(PRESENT + ONLY_THESE * one_site, segments, "miner", "", rest.moments))
    return f"{told}part AS ({part}), present AS ({present})"


def _parts(select: str, segments: Sequence[Segment], whose: str, names: str, rest: str) -> list[str]:
    times = (within(s.period, s.start, s.end) for s in segments)
    stored = [select.format(within=each, whose=whose, names=names) for each in times]
    return [*stored, *([rest] if rest else [])]


def sketches_of(
    whom: Whom, stretches: Sequence[Bucket], state: State, now: datetime, summed: Summed | None
) -> tuple[str, dict[str, Any]]:
    """Return the join of the stretches' percentiles, and its parameters."""
    told = [_so_far(s, now) for s in stretches]
    spans = state.farm.spans(told[0].start, told[-1].end, _only(whom))
    miners = _miners(whom, spans)
    stored = [(s.period, s.start, s.end) for s in cover(told, LONGEST_FIRST[:-1], state.marks, state.cut)]
    cells = summed.cells if summed else None
    sql, params = percentiles(whom.entity_type, whom.entity_id, told, stored, miners, spans, cells)
    same = "p.n = merged.n AND coalesce(p.entity_id, 0) = coalesce(merged.entity_id, 0)"
    return f"LEFT JOIN ({sql}) p ON {same}", params


def _miners(whom: Whom, spans: Sequence[Span]) -> list[int]:
    """Return the one miner that is asked for, else those of the spans."""
    return [whom.entity_id] if whom.entity_type == "miner" and whom.entity_id else known_miners(spans)


def _only(whom: Whom) -> list[int] | None:
    """Return whose spans are needed, None for everyone's."""
    return [whom.entity_id] if whom.entity_type == "miner" and whom.entity_id else None


def stretch_params(stretches: Sequence[Bucket], now: datetime) -> dict[str, Any]:
    so_far = [_so_far(s, now) for s in stretches]
    return {
        "stretch_start": [s.start for s in so_far],
        "stretch_end": [s.end for s in so_far],
        "stretch_s": [s.length_s for s in so_far],
        "stretch_open": [s.end > now for s in stretches],
    }


def _site_params(spans: Sequence[Span]) -> dict[str, Any]:
    return {
        "site_miner": [s.miner_id for s in spans],
        "site_id": [s.site_id for s in spans],
        "site_start": [s.start_s for s in spans],
        "site_end": [s.end_s for s in spans],
    }


def _standing_params(
    spans: Sequence[Span], stretches: Sequence[Bucket], state: State, now: datetime
) -> dict[str, Any]:
    sites = sorted({s.site_id for s in spans})
    return state.farm.standing.params(sites, [_so_far(s, now) for s in stretches])


def _so_far(stretch: Bucket, now: datetime) -> Bucket:
    return Bucket(stretch.start, min(stretch.end, now))
