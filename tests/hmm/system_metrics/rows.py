"""Rows of system metrics for the tests."""

import json
from datetime import datetime
from typing import Any

from django.db import connection

from hmm.models import SystemMetric
from hmm.system_metrics.partitions import ensure_hours, hours_between


def put(at: datetime, name: str, service: str | None, value: float, **tags: Any) -> None:
    """Store one row as any writer would, making its hour where it is missing."""
    with connection.cursor() as cursor:
        ensure_hours(cursor, hours_between(at, at.replace(microsecond=at.microsecond + 1)))
        cursor.execute(
            "INSERT INTO system_metrics VALUES (%s, %s, %s, %s, %s)",
            [at, name, service, json.dumps(tags), value],
        )


def stored() -> list[tuple[str, str | None, float]]:
    """Return what is stored, by name and value."""
    rows = SystemMetric.objects.order_by("metric_name", "value")
    return list(rows.values_list("metric_name", "service", "value"))
