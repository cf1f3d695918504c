"""Begins and ends the maintenance of miners: they are polled all the same, and not called faulty meanwhile."""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from miners.collector.entering import Entries
from miners.collector.states import State, next_state
from miners.drivers.base import Reading
from miners.models import LatestReading, Miner, MinerState
from miners.push.states import patience
from miners.telemetry.latest import hold_latest_readings

NOTHING_SAID = State(MinerState.NEW)


def set_maintenance(miner_ids: Iterable[int], now: datetime, *, begin: bool) -> int:
    """Have these miners in maintenance from `now` on, or no longer; return how many were not so already.

    Their states change at once, as no poll would tell those that nobody polls. Retired miners are left as they are.
    """
    with transaction.atomic():
        wanted = set(miner_ids)
        hold_latest_readings(wanted)
        there = Miner.objects.filter(pk__in=wanted, retired_at=None).select_related("latest", "site")
        miners = [miner for miner in there.order_by("pk") if may_be_set(miner, begin=begin)]
        entries = Entries()
        for miner in miners:
            entries.enter(miner, State(MinerState.MAINTENANCE) if begin else _state_after(miner, now), now)
        Miner.objects.filter(pk__in=[miner.pk for miner in miners]).update(maintenance=begin)
        entries.save()
    return len(miners)


def may_be_set(miner: Miner, *, begin: bool) -> bool:
    """Return whether that changes anything: one that is not in maintenance and still called so may end it. Pure."""
    if begin:
        return not miner.maintenance
    return miner.maintenance or miner.state == MinerState.MAINTENANCE


def state_after(latest: LatestReading | None, poll_interval_s: int, now: datetime) -> State:
    """Return the state of a miner whose maintenance is over: what its latest reading says, where that is fresh. Pure.

    Else nothing is known of it until it is polled again, or pushes.
    """
    if latest is None or latest.timestamp is None:
        return NOTHING_SAID
    if now - latest.timestamp > patience(poll_interval_s, latest.push_gap_s):
        return NOTHING_SAID
    return next_state(Reading("", hashrate_ghs=latest.hashrate_ghs), in_maintenance=False)


def _state_after(miner: Miner, now: datetime) -> State:
    return state_after(getattr(miner, "latest", None), miner.site.poll_interval_s, now)
