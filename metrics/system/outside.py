"""Services outside the house: how often the cache spared them, when they last answered, and their last error."""

from datetime import datetime
from typing import Any

from hmm.models import OutsideSource
from metrics.system.base import Block, blocks


def context(now: datetime) -> dict[str, Any]:
    """Return each service and host. One query."""
    return {"sources": list(OutsideSource.objects.all())}


blocks.register("outside", Block("outside", "Services outside", 40, "metrics/system/_outside.html", context))
