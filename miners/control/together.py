"""One deed for several miners: who takes it, who is left out and why, and doing it.

What a miner offers is what is known of it without asking; the device itself is asked when its order is sent.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

from miners.control.arguments import parse_arguments
from miners.control.ask import CommandRefused, ask_command, queue_command
from miners.control.look import offers_known
from miners.drivers.orders import Kind, Offers
from miners.maintenance import may_be_set, set_maintenance
from miners.models import Command, LatestReading, Miner, MinerState
from miners.models.command import OPEN

MOST_TOGETHER = 200
"""So many orders two workers can send before the last of them is too old; more are given in parts."""


class Deed(StrEnum):
    """What can be done to several miners at once; the first four are orders of that kind."""

    RESTART = "restart"
    PAUSE = "pause"
    RESUME = "resume"
    IDENTIFY = "identify"
    BEGIN_MAINTENANCE = "begin maintenance"
    END_MAINTENANCE = "end maintenance"

    @property
    def kind(self) -> Kind | None:
        """The kind of order that it is; None where nothing is sent to a device."""
        return Kind(self.value) if self.value in list(Kind) else None

    @property
    def permission(self) -> str:
        """What its user must be allowed to do."""
        return "miners.add_command" if self.kind else "miners.change_miner"


@dataclass(frozen=True)
class Sorted:
    """The miners that a deed is for: those that are ready for it, and the others with the reason."""

    ready: list[Miner] = field(default_factory=list)
    left_out: list[tuple[Miner, str]] = field(default_factory=list)

    @property
    def reasons(self) -> list[tuple[str, list[Miner]]]:
        """Why some are left out, and who, the most first."""
        by_reason: dict[str, list[Miner]] = {}
        for miner, reason in self.left_out:
            by_reason.setdefault(reason, []).append(miner)
        return sorted(by_reason.items(), key=lambda each: -len(each[1]))

    @property
    def total(self) -> int:
        """How many were asked for."""
        return len(self.ready) + len(self.left_out)


def deeds_of(user: AbstractBaseUser | AnonymousUser) -> list[Deed]:
    """Return what the user may do to several miners. Staff only, so that others cost no look at their permissions."""
    if not getattr(user, "is_staff", False):
        return []
    return [deed for deed in Deed if user.has_perm(deed.permission)]  # type: ignore[union-attr]


def sort_out(deed: Deed, miner_ids: Sequence[int]) -> Sorted:
    """Return who of these miners is ready for `deed`, in the order given, and why the others are not. Two queries.

    Ids of no miner are left out silently.
    """
    found = Miner.objects.select_related("model", "latest").in_bulk(miner_ids)
    busy = _with_open_order(deed, found)
    result = Sorted()
    for miner in (found[pk] for pk in dict.fromkeys(miner_ids) if pk in found):
        reason = objection(deed, miner, _offers(deed, miner), has_open=miner.pk in busy)
        if reason:
            result.left_out.append((miner, reason))
        else:
            result.ready.append(miner)
    return result


def objection(deed: Deed, miner: Miner, offers: Offers, *, has_open: bool) -> str:
    """Return why `miner`, which offers that, is not ready for `deed`, as what follows its name; "" where it is. Pure."""
    if miner.retired_at is not None:
        return "is retired"
    if deed.kind is None:
        return _about_maintenance(deed, miner)
    if not miner.host:
        return "has no address: HMM does not reach it"
    if deed.kind not in offers.kinds:
        return f"does not offer {deed}" + (f": {offers.note}" if offers.note else "")
    if deed.kind in offers.with_password:
        return "takes that with its own password only"
    if miner.state == MinerState.UNREACHABLE:
        return "is unreachable"
    return "has the same order open" if has_open else ""


def give(
    deed: Deed, miners: Iterable[Miner], *, who: str, why: str, now: datetime
) -> tuple[list[Miner], list[str]]:
    """Do `deed` to these miners; return those to which it was done, and why it was not to others.

    Orders are noted as `ask_command` does, with `who` and `why`, and sent by the task queue.
    """
    if deed.kind is None:
        told = list(miners)
        set_maintenance([miner.pk for miner in told], now, begin=deed is Deed.BEGIN_MAINTENANCE)
        return told, []
    done, refused = [], []
    for miner in miners:
        try:
            arguments = parse_arguments(deed.kind, {})
            queue_command(ask_command(miner, deed.kind, arguments, who=who, why=why, now=now))
            done.append(miner)
        except CommandRefused as error:
            refused.append(f"{miner}: {error}")
    return done, refused


def _about_maintenance(deed: Deed, miner: Miner) -> str:
    begins = deed is Deed.BEGIN_MAINTENANCE
    if may_be_set(miner, begin=begins):
        return ""
    return "is in maintenance already" if begins else "is not in maintenance"


def _offers(deed: Deed, miner: Miner) -> Offers:
    latest: LatestReading | None = getattr(miner, "latest", None)
    return offers_known(miner, latest) if deed.kind else Offers()


def _with_open_order(deed: Deed, miners: dict[int, Any]) -> set[int]:
    if deed.kind is None:
        return set()
    orders = Command.objects.filter(miner__in=miners, kind=deed.kind.value, status__in=OPEN)
    return set(orders.values_list("miner_id", flat=True))
