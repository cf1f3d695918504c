"""Polling a fleet on real sockets: how long a cycle takes, what it costs, and whether anybody was missed.

`make bench ARGS=--poll`, on Linux: 6,000 simulated devices (`--devices=`), 5 % of them dark and 1 % slow, each 30 s,
for 10 cycles (`--cycles=`), by one collector and then by two that share the sites. The devices run on the same
processors, in two processes of their own; their part is told beside the collectors'.
"""

import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import psutil
from django.db import connection, connections

from benchmarks.poll_collector import Polled, collecting, polls_of
from benchmarks.poll_devices import PORT, Place, places, serving
from miners.collector.schedule import offset_s, turn
from miners.models import Miner, MinerSite, Site

INTERVAL_S = 30
SITES = 8
FARM_PROCESSES = 2
SETTLE_CYCLES = {1: 1, 2: 4}
"""Until a collector has seen its fleet once; until two have shared the sites, which takes a lease and a renewal."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """The miners, and which of them answer."""

    live: frozenset[int]
    dark: frozenset[int]


@dataclass(frozen=True, slots=True)
class Used:
    """Processor seconds and resident megabytes of some processes."""

    cpu_s: float
    rss_mb: float


def poll(devices: int, cycles: int) -> None:
    """Measure one collector, then two, on the same devices."""
    found = places(devices)
    fleet = _add(found)
    print(
        f"poll: {devices:,} devices each {INTERVAL_S} s, {len(fleet.dark)} dark, {_slow(found)} slow, {SITES} sites"
    )
    connections.close_all()
    with serving(found, FARM_PROCESSES) as farm:
        for collectors in (1, 2):
            _measure(collectors, cycles, fleet, farm)


def _slow(found: Sequence[Place]) -> int:
    return sum(each.is_slow for each in found)


def _add(found: Sequence[Place]) -> Fleet:
    sites = [Site.objects.create(name=f"hall {n}", poll_interval_s=INTERVAL_S) for n in range(SITES)]
    miners = Miner.objects.bulk_create(
        Miner(name=each.spec.name, site=sites[n % SITES], host=each.host, port=PORT, driver=each.spec.driver)
        for n, each in enumerate(found)
    )
    MinerSite.objects.bulk_create(MinerSite(miner=miner, site=miner.site) for miner in miners)
    dark = frozenset(miner.pk for miner, each in zip(miners, found, strict=True) if each.is_dark)
    return Fleet(frozenset(miner.pk for miner in miners) - dark, dark)


def _measure(collectors: int, cycles: int, fleet: Fleet, farm: Sequence[int]) -> None:
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        directory = Path(name)
        found = [stack.enter_context(collecting(number, directory)) for number in range(collectors)]
        first = turn(time.time(), 0, INTERVAL_S) + 1 + SETTLE_CYCLES[collectors]
        _sleep_until(first * INTERVAL_S)
        before, farm_before = [_used([each.pid]) for each in found], _used(farm)
        _sleep_until((first + cycles) * INTERVAL_S)
        after, farm_after = [_used([each.pid]) for each in found], _used(farm)
        _sleep_until((first + cycles) * INTERVAL_S + INTERVAL_S * 0.6)  # the last turns end a little later
        stack.close()
        polls = [polls_of(number, directory) for number in range(collectors)]
    took_s = cycles * INTERVAL_S
    _say_cycles(collectors, polls, fleet, range(first, first + cycles))
    for number, (a, b) in enumerate(zip(before, after, strict=True), start=1):
        share = len(polls[number - 1]) / sum(len(each) for each in polls)
        print(
            f"  collector {number}: {(b.cpu_s - a.cpu_s) / took_s:.0%} of a core, {b.rss_mb:.0f} MB, {share:.0%} of the polls"
        )
    print(
        f"  devices: {(farm_after.cpu_s - farm_before.cpu_s) / took_s:.0%} of a core; load {psutil.getloadavg()[0]:.1f}"
    )


def _say_cycles(collectors: int, polls: Sequence[Sequence[Polled]], fleet: Fleet, turns: range) -> None:
    every = [each for of_one in polls for each in of_one if each.turn in turns]
    read = [each for each in every if each.is_reading]
    answered = {(each.turn, each.miner_id) for each in read}
    asked = {(each.turn, each.miner_id) for each in every}
    # A cycle lasts from its mark until the last device that answers has answered.
    ended = {number: [each.at_s for each in read if each.turn == number] for number in turns}
    spans = [max(at) - number * INTERVAL_S for number, at in ended.items()]
    waits = [each.at_s - each.turn * INTERVAL_S - offset_s(each.miner_id, INTERVAL_S) for each in read]
    print(f"{collectors} collector{'s' * (collectors > 1)}, {len(turns)} cycles, {len(read):,} readings:")
    print(
        f"  cycle, from its mark to the last answer: p50 {_part(spans, 50):.1f} s, p99 {_part(spans, 99):.1f} s"
    )
    print(f"  answer, from when it was due: p50 {_part(waits, 50):.2f} s, p99 {_part(waits, 99):.2f} s")
    print(
        f"  missed {len(fleet.live) * len(turns) - len(answered)} readings, "
        f"{len(fleet.live | fleet.dark) * len(turns) - len(asked)} not asked, {len(every) - len(asked)} asked twice; "
        f"{_stored(turns):,} rows stored"
    )
    failures = Counter(each.failure for each in every if each.failure and each.miner_id in fleet.live)
    for reason, count in failures.most_common(3):
        print(f"  {count} polls of devices that are well failed: {reason}")


def _part(figures: Sequence[float], percent: int) -> float:
    """Return the percentile: the least figure that so many of a hundred do not exceed."""
    ordered = sorted(figures)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]


def _stored(turns: range) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM telemetry WHERE timestamp >= to_timestamp(%s) AND timestamp < to_timestamp(%s)",
            [turns.start * INTERVAL_S, turns.stop * INTERVAL_S],
        )
        return int(cursor.fetchone()[0])


def _used(pids: Sequence[int]) -> Used:
    found = [psutil.Process(pid) for pid in pids]
    return Used(
        sum(sum(one.cpu_times()[:2]) for one in found), sum(one.memory_info().rss for one in found) / 2**20
    )


def _sleep_until(wall_s: float) -> None:
    time.sleep(max(0.0, wall_s - time.time()))
