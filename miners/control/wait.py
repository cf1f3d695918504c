"""Waits for one order to be borne out, by readings of its own: it needs no collector."""

import time
from collections.abc import Callable
from datetime import datetime

from django.utils import timezone

from miners.collector.poll import Target, poll
from miners.control.verdict import Seen
from miners.control.watch import judge_one
from miners.drivers import Reading
from miners.models import Command, CommandStatus

EVERY_S = 2.0
SENT = (CommandStatus.UNKNOWN, CommandStatus.ACCEPTED)


def wait_for(command: Command, timeout_s: float, now: Callable[[], datetime] = timezone.now) -> Command:
    """Read the miner every two seconds until the order is decided, and return it; at the latest at its deadline."""
    miner = command.miner
    target = Target(miner.pk, miner.name, miner.host, miner.port, miner.driver, miner.identity, 0)
    readings: list[tuple[datetime, Seen]] = []
    while command.watched and command.status in SENT:
        time.sleep(EVERY_S)
        outcome = poll(target, timeout_s, now)
        if isinstance(outcome.result, Reading):
            readings.append((outcome.at, outcome.result))
        judge_one(command, readings, now())
        command = Command.objects.select_related("miner").get(pk=command.pk)
    return command
