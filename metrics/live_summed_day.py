"""The open day of a farm in one way to the database: the system's of sums of the open slot, some miners' by a kept plan.

Both are what `live.live_together` says.
"""

import json
from collections.abc import Sequence
from datetime import datetime

from hmm.replica.route import connection
from metrics.engine.state import State
from metrics.engine.told_slots import TOLD, little_told
from metrics.live import LiveAsked, needed_of, opened_of, together
from metrics.live_day import COLUMNS, PARTS, TYPES, ends_of
from metrics.live_fleet import fleet_query
from metrics.live_parts import LiveRow, live_row, projections_of
from metrics.store.kept import KeptRows, arguments, rows_together
from miners.telemetry.packed.reading import unpacked

ASKED = LiveAsked(("reject_rate",), "miner", ())


def _rejects() -> KeptRows:
    currency = "GBP"  # rejects are the same in any
    live = needed_of(TOLD[False].rows, projections_of(ASKED.types, currency))
    statement = f"WITH live AS MATERIALIZED ({live}) {together(ASKED, 'only_0', PARTS, currency)}"
    return KeptRows("rejects", TYPES, (statement,), columns=COLUMNS)


REJECTS = _rejects()
KEPT = (REJECTS,)


def summed_day(
    types: Sequence[str], rejects_of: Sequence[int], state: State, now: datetime
) -> list[LiveRow] | None:
    """Return the system's figures, without percentiles, and these miners' reject rates of the local day up to `now`.

    One query. None where the open slot is not summed, or the kept plan is not for these miners' telemetry.
    """
    bucket = state.cut.bucket_at("daily", now)
    now = max(now.replace(microsecond=0), bucket.start)
    if (told := state.summed_at(now, bucket)) is None:
        return None
    queries = (
        [fleet_query(types, "daily", bucket, state, told, "system", with_percentiles=False)] if types else []
    )
    opened = opened_of("daily", bucket, state, now, "miner", rejects_of)
    with unpacked([(opened.window.start, now)], rejects_of, now), connection.cursor() as cursor:
        if rejects_of:
            plan = little_told(opened.window, state.valued.prices_between, state.valued.coins_between)
            if plan is None:
                return None
            params = opened.params | plan | ends_of(opened.parts, now) | {"only_0": list(rejects_of)}
            queries.append((REJECTS.rows, arguments(params)))
        found = rows_together(cursor, queries) if queries else []
    of_system = [live_row(types, *row) for row in found[0]] if types else []
    of_miners = found[-1] if rejects_of else []
    return [*of_system, *(LiveRow(kind, pk, json.loads(values)) for kind, pk, values in of_miners)]
