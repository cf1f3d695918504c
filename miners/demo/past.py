"""The past of simulated devices, stored as the collector would have stored it."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from miners.models import Miner
from miners.simulator.fleet import DeviceSpec, fleet
from miners.simulator.history import rows
from miners.telemetry.bulk import BulkRow, store_history
from miners.telemetry.read import telemetry_spans

BEFORE_IT_WAS_ADDED = timedelta(hours=1)
LARGEST_FLEET = 1000


def without_past(miners: Iterable[Miner]) -> list[Miner]:
    """Return those of `miners` that have no telemetry from before they were added."""
    miners = list(miners)
    spans = telemetry_spans(miner.pk for miner in miners)
    return [
        miner
        for miner in miners
        if miner.pk not in spans or spans[miner.pk][0] > miner.created_at - BEFORE_IT_WAS_ADDED
    ]


def specs_of(names: set[str]) -> dict[str, DeviceSpec]:
    """Return the devices of the simulated fleet that are called so, by name."""
    return {spec.name: spec for spec in fleet(LARGEST_FLEET) if spec.name in names}


def store_past(miner: Miner, spec: DeviceSpec, *, seed: int, days: int, cadence_s: int, now: datetime) -> int:
    """Store `days` days of `miner`, a device like `spec`, up to `now`; return how many rows."""
    past = map(BulkRow._make, rows(spec, seed, now - timedelta(days=days), now, cadence_s))
    return store_history(miner.pk, past, source="demo", now=now).stored
