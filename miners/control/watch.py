"""Compares what was ordered with what miners then measure: a job of each minute, and whoever waits for one order."""

from collections.abc import Sequence
from datetime import datetime

from miners.control.send import TOO_OLD
from miners.control.verdict import LASTING, NOT_TOLD, Ordered, Seen, Verdict, is_told_of, judge
from miners.drivers.orders import Kind
from miners.models import Command, CommandStatus, LatestReading


def judge_watched(now: datetime) -> int:
    """Judge every order that is watched by its miner's latest reading; return how many were decided.

    Costs one look at an empty index while nothing is watched.
    """
    _drop_too_old(now)
    watched = Command.objects.filter(watched=True).select_related("miner", "miner__latest").order_by("pk")
    return sum(judge_latest(command, now) is not None for command in watched)


def judge_latest(command: Command, now: datetime) -> Verdict | None:
    """Judge an order by the latest reading of its miner, which is at hand; see `judge_one`."""
    return judge_one(command, _latest(command), now)


def judge_one(command: Command, readings: Sequence[tuple[datetime, Seen]], now: datetime) -> Verdict | None:
    """Judge an order by `readings`, and note how it ended; None while that is open, or still stands."""
    if command.sent_at is None:
        return None
    kind, is_confirmed = Kind(command.kind), command.status == CommandStatus.CONFIRMED
    ordered = Ordered(kind, command.expected, command.sent_at, is_confirmed)
    if is_told_of(kind, command.expected):
        verdict = judge(ordered, readings, now, command.miner.state_reason)
    else:  # whoever sent it has died before noting the answer
        is_left = now - command.sent_at > TOO_OLD
        verdict = Verdict(CommandStatus.UNVERIFIABLE, NOT_TOLD, now) if is_left else None
    if verdict:
        _note(command, verdict)
    return verdict


def _note(command: Command, verdict: Verdict) -> None:
    stays_watched = verdict.status == CommandStatus.CONFIRMED and Kind(command.kind) in LASTING
    evidence = f"{command.evidence}\n{verdict.evidence}".strip()
    # Unless somebody else has decided it, or a later order has superseded it, since it was looked at.
    Command.objects.filter(pk=command.pk, status=command.status, watched=True).update(
        status=verdict.status, evidence=evidence, decided_at=verdict.at, watched=stays_watched
    )


def _latest(command: Command) -> list[tuple[datetime, Seen]]:
    latest: LatestReading | None = getattr(command.miner, "latest", None)
    return [(latest.timestamp, latest)] if latest and latest.timestamp else []


def _drop_too_old(now: datetime) -> None:
    Command.objects.filter(status=CommandStatus.PENDING, asked_at__lt=now - TOO_OLD).update(
        status=CommandStatus.REFUSED, answer="not sent within two minutes of being asked for", decided_at=now
    )
