"""Brings outcomes into the database: together, or where the database refuses them, one by one."""

import logging
from collections.abc import Sequence
from datetime import datetime

from django.db import DatabaseError, InterfaceError, OperationalError

from miners.collector.lines import write_line
from miners.collector.poll import Outcome
from miners.collector.record import record
from miners.collector.spool import DamagedLine
from miners.telemetry.aside import Aside, set_aside
from miners.telemetry.partitions import seeing_partitions

log = logging.getLogger(__name__)

AWAY = (OperationalError, InterfaceError)
UNSTORABLE = (DatabaseError, ValueError, TypeError, OverflowError)
"""What a driver that gave a figure of the wrong kind leads to."""

LONGEST_LINE = 4000


def deliver(outcomes: Sequence[Outcome], now: datetime) -> None:
    """Store `outcomes`; what the database refuses is set aside with its reason, and keeps nothing else.

    The same outcomes again change nothing. Raises OperationalError or InterfaceError when the database is away.
    """
    try:
        seeing_partitions(lambda: record(outcomes, now))
    except AWAY:
        raise
    except UNSTORABLE:
        log.exception("a batch of %d outcomes was refused; they are written one by one", len(outcomes))
        for outcome in outcomes:
            _deliver_one(outcome, now)


def deliver_damaged(lines: Sequence[DamagedLine]) -> None:
    """Set lines of a spool aside that could not be read."""
    for line in lines:
        log.error("a line of the spool is damaged and set aside: %s", line.reason)
    set_aside(
        "collector", [Aside("", f"damaged in the spool: {line.reason}", _raw(line.text)) for line in lines]
    )


def _deliver_one(outcome: Outcome, now: datetime) -> None:
    try:
        record([outcome], now)
    except AWAY:
        raise
    except UNSTORABLE as error:
        log.error("what %s said cannot be stored: %s", outcome.target.name, error)
        reason = f"cannot be stored: {type(error).__name__}: {error}"
        set_aside("collector", [Aside(outcome.target.name, reason, _raw(write_line(outcome)))])


def _raw(line: bytes) -> dict[str, str]:
    return {"line": line[:LONGEST_LINE].decode(errors="backslashreplace")}
