"""The miners that rows are generated for: a site's own, and made ones where more are asked for."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import count, islice

from django.db import transaction

from miners.membership import place_miners
from miners.models import Miner, MinerModel, MinerState, Site, StateChange
from miners.simulator.silicon import Silicon

MOST_MINERS = 100_000
MAINTENANCE_EVERY, OFF_EVERY = 49, 51
"""Of so many made miners one is in maintenance, and one off: neither falls to the same make each time."""


@dataclass(frozen=True, slots=True)
class DataSheet:
    """A make of miner, by its maker's figures. `short` begins the names of those that are made."""

    short: str
    name: str
    manufacturer: str
    driver: str
    hashrate_ghs: float
    power_w: float
    limit_c: float


DATA_SHEETS = (
    DataSheet("s19jpro", "Antminer S19j Pro", "Bitmain", "cgminer", 104_000.0, 3_068.0, 85.0),
    DataSheet("s19xp", "Antminer S19 XP", "Bitmain", "cgminer", 141_000.0, 3_010.0, 85.0),
    DataSheet("s21", "Antminer S21", "Bitmain", "cgminer", 200_000.0, 3_500.0, 85.0),
    DataSheet("a1366", "Avalon A1366", "Canaan", "avalon", 130_000.0, 3_250.0, 85.0),
    DataSheet("m50s", "Whatsminer M50S", "MicroBT", "", 126_000.0, 3_276.0, 85.0),
)


def miners_at(site: Site, most: int | None) -> list[Miner]:
    """Return the miners that are at `site` and not retired, the oldest first, `most` of them at most."""
    miners = Miner.objects.filter(site=site, retired_at=None).select_related("model").order_by("pk")
    return list(miners[:most])


def make_miners(site: Site, number: int, *, seed: int, now: datetime) -> list[Miner]:
    """Add so many miners to `site`, of usual models and each a little different, in one transaction.

    They have no address, so that they are never polled. About one in fifty is in maintenance, and as many are off.
    """
    with transaction.atomic():
        models = [_model(sheet) for sheet in DATA_SHEETS]
        made = [
            _miner(site, DATA_SHEETS[place], models[place], name, state, seed, now)
            for place, name, state in islice(_free(site), number)
        ]
        placed = place_miners(made)
        StateChange.objects.bulk_create(
            StateChange(miner=miner, at=now, state=miner.state, reason=miner.state_reason) for miner in placed
        )
    return placed


def _free(site: Site) -> Iterator[tuple[int, str, MinerState]]:
    """Yield for each next miner its data sheet's place, a name that is not taken, and its state."""
    taken = set(Miner.objects.values_list("name", flat=True))
    for number in count(1):
        place = (number - 1) % len(DATA_SHEETS)
        name = f"{DATA_SHEETS[place].short}-{site.pk}-{number:04d}"
        if name not in taken:
            yield place, name, _state(number)


def _state(number: int) -> MinerState:
    if number % MAINTENANCE_EVERY == MAINTENANCE_EVERY // 2:
        return MinerState.MAINTENANCE
    return MinerState.OFFLINE if number % OFF_EVERY == OFF_EVERY - 1 else MinerState.ONLINE


def _model(sheet: DataSheet) -> MinerModel:
    model, _ = MinerModel.objects.get_or_create(
        name=sheet.name,
        defaults={
            "manufacturer": sheet.manufacturer,
            "driver": sheet.driver,
            "reference_hashrate_ghs": sheet.hashrate_ghs,
            "reference_power_w": sheet.power_w,
            "max_temperature_c": sheet.limit_c,
        },
    )
    return model


def _miner(
    site: Site, sheet: DataSheet, model: MinerModel, name: str, state: MinerState, seed: int, now: datetime
) -> Miner:
    silicon = Silicon.of(seed, name)
    return Miner(
        name=name,
        site=site,
        model=model,
        baseline_hashrate_ghs=round(sheet.hashrate_ghs * silicon.hashrate, 1),
        baseline_power_w=round(sheet.power_w * silicon.power, 1),
        maintenance=state == MinerState.MAINTENANCE,
        state=state,
        state_reason="generated",
        state_since=now,
    )
