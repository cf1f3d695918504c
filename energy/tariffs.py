"""Finding a tariff by what a person typed."""

from energy.models import Tariff
from hmm.lib.commands import fail


def tariff_numbered(number: int) -> Tariff:
    """Return the tariff with this id; ends the command with the ids there are when there is none."""
    found = Tariff.objects.filter(pk=number).first() if 0 < number < 2**31 else None
    if found is None:
        known = ", ".join(f"{t.pk} ({t})" for t in Tariff.objects.order_by("pk")[:20])
        fail(f"there is no tariff {number}; there are: {known or 'none'}")
    return found
