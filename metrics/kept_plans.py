"""Every statement whose plan PostgreSQL keeps: the engine's, and those of pages."""

from typing import Any

from django.db import connections

from metrics import live_day, live_summed_day, pool_page
from metrics.dashboard import glance_sql
from metrics.engine import kept_plans
from metrics.miner_page import beside
from metrics.store.kept import create_kept

KEPT = (
    *kept_plans.KEPT,
    *live_day.KEPT,
    *live_summed_day.KEPT,
    *glance_sql.KEPT,
    *beside.KEPT,
    *pool_page.KEPT,
)


def refresh_kept_plans(**kwargs: Any) -> None:
    """Make the functions anew. Runs after each migrate."""
    with connections[kwargs["using"]].cursor() as cursor:
        create_kept(cursor, KEPT)
