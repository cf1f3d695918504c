"""Sorts the plain readings of a tick out of a batch of outcomes, as columns for the short way into telemetry. Pure."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from hashlib import blake2b
from math import isnan

from miners.collector.figures import counter as sound_counter
from miners.collector.figures import device_facts
from miners.collector.poll import Outcome
from miners.collector.states import State, next_state, storable
from miners.drivers.base import Reading
from miners.models import MinerState
from miners.telemetry.rules import BOUNDS, FIRST_BLOCK, MAX_AHEAD
from miners.telemetry.tick import TELLS_DRIVER, TELLS_IDENTITY, TELLS_MODEL, News, TickColumns

MOST_DIGESTS = 50_000
LATE = timedelta(days=1)
"""What comes later than this, as from the spool of a long outage, may be of a day that is packed or gone."""

_digests: dict[tuple[object, ...], int] = {}


def split(outcomes: Sequence[Outcome], now: datetime) -> tuple[list[Outcome], list[Outcome]]:
    """Return the outcomes that are the only one of their miner and a believable reading, and all others."""
    of_miner = Counter([outcome.target.miner_id for outcome in outcomes])
    if len(of_miner) == len(outcomes) and are_believable(outcomes, now):
        return list(outcomes), []
    plain: list[Outcome] = []
    rest: list[Outcome] = []
    for outcome in outcomes:
        is_plain = of_miner[outcome.target.miner_id] == 1 and are_believable([outcome], now)
        (plain if is_plain else rest).append(outcome)
    return plain, rest


def are_believable(outcomes: Sequence[Outcome], now: datetime) -> bool:
    """Return whether nothing speaks against any of these; of what does, `rules.refusal` says what it is."""
    said = [outcome.result for outcome in outcomes if isinstance(outcome.result, Reading)]
    if not said or len(said) < len(outcomes):
        return False
    times = [outcome.at for outcome in outcomes]
    if min(times) < max(FIRST_BLOCK, now - LATE) or max(times) > now + MAX_AHEAD:
        return False
    try:
        return (
            _all_within("power_w", [one.power_w for one in said])
            and _all_within("hashrate_ghs", [one.hashrate_ghs for one in said])
            and _all_within("temperature_c", [one.temperature_c for one in said])
            and _all_within("fan_rpm", [one.fan_rpm for one in said])
            and all(isinstance(one.fan_rpm, int | None) for one in said)
        )
    except TypeError:
        return False


def _all_within(name: str, given: Sequence[float | None]) -> bool:
    values = [value for value in given if value is not None]
    if not values:
        return True
    low, high = BOUNDS[name]
    # What is not a number slips through min and max, and not through a sum.
    return low <= min(values) and max(values) <= high and not isnan(sum(values))


def columns_of(plain: Sequence[Outcome]) -> TickColumns:
    """Return believable readings as columns."""
    said = [outcome.result for outcome in plain if isinstance(outcome.result, Reading)]
    targets = [outcome.target for outcome in plain]
    numbers: dict[State, int] = {}
    columns = TickColumns(
        miner_id=[target.miner_id for target in targets],
        at=[int(outcome.at.timestamp()) for outcome in plain],
        address=[f"{target.host} {target.port or ''}" for target in targets],
        power_w=[one.power_w for one in said],
        hashrate_ghs=[one.hashrate_ghs for one in said],
        temperature_c=[one.temperature_c for one in said],
        fan_rpm=[one.fan_rpm for one in said],
        accepted_counter=[sound_counter(one.accepted) for one in said],
        rejected_counter=[sound_counter(one.rejected) for one in said],
        uptime_s=[sound_counter(one.uptime_s) for one in said],
        facts_digest=[_digest(one) for one in said],
        state_no=[numbers.setdefault(_state(one), len(numbers) + 1) for one in said],
        tells=[_tells(one) for one in said],
    )
    columns.states = [str(state.state.value) for state in numbers]
    columns.reasons = [state.reason for state in numbers]
    return columns


def news_of(outcomes: Iterable[Outcome]) -> list[News]:
    """Return what the devices say beside their figures."""
    return [_news(one.target.miner_id, one.result) for one in outcomes if isinstance(one.result, Reading)]


def _news(miner_id: int, said: Reading) -> News:
    facts = device_facts(said)
    warnings = json.dumps(facts.warnings)
    settings = (facts.frequency_mhz, facts.core_voltage_mv)
    texts = (facts.mode, facts.firmware, facts.pool_url, facts.pool_user)
    return News(miner_id, *texts, *settings, warnings, _digest(said))


PLAIN_STATE = State(MinerState.ONLINE)


def _state(said: Reading) -> State:
    if said.hashrate_ghs:
        return PLAIN_STATE
    return storable(next_state(said, in_maintenance=False))


def _tells(said: Reading) -> int:
    return (
        (TELLS_DRIVER if said.driver else 0)
        + (TELLS_MODEL if said.model else 0)
        + (TELLS_IDENTITY if said.identity else 0)
    )


def _digest(said: Reading) -> int:
    """Return 64 bits that tell one set of facts from another, the same in every process."""
    texts = (said.mode, said.firmware, said.pool_url, said.pool_user, tuple(said.warnings))
    facts = (*texts, said.frequency_mhz, said.core_voltage_mv)
    found = _digests.get(facts)
    if found is None:
        if len(_digests) >= MOST_DIGESTS:
            _digests.clear()
        found = int.from_bytes(blake2b(repr(facts).encode(), digest_size=8).digest(), signed=True)
        _digests[facts] = found
    return found
