"""Rows created with a given id leave their sequence behind; this brings it along."""

from django.db import connections, models


def bring_sequence_along(model: type[models.Model], using: str) -> None:
    """Make the next id of `model` follow the greatest one there is."""
    table = model._meta.db_table
    with connections[using].cursor() as cursor:
        cursor.execute(
            f"SELECT setval(pg_get_serial_sequence(%s, 'id'), (SELECT max(id) FROM {table}))", [table]
        )
