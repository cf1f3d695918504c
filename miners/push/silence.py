"""Miners that pushed and have stopped: nobody polls them, so that nobody else would notice."""

from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from miners.collector.entering import Entries
from miners.models import LatestReading, MinerState
from miners.push.states import patience, silent_state

SPEAKING = (MinerState.ONLINE, MinerState.OFFLINE)


def enter_silence(now: datetime) -> int:
    """Call every miner unreachable that pushes, has no address, and has been silent too long; return how many.

    One query where there is none.
    """
    silent = [reading.pk for reading in _pushers() if _is_silent(reading, now)]
    if not silent:
        return 0
    with transaction.atomic():
        # A latest reading is the lock of its writers: a push that comes at this moment is seen, or comes after.
        held = _pushers().filter(pk__in=silent).order_by("pk").select_for_update(of=("self",))
        entries = Entries()
        for reading in held:
            if reading.pushed_at and _is_silent(reading, now):
                entries.enter(reading.miner, silent_state(reading.pushed_at), now)
        return entries.save()


def _pushers() -> QuerySet[LatestReading]:
    return LatestReading.objects.select_related("miner__site").filter(
        pushed_at__isnull=False, miner__host="", miner__retired_at=None, miner__state__in=SPEAKING
    )


def _is_silent(reading: LatestReading, now: datetime) -> bool:
    assert reading.pushed_at is not None
    return now - reading.pushed_at > patience(reading.miner.site.poll_interval_s, reading.push_gap_s)
