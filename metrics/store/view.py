"""The SQL view `metrics`: the store in its published form, made anew from the registry after each migrate."""

from typing import Any

from django.db import connections

from metrics.types import metric_types
from metrics.types.base import MetricType


def create_view(using: str, currency: str) -> None:
    """Make the view `metrics` from the registered types, with the currency's keys."""
    with connections[using].cursor() as cursor:
        cursor.execute("DROP VIEW IF EXISTS metrics")
        cursor.execute(f"CREATE VIEW metrics AS\n{view_sql(currency)}")


def view_sql(currency: str) -> str:
    """Return the view's query: one branch a type, of which PostgreSQL keeps only those that are asked for."""
    return "\nUNION ALL\n".join(_branch(metric, currency) for metric in metric_types)


def _branch(metric: MetricType, currency: str) -> str:
    entities = ", ".join(f"'{entity}'" for entity in metric.entities)
    return f"""
SELECT concat_ws('/', '{metric.name}', r.entity_type, coalesce(r.entity_id, 0), r.period,
                 extract(epoch FROM r.timestamp)::bigint) AS id,
       '{metric.name}'::text AS metric_type, r.entity_type, r.entity_id, r.period, r.timestamp,
       {metric.value_json(currency)} AS value_json, r.computed_at
FROM metrics_rollup r WHERE r.entity_type IN ({entities})"""


def refresh_view(**kwargs: Any) -> None:
    """Make the view anew. Runs after each migrate."""
    from hmm.installation import first_values
    from hmm.models import Installation

    using = kwargs["using"]
    row = Installation.objects.using(using).first()
    create_view(using, row.currency if row else first_values()["currency"])
