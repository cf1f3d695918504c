"""Which miners are polled, as the database says now."""

from miners.collector.poll import Target
from miners.models import Miner


def read_fleet() -> dict[int, Target]:
    """Return every enabled miner that has an address and is not retired, by id."""
    polled = Miner.objects.filter(enabled=True, retired_at=None).exclude(host="")
    fields = ("pk", "name", "host", "port", "driver", "identity", "site__poll_interval_s")
    return {row[0]: Target(*row) for row in polled.values_list(*fields)}
