"""Standing charges: what a tariff costs a day without using anything, stored as its provider states it."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise

from django.db import transaction

from energy.models import StandingCharge, Tariff
from energy.points import MAX_PENCE_PER_KWH as MAX_PENCE_PER_DAY
from energy.points import PriceError
from energy.providers.base import Charge
from hmm.dirty import mark_tariff_dirty
from hmm.installation import installation
from hmm.lib.times import EARLIEST, local_midnight

NO_END = datetime.max.replace(tzinfo=UTC)

LEAST_PENCE_PER_DAY = 0.01
"""No bill tells less than a hundredth of a penny a day apart from nothing."""


def check_charge(pence_per_day: float) -> None:
    """Raise PriceError unless a person can mean `pence_per_day`; nothing, and less than nothing, can be meant."""
    if abs(pence_per_day) > MAX_PENCE_PER_DAY:
        raise PriceError(f"A standing charge lies within {MAX_PENCE_PER_DAY:,.0f} p a day.")
    if 0 < abs(pence_per_day) < LEAST_PENCE_PER_DAY:
        raise PriceError(
            f"This is less than {LEAST_PENCE_PER_DAY:g} p a day; write 0 where nothing is charged, and pence, not pounds."
        )


def store_charges(tariff: Tariff, charges: Iterable[Charge], horizon: datetime) -> bool:
    """Store standing charges, which win over what is stored for the same time; return whether anything changed.

    `charges` do not overlap; an open one ends where the next begins. Days whose charge is new or different are
    marked dirty, those of an open one up to `horizon`.
    """
    with transaction.atomic():
        Tariff.objects.select_for_update(no_key=True).get(pk=tariff.pk)
        before = stored_charges(tariff)
        after = overlay(before, _closed(charges))
        if before == after:
            return False
        StandingCharge.objects.filter(tariff=tariff).delete()
        StandingCharge.objects.bulk_create(
            StandingCharge(tariff=tariff, start=c.start, end=c.end, pence_per_day=c.pence_per_day)
            for c in after
        )
        mark_changed_charges(tariff, before, after, horizon)
    return True


def stored_charges(tariff: Tariff) -> list[Charge]:
    """Return the tariff's standing charges in order of time."""
    rows = StandingCharge.objects.filter(tariff=tariff).order_by("start")
    return [Charge(row.start, row.end, row.pence_per_day) for row in rows]


def mark_changed_charges(
    tariff: Tariff, before: list[Charge], after: list[Charge], horizon: datetime
) -> None:
    """Mark dirty the stretches up to `horizon` in which the charge is not what it was.

    What a local day begins with is its charge: a stretch that ends within a day has all of it marked.
    """
    zone = installation().zone
    edges = {edge for charge in (*before, *after) for edge in (charge.start, charge.end or horizon)}
    for start, end in pairwise(sorted({min(max(edge, EARLIEST), horizon) for edge in edges})):
        if _at(before, start) != _at(after, start):
            mark_tariff_dirty(tariff.pk, start, min(_end_of_day(end, zone), horizon))


def _end_of_day(moment: datetime, zone: tzinfo) -> datetime:
    """Return the first local midnight from `moment` on."""
    day = moment.astimezone(zone).date()
    midnight = local_midnight(day, zone)
    return midnight if midnight == moment else local_midnight(day + timedelta(days=1), zone)


def overlay(stored: list[Charge], new: list[Charge]) -> list[Charge]:
    """Return `new` with what it leaves of `stored`, in order of time. Neither overlaps within itself."""
    left = stored
    for charge in new:
        left = [part for old in left for part in _without(old, charge)]
    return sorted([*left, *new], key=lambda charge: charge.start)


def _without(old: Charge, new: Charge) -> list[Charge]:
    old_end, new_end = old.end or NO_END, new.end or NO_END
    if old.start >= new_end or new.start >= old_end:
        return [old]
    parts = []
    if old.start < new.start:
        parts.append(Charge(old.start, new.start, old.pence_per_day))
    if new_end < old_end:
        parts.append(Charge(new_end, old.end, old.pence_per_day))
    return parts


def _closed(charges: Iterable[Charge]) -> list[Charge]:
    ordered = sorted(charges, key=lambda charge: charge.start)
    return [
        Charge(c.start, min(c.end or NO_END, following.start), c.pence_per_day) if following else c
        for c, following in pairwise([*ordered, None])
        if c is not None
    ]


def _at(charges: list[Charge], moment: datetime) -> float | None:
    holding = (c for c in charges if c.start <= moment and (c.end is None or c.end > moment))
    return next((c.pence_per_day for c in holding), None)
