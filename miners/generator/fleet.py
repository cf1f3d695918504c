"""The miners that rows are generated for: a site's own, and made ones where more are asked for."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import count, islice

from django.db import transaction

from miners.data_sheets import DataSheet, known_sheet, model_named
from miners.membership import place_miners
from miners.models import Miner, MinerModel, MinerState, Site, StateChange
from miners.simulator.silicon import Silicon

MOST_MINERS = 100_000
MAINTENANCE_EVERY, OFF_EVERY = 49, 51
"""Of so many made miners one is in maintenance, and one off: neither falls to the same make each time."""


@dataclass(frozen=True, slots=True)
class Made:
    """A make of which miners are made; `short` begins their names."""

    short: str
    name: str
    driver: str


MAKES = (
    Made("s19jpro", "Antminer S19j Pro", "cgminer"),
    Made("s19xp", "Antminer S19 XP", "cgminer"),
    Made("s21", "Antminer S21", "cgminer"),
    Made("a1366", "Avalon A1366", "avalon"),
    Made("m50s", "Whatsminer M50S", ""),
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
        models = [model_named(make.name, make.driver) for make in MAKES]
        sheets = [known_sheet(make.name) for make in MAKES]
        made = [
            _miner(site, sheets[place], models[place], name, state, seed, now)
            for place, name, state in islice(_free(site), number)
        ]
        placed = place_miners(made)
        StateChange.objects.bulk_create(
            StateChange(miner=miner, at=now, state=miner.state, reason=miner.state_reason) for miner in placed
        )
    return placed


def _free(site: Site) -> Iterator[tuple[int, str, MinerState]]:
    """Yield for each next miner the place of its make, a name that is not taken, and its state."""
    taken = set(Miner.objects.values_list("name", flat=True))
    for number in count(1):
        place = (number - 1) % len(MAKES)
        name = f"{MAKES[place].short}-{site.pk}-{number:04d}"
        if name not in taken:
            yield place, name, _state(number)


def _state(number: int) -> MinerState:
    if number % MAINTENANCE_EVERY == MAINTENANCE_EVERY // 2:
        return MinerState.MAINTENANCE
    return MinerState.OFFLINE if number % OFF_EVERY == OFF_EVERY - 1 else MinerState.ONLINE


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
