"""Which miners are polled, as the database says now."""

from collections.abc import Iterable

from django.db.models import Q

from miners.collector.poll import Target
from miners.models import Miner

POLLED = Q(enabled=True, retired_at=None) & ~Q(host="")
"""An enabled miner that has an address and is not retired."""


def read_fleet(site_ids: Iterable[int] | None = None) -> dict[int, Target]:
    """Return every miner that is polled, by id; with `site_ids` those of these sites only."""
    polled = Miner.objects.filter(POLLED)
    if site_ids is not None:
        polled = polled.filter(site_id__in=list(site_ids))
    fields = ("pk", "name", "host", "port", "driver", "identity", "site__poll_interval_s", "site_id")
    return {row[0]: Target(*row) for row in polled.values_list(*fields)}
