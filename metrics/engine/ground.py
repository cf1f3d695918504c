"""What a run of the engine stands on, read in one query: how time is cut, how far the store is, who was where."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from hmm.installation import installation
from hmm.lib.buckets import slot_length_s
from metrics.engine.farm import FARM, Farm, farm_known, farm_now, moment
from metrics.engine.grid import Grid, grid
from metrics.store.kept import KeptQuery
from metrics.store.partitions import EXISTING

GRID = """
'grid', (SELECT jsonb_agg(jsonb_build_array(start, slot_s) ORDER BY start) FROM metrics_slotgrid),
'slots_s', (SELECT jsonb_agg(DISTINCT slot_s) FROM energy_tariff)
"""
"""The pairs of a JSON object that `grid_of` understands, for whoever reads more in the same query."""

READ_GROUND = f"""
SELECT jsonb_build_object(
  'marks', (SELECT jsonb_object_agg(period, filled_to) FROM metrics_watermark),
  {GRID},
  'partitions', ({EXISTING}),
  'farm', {FARM}
)
"""

GROUND = KeptQuery("ground", {"farm": "text"}, (READ_GROUND,))
KEPT = (GROUND,)


@dataclass(frozen=True, slots=True)
class Ground:
    """A consistent picture. `marks` is empty before the first run; `partitions` are the store's monthly ones, by name."""

    cut: Grid
    marks: Mapping[str, datetime]
    farm: Farm
    partitions: Collection[str]


def read_ground(now: datetime) -> Ground:
    """Return the ground as it is now; a grid that has become too coarse is made finer, as `grid` does."""
    known = farm_known()
    with connection.cursor() as cursor:
        raw = json.loads(GROUND.call(cursor, {"farm": known[0]}))
    return Ground(
        cut=grid_of(raw, now),
        marks={period: moment(at) for period, at in (raw["marks"] or {}).items()},
        farm=farm_now(raw["farm"], known),
        partitions=frozenset(raw["partitions"] or []),
    )


def grid_of(raw: Mapping[str, Any], now: datetime) -> Grid:
    """Return the grid that GRID gave, made finer where a tariff needs it."""
    zone = installation().zone
    steps = tuple((moment(at), slot_s) for at, slot_s in raw["grid"] or [])
    if not steps or slot_length_s(zone, raw["slots_s"] or [], now) < steps[-1][1]:
        return grid(now)
    return Grid(zone, steps)
