"""Asks for an order: the one way into the table of commands."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django_q.tasks import async_task

from hmm.lib.sealed import seal
from miners.collector.figures import text
from miners.drivers.orders import Kind
from miners.models import Command, Miner
from miners.models.command import OPEN

LONGEST_WHY = 300
SEND_TASK = "miners.tasks.send_command"


class CommandRefused(ValueError):
    """An order that makes no sense, and why. Nothing was sent."""


def ask_command(
    miner: Miner, kind: Kind, arguments: Mapping[str, Any], *, who: str, why: str, now: datetime
) -> Command:
    """Note an order to `miner`, to be sent by `send_command`; `arguments` are those of `parse_arguments`.

    `who` is a user's name, a strategy's, or manage.py. Raises CommandRefused: no reason given, a miner that cannot
    be reached, or the same order still open.
    """
    reason = text(why.strip(), LONGEST_WHY)
    if not reason:
        raise CommandRefused("say why: an order without a reason cannot be understood later")
    with transaction.atomic():
        # Two who ask for the same at once: the second one sees the first.
        held = Miner.objects.select_for_update(no_key=True).get(pk=miner.pk)
        _refuse_unreachable(held)
        _refuse_repeated(held, kind, arguments)
        return Command.objects.create(
            miner=held, kind=kind.value, arguments=dict(arguments), who=who, why=reason, asked_at=now
        )


def queue_command(command: Command, secrets: Mapping[str, str] | None = None) -> None:
    """Have the task queue send an order that was asked for, once it is committed.

    `secrets` are the passwords that it needs, "device" and "pool": they go with the task, sealed, and nowhere else.
    """
    sealed = {name: seal(word) for name, word in (secrets or {}).items() if word}
    arguments = (command.pk, sealed) if sealed else (command.pk,)
    transaction.on_commit(lambda: async_task(SEND_TASK, *arguments, save=False))


def _refuse_unreachable(miner: Miner) -> None:
    if miner.retired_at is not None:
        raise CommandRefused(f"{miner.name} is retired")
    if not miner.host:
        raise CommandRefused(f"{miner.name} has no address: HMM does not reach it")


def _refuse_repeated(miner: Miner, kind: Kind, arguments: Mapping[str, Any]) -> None:
    same = Command.objects.filter(
        miner=miner, kind=kind.value, arguments=dict(arguments), status__in=OPEN
    ).first()
    if same:
        raise CommandRefused(
            f"the same order is still open: #{same.pk}, asked {same.asked_at:%Y-%m-%d %H:%M:%S} UTC by {same.who}, "
            f"{same.get_status_display()}"
        )
