"""Miners that were just given an order: asked every few seconds, so that it is soon known what became of it."""

from collections.abc import Container
from datetime import datetime, timedelta

from miners.control.watch import judge_latest
from miners.models import Command, CommandStatus

LOOK_S = 3.0
"""How often orders are looked for, which costs one look at an index that is empty while none is watched."""

SOON_S = 5.0
"""How often a miner is asked whose order is open."""

WHILE = timedelta(minutes=2)
"""Later it is asked at its own interval again: what it was told may take its time."""

MOST = 100
"""Of so many at once, the latest: when a whole farm is told something, it is asked as ever."""


def just_ordered(now: datetime, polled: Container[int]) -> frozenset[int]:
    """Judge the orders of the last minutes by the latest readings; return the miners whose order is still open.

    `polled` are the miners that are polled from here.
    """
    sent = Command.objects.filter(
        watched=True,
        status__in=(CommandStatus.UNKNOWN, CommandStatus.ACCEPTED),
        sent_at__gt=now - WHILE,
    )
    latest = sent.select_related("miner", "miner__latest").order_by("-pk")[:MOST]
    ours = [command for command in latest if command.miner_id in polled]
    return frozenset(command.miner_id for command in ours if not judge_latest(command, now))
