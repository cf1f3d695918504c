"""What a reader must know before it reads, in one query: how time is cut, how far the store is, who was where."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from hmm.installation import installation
from hmm.lib.buckets import Bucket
from hmm.replica.route import connection
from metrics.engine.farm import FARM, Farm, farm_known, farm_now, moment
from metrics.engine.grid import Grid
from metrics.engine.ground import GRID, grid_of
from metrics.engine.open_sums import version_of
from metrics.engine.summed import SUMMED, Summed, SummedAt, summed_of
from metrics.engine.valued import Valued, valued_of
from metrics.store.kept import KeptFunction, KeptQuery
from miners.telemetry.read import FIRST_START
from pools.coin_history import VALUED_IN

SINCE = """(SELECT greatest(%(open)s, coalesce((SELECT filled_to FROM metrics_watermark WHERE period = 'slot'), %(open)s)))"""
"""Since when the store does not say what was."""

# Since then, and the one before: it holds at that moment.
COINS = """
'network', (SELECT jsonb_agg(jsonb_build_array(timestamp, difficulty, subsidy) ORDER BY timestamp) FROM (
    SELECT timestamp, difficulty, subsidy FROM pools_networkstate
    WHERE coin = '__COIN__' AND timestamp >= __SINCE__ AND timestamp < %(now)s
    UNION ALL (SELECT timestamp, difficulty, subsidy FROM pools_networkstate
    WHERE coin = '__COIN__' AND timestamp < __SINCE__ ORDER BY timestamp DESC LIMIT 1)) known),
'coin_prices', (SELECT jsonb_agg(jsonb_build_array(timestamp, price) ORDER BY timestamp) FROM (
    SELECT timestamp, price FROM pools_coinprice
    WHERE coin = '__COIN__' AND currency = (SELECT currency FROM hmm_installation) AND timestamp >= __SINCE__ AND timestamp < %(now)s
    UNION ALL (SELECT timestamp, price FROM pools_coinprice
    WHERE coin = '__COIN__' AND currency = (SELECT currency FROM hmm_installation) AND timestamp < __SINCE__
    ORDER BY timestamp DESC LIMIT 1)) known)
""".replace("__SINCE__", SINCE).replace("__COIN__", VALUED_IN)

READ_STATE = (
    """
SELECT jsonb_build_object(
  'zone', (SELECT time_zone FROM metrics_storeform),
  'marks', (SELECT jsonb_object_agg(period, filled_to) FROM metrics_watermark),
  __GRID__,
  'farm', __FARM__,
  'dirty', (SELECT jsonb_agg(jsonb_build_array(d.low, d.high) ORDER BY d.low) FROM (
              -- Of a price, only as far as there is telemetry that it could change.
              SELECT CASE WHEN kind IN ('tariff', 'coin') THEN greatest(start, (__FIRST__)) ELSE start END AS low,
                     CASE WHEN kind IN ('tariff', 'coin') THEN least("end", (
                         SELECT coalesce(max(timestamp), '-infinity') FROM miners_latestreading)) ELSE "end" END AS high
              FROM hmm_dirtyrange WHERE start < %(end)s AND "end" > %(start)s
                AND start < coalesce((SELECT filled_to FROM metrics_watermark WHERE period = 'slot'), %(now)s)
            ) d WHERE d.low < d.high AND d.low < %(end)s AND d.high > %(start)s),
  'prices', (SELECT jsonb_agg(jsonb_build_array(tariff_id, start, "end", pence_per_kwh) ORDER BY start)
             FROM energy_tariff tariff CROSS JOIN LATERAL (
                 SELECT * FROM energy_priceslot
                 -- Slots never overlap: the one that runs then is the last that had begun.
                 WHERE tariff_id = tariff.id AND start < %(now)s AND "end" > __SINCE__ AND start >= coalesce((
                     SELECT max(start) FROM energy_priceslot WHERE tariff_id = tariff.id AND start <= __SINCE__), '-infinity')
             ) p),
  'summed', __SUMMED__,
  __COINS__
)
""".replace("__COINS__", COINS)
    .replace("__GRID__", GRID)
    .replace("__SINCE__", SINCE)
    .replace("__SUMMED__", SUMMED)
    .replace("__FIRST__", FIRST_START)
    .replace("__FARM__", FARM)
)

TYPES = dict.fromkeys(("now", "start", "end", "open"), "timestamptz") | {"farm": "text"}
STATE = KeptQuery("state", TYPES, (READ_STATE,))
KEPT = (STATE,)


@dataclass(frozen=True, slots=True)
class State:
    """A consistent picture of what reading needs. `valued` is what holds since the store ends.

    `sums_last` is for how long sums of the open slot are shown although more has been told, null for as long as ever.
    """

    cut: Grid
    marks: Mapping[str, datetime]
    dirty: Sequence[tuple[datetime, datetime]]
    farm: Farm
    valued: Valued
    summed: Summed | None = None
    sums_last: timedelta | None = None

    def summed_at(self, now: datetime, bucket: Bucket) -> SummedAt | None:
        """Return what of `bucket`, which is open at `now`, is summed, and as of when; None where telemetry must be read."""
        if self.summed is None or not bucket.start <= self.summed.start < bucket.end:
            return None
        as_of = self.summed.as_of(now, self.sums_last)
        return SummedAt(self.summed, as_of) if as_of else None

    def told_until(self, now: datetime, bucket: Bucket) -> datetime:
        """Return up to when figures of sites and the system in `bucket`, which is open, are told at `now`."""
        told = self.summed_at(now, bucket)
        return told.as_of if told else now


def read_state(now: datetime, start: datetime, end: datetime, opened: datetime) -> State:
    """Return the state for reading [start, end), the open period of which began at `opened`. One query."""
    known = farm_known()
    with connection.cursor() as cursor:
        return _state_of(STATE.call(cursor, _params(now, start, end, opened, known)), now, known)


def read_state_beside(
    now: datetime,
    start: datetime,
    end: datetime,
    opened: datetime,
    beside: KeptFunction,
    params: Mapping[str, Any],
) -> tuple[State, Any]:
    """Return what `read_state` does, and what `beside` gives at the same moment. One query."""
    known = farm_known()
    state, of_state = STATE.bound(_params(now, start, end, opened, known))
    other, of_other = beside.bound(params, "_beside")
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT ({state}), ({other})", of_state | of_other)
        raw, told = cursor.fetchone()
    return _state_of(raw, now, known), told


def _params(
    now: datetime, start: datetime, end: datetime, opened: datetime, known: tuple[str, Farm | None]
) -> dict[str, Any]:
    return {"now": now, "start": start, "end": end, "open": opened, "farm": known[0]}


def _state_of(told: str, now: datetime, known: tuple[str, Farm | None]) -> State:
    raw = json.loads(told)
    farm = farm_now(raw["farm"], known)
    return State(
        cut=grid_of(raw, now),
        marks={period: moment(at) for period, at in _marks(raw).items()},
        dirty=[(moment(a), moment(b)) for a, b in raw["dirty"] or []],
        farm=farm,
        valued=valued_of(raw),
        summed=summed_of(raw["summed"], version_of(farm)),
    )


def _marks(raw: dict[str, Any]) -> dict[str, str]:
    """Return the watermarks; none of them holds while the store has the periods of another zone."""
    return (raw["marks"] or {}) if raw["zone"] == installation().time_zone else {}
