"""Sorts the plain readings of a tick out of a batch of outcomes, as columns for the short way into telemetry. Pure."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from hashlib import blake2b
from math import isnan

from hmm.lib.magnitude import vanishes
from hmm.lib.times import whole_seconds
from miners.collector.figures import INT8_MAX, counter, device_facts
from miners.collector.poll import Outcome
from miners.collector.states import State, next_state, storable
from miners.drivers.base import Reading
from miners.models import MinerState
from miners.telemetry.rules import BOUNDS, FIRST_BLOCK, MAX_AHEAD
from miners.telemetry.tick import News, TickColumns
from miners.telemetry.tick_sql import TELLS_DRIVER, TELLS_IDENTITY, TELLS_MODEL

MOST_DIGESTS = 50_000
LATE = timedelta(days=1)
"""What comes later than this, as from the spool of a long outage, may be of a day that is packed or gone."""

Facts = tuple[str | None, str | None, str | None, str | None, tuple[str, ...], float | None, float | None]
"""Mode, firmware, pool's address and user, warnings, and what its chips are set to: MHz and mV."""

_digests: dict[Facts, int] = {}


def split(outcomes: Sequence[Outcome], now: datetime) -> tuple[list[Outcome], list[Outcome]]:
    """Return the outcomes that are the only one of their miner and a believable reading, and all others."""
    ids = [outcome.target.miner_id for outcome in outcomes]
    if len(set(ids)) == len(ids) and are_believable(outcomes, now):
        return list(outcomes), []
    of_miner = Counter(ids)
    plain: list[Outcome] = []
    rest: list[Outcome] = []
    for outcome in outcomes:
        is_plain = of_miner[outcome.target.miner_id] == 1 and are_believable([outcome], now)
        (plain if is_plain else rest).append(outcome)
    return plain, rest


def are_believable(outcomes: Sequence[Outcome], now: datetime) -> bool:
    """Return whether nothing speaks against any of these; of what does, `rules.refusal` says what it is."""
    said = _readings(outcomes)
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
            and _all_within("fan_rpm", fans := [one.fan_rpm for one in said])
            and all(isinstance(rpm, int | None) for rpm in set(fans))
        )
    except TypeError:
        return False


def _readings(outcomes: Iterable[Outcome]) -> list[Reading]:
    return [outcome.result for outcome in outcomes if isinstance(outcome.result, Reading)]


def _all_within(name: str, given: Sequence[float | None]) -> bool:
    values = [value for value in given if value is not None]
    if not values:
        return True
    low, high = BOUNDS[name]
    # What is not a number slips through min and max, and not through a sum.
    within = low <= min(values) and max(values) <= high and not isnan(sum(values))
    return within and not vanishes(min(filter(None, map(abs, values)), default=0))


def columns_of(plain: Sequence[Outcome]) -> TickColumns:
    """Return believable readings as columns."""
    said = _readings(plain)
    targets = [outcome.target for outcome in plain]
    states = _States()
    return TickColumns(
        miner_id=[target.miner_id for target in targets],
        at=[whole_seconds(outcome.at) for outcome in plain],
        host=[target.host for target in targets],
        port=[-1 if target.port is None else target.port for target in targets],
        power_w=[one.power_w for one in said],
        hashrate_ghs=[one.hashrate_ghs for one in said],
        temperature_c=[one.temperature_c for one in said],
        fan_rpm=[one.fan_rpm for one in said],
        accepted_counter=_sound([one.accepted for one in said]),
        rejected_counter=_sound([one.rejected for one in said]),
        uptime_s=_sound([one.uptime_s for one in said]),
        facts_digest=_digests_of(said),
        state_no=[1 if one.hashrate_ghs else states.number(one) for one in said],
        tells=[_tells(one) for one in said],
        states=[str(state.state.value) for state in states.numbers],
        reasons=[state.reason for state in states.numbers],
    )


def _sound(counters: list[int | None]) -> list[int | None]:
    """Return counters without those that the database cannot hold."""
    told = [count for count in counters if count is not None]
    if not told or (min(told) >= 0 and max(told) <= INT8_MAX):
        return counters
    return [counter(count) for count in counters]


def news_of(outcomes: Iterable[Outcome]) -> list[News]:
    """Return what the devices say beside their figures."""
    return [_news(one.target.miner_id, one.result) for one in outcomes if isinstance(one.result, Reading)]


def _news(miner_id: int, said: Reading) -> News:
    facts = device_facts(said)
    warnings = json.dumps(facts.warnings)
    settings = (facts.frequency_mhz, facts.core_voltage_mv)
    texts = (facts.mode, facts.firmware, facts.pool_url, facts.pool_user)
    return News(miner_id, *texts, *settings, warnings, _digest(_facts(said)))


class _States:
    """The states that readings mean, each with its number: 1 is that of what hashes."""

    def __init__(self) -> None:
        self.numbers = {State(MinerState.ONLINE): 1}

    def number(self, said: Reading) -> int:
        state = storable(next_state(said, in_maintenance=False))
        return self.numbers.setdefault(state, len(self.numbers) + 1)


def _tells(said: Reading) -> int:
    return (
        (TELLS_DRIVER if said.driver else 0)
        + (TELLS_MODEL if said.model else 0)
        + (TELLS_IDENTITY if said.identity else 0)
    )


def _facts(said: Reading) -> Facts:
    settings = (said.frequency_mhz, said.core_voltage_mv)
    return said.mode, said.firmware, said.pool_url, said.pool_user, tuple(said.warnings), *settings


def _digests_of(said: Sequence[Reading]) -> list[int]:
    facts = list(map(_facts, said))
    return [known or _digest(each) for known, each in zip(map(_digests.get, facts), facts, strict=True)]


def _digest(facts: Facts) -> int:
    """Return 64 bits that tell one set of facts from another, the same in every process."""
    found = _digests.get(facts)
    if found is None:
        if len(_digests) >= MOST_DIGESTS:
            _digests.clear()
        found = int.from_bytes(blake2b(repr(facts).encode(), digest_size=8).digest(), signed=True)
        _digests[facts] = found
    return found
