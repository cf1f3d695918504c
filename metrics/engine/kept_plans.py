"""Every statement of the engine whose plan PostgreSQL keeps."""

from typing import Any

from django.db import connections

from metrics.engine import ground, merge, state, valued, write_slots
from metrics.sketches import write
from metrics.store.kept import create_kept

KEPT = (*ground.KEPT, *state.KEPT, *valued.KEPT, *write_slots.KEPT, *merge.KEPT, *write.KEPT)


def refresh_kept_plans(**kwargs: Any) -> None:
    """Make the functions anew. Runs after each migrate."""
    with connections[kwargs["using"]].cursor() as cursor:
        create_kept(cursor, KEPT)
