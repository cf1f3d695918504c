"""The open day of the system and of some miners by a kept plan: what a dashboard asks at each look.

The statement is that of `live.live_together`, with parameters in the place of its literals.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from hmm.installation import installation
from hmm.lib.buckets import Bucket
from hmm.replica.route import connection
from metrics.engine.belonging import known_miners
from metrics.engine.slots import SlotWindow
from metrics.engine.state import State
from metrics.engine.told_slots import TOLD, little_told
from metrics.engine.told_slots import TYPES as TYPES_OF_TOLD
from metrics.live import LiveAsked, needed_of, together
from metrics.live_parts import CHILDREN, LiveRow, projections_of, standing_params, stored_parts
from metrics.store.kept import KeptRows, arguments
from metrics.types.base import MINOR
from miners.telemetry.packed.reading import unpacked

OF_SYSTEM = ("energy_cost", "uptime", "reject_rate", "temperature")
"""The types of which the system's figures are told."""

ASKED = (LiveAsked(OF_SYSTEM, "system"), LiveAsked(("reject_rate",), "miner", ()))
PARTS = tuple((period, f"%({period}_from)s", f"%({period}_to)s") for period in CHILDREN["daily"])
TYPES = (
    dict(TYPES_OF_TOLD)
    | {name: "timestamptz" for _, *ends in PARTS for name in (end[2:-2] for end in ends)}
    | dict.fromkeys(("span_site", "standing_site", "only_0", "only_1"), "int[]")
    | {"standing_pence": "float8[]", "elapsed_s": "int"}
)


COLUMNS = "entity_type text, entity_id int, told jsonb"


def _day_in(currency: str) -> KeptRows:
    projections = [value for one in ASKED for value in projections_of(one.types, currency)]
    each = " UNION ALL ".join(together(one, f"only_{n}", PARTS, currency) for n, one in enumerate(ASKED))
    statement = f"WITH live AS MATERIALIZED ({needed_of(TOLD[True].rows, projections)}) {each}"
    return KeptRows(f"day_in_{currency.lower()}", TYPES, (statement,), columns=COLUMNS)


DAYS = {currency: _day_in(currency) for currency in MINOR}
KEPT = tuple(DAYS.values())


def kept_day(rejects_of: Sequence[int], state: State, now: datetime) -> list[LiveRow] | None:
    """Return the system's figures of OF_SYSTEM and these miners' reject rates of the local day up to `now`. One query.

    None where the kept plan is not for that: where the open slot is summed, or much is to be read.
    """
    bucket = state.cut.bucket_at("daily", now)
    now = max(now.replace(microsecond=0), bucket.start)
    parts, spans = stored_parts(CHILDREN["daily"], bucket, state, now), state.farm.spans(bucket.start, now)
    start = parts[-1][2] if parts else bucket.start
    window = SlotWindow(start, now, state.cut.slot_s(now), known_miners(spans), spans, everyone=True)
    if state.summed_at(now, bucket):
        return None
    with unpacked([(window.start, now)], window.miner_ids, now), connection.cursor() as cursor:
        told = little_told(window, state.valued.prices_between, state.valued.coins_between)
        if told is None:
            return None
        elapsed = Bucket(bucket.start, now)
        params = told | standing_params("system", spans, elapsed, state) | ends_of(parts, now)
        params |= {"span_site": [s.site_id for s in spans], "elapsed_s": elapsed.length_s}
        params |= {"only_0": [], "only_1": list(rejects_of)}
        cursor.execute(DAYS[installation().currency].rows, arguments(params))
        return [LiveRow(kind, pk, json.loads(values)) for kind, pk, values in cursor.fetchall()]


def ends_of(parts: Sequence[tuple[str, datetime, datetime]], now: datetime) -> dict[str, Any]:
    """Return the ends of what is stored of the day, where nothing is both the same."""
    known = {period: (start, end) for period, start, end in parts}
    found = ((period, known.get(period, (now, now))) for period in CHILDREN["daily"])
    return {
        f"{period}_{side}": end
        for period, ends in found
        for side, end in zip(("from", "to"), ends, strict=True)
    }
