"""Sends an order, once: the device is read first, and nothing is sent that it is not to be sent.

What is about to be sent is written down as of unknown outcome before its first byte leaves. So a process that dies
meanwhile leaves that, and nobody sends it again; the readings tell what became of it.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from miners.collector.figures import text
from miners.control.prepare import NotSent, Prepared, prepare
from miners.control.verdict import NOT_TOLD, is_told_of
from miners.drivers.base import Unreachable
from miners.drivers.orders import Answer, Kind, Order
from miners.models import Command, CommandStatus
from miners.models.command import OPEN

TIMEOUT_S = 5.0
TOO_OLD = timedelta(minutes=2)
"""An order that nobody sent by then, as when the task queue stood still, comes as a surprise: it is dropped."""

GROUPS = (
    frozenset({Kind.RESTART, Kind.PAUSE, Kind.RESUME}),
    frozenset({Kind.MODE, Kind.LEVEL}),
    frozenset({Kind.FREQUENCY}),
    frozenset({Kind.POWER}),
    frozenset({Kind.POOL}),
)
"""Orders of one group decide the same thing: a later one supersedes an earlier."""


def send_command(
    command_id: int,
    *,
    secrets: Mapping[str, str] | None = None,
    timeout_s: float = TIMEOUT_S,
    now: Callable[[], datetime] = timezone.now,
) -> Command:
    """Send a pending order and note what came back; return it as it is then.

    One that is no longer pending is left alone, so that it does no harm to call this twice. `secrets` are passwords
    that some orders need; they are not stored. Each exchange with the device takes at most `timeout_s` seconds.
    """
    command = Command.objects.select_related("miner", "miner__model").get(pk=command_id)
    if command.status != CommandStatus.PENDING:
        return command
    order = Order(Kind(command.kind), command.arguments, secrets or {})
    try:
        if now() - command.asked_at > TOO_OLD:
            raise NotSent("not sent within two minutes of being asked for")
        prepared = prepare(command.miner, order, timeout_s, now())
    except NotSent as failure:
        _close_unsent(command, failure, now())
    else:
        if _claim(command, prepared, now()):
            answer, count = _send(prepared, timeout_s)
            is_told = is_told_of(Kind(command.kind), prepared.expected)
            _note_answer(command, answer, "\n".join(prepared.shown[:count]), now(), is_told=is_told)
    return Command.objects.select_related("miner").get(pk=command_id)


def _send(prepared: Prepared, timeout_s: float) -> tuple[Answer, int]:
    """Send the requests one after another, none after one that was not taken.

    Returns the answers as one, and how many requests were sent.
    """
    answers: list[Answer] = []
    for step in prepared.steps:
        try:
            answers.append(prepared.controls.send(prepared.address, step, time.monotonic() + timeout_s))
        except Unreachable as error:
            # Of the first request nothing has been done; of a later one, what was before it has.
            failed = Answer(None if answers else False, error.reason)
            return _as_one([*answers, failed]), len(answers)
        if not answers[-1].is_taken:
            break
    return _as_one(answers), len(answers)


def _as_one(answers: Sequence[Answer]) -> Answer:
    return Answer(answers[-1].is_taken, "; ".join(answer.words for answer in answers if answer.words))


def _claim(command: Command, prepared: Prepared, at: datetime) -> bool:
    """Note what is about to be sent; return whether it is ours to send: nobody else has taken it."""
    command.sent_at = at
    taken = Command.objects.filter(pk=command.pk, status=CommandStatus.PENDING).update(
        status=CommandStatus.UNKNOWN,
        sent="\n".join(prepared.shown),
        sent_at=at,
        expected=prepared.expected,
        watched=True,
    )
    return bool(taken)


def _supersede(command: Command, at: datetime) -> None:
    """No longer watch orders that were sent earlier and decided the same thing."""
    kinds = next((group for group in GROUPS if command.kind in group), frozenset())
    watched = Command.objects.filter(miner_id=command.miner_id, kind__in=kinds, watched=True)
    earlier = watched.filter(sent_at__lte=command.sent_at).exclude(pk=command.pk)
    if command.kind == Kind.POOL:
        earlier = earlier.filter(arguments__slot=command.arguments["slot"])
    earlier.filter(status__in=OPEN).update(
        status=CommandStatus.UNVERIFIABLE,
        evidence=f"superseded by #{command.pk} before a reading had shown it",
        decided_at=at,
    )
    earlier.update(watched=False)


def _close_unsent(command: Command, failure: NotSent, at: datetime) -> None:
    Command.objects.filter(pk=command.pk, status=CommandStatus.PENDING).update(
        status=failure.status, answer=text(failure.reason, 500), decided_at=at
    )


def _note_answer(command: Command, answer: Answer, shown: str, at: datetime, *, is_told: bool) -> None:
    """Note what came back. What readings have decided meanwhile stands; `is_told` says that they can."""
    with transaction.atomic():
        if answer.is_taken is not False:
            _supersede(command, at)
        sent = Command.objects.filter(pk=command.pk)
        sent.update(sent=shown, answer=text(answer.words, 1000))
        _decide(sent, answer, at, is_told=is_told)


def _decide(sent: QuerySet[Command], answer: Answer, at: datetime, *, is_told: bool) -> None:
    undecided = sent.filter(status=CommandStatus.UNKNOWN)
    if answer.is_taken is False:
        undecided.update(status=CommandStatus.FAILED, decided_at=at, watched=False)
    elif not is_told:
        undecided.update(status=CommandStatus.UNVERIFIABLE, evidence=NOT_TOLD, decided_at=at, watched=False)
    elif answer.is_taken:
        undecided.update(status=CommandStatus.ACCEPTED)
