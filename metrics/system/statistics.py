"""What the services say of themselves each half minute."""

from datetime import datetime
from typing import Any

from hmm.system_metrics.page import by_service
from metrics.system.base import Block, blocks


def context(now: datetime) -> dict[str, Any]:
    """Return each service with the latest of its statistics."""
    return {"services": by_service(now)}


blocks.register(
    "statistics", Block("statistics", "System metrics", 40, "metrics/system/_statistics.html", context)
)
