"""Which collector polls which site."""

from datetime import datetime
from typing import Any

from metrics.system.base import Block, blocks
from miners.collector.lease_rows import living_collectors, read_holders


def context(now: datetime) -> dict[str, Any]:
    """Return the collectors that live, and who polls each site that has miners to poll. Three queries."""
    holders = [found for found in read_holders() if found.miners]
    return {"collectors": living_collectors(), "sites": holders}


blocks.register(
    "collectors", Block("collectors", "Collectors", 15, "metrics/system/_collectors.html", context)
)
