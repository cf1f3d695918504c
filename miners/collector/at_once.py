"""Writes fields of many miners in one statement: Django's own way makes a CASE of each miner and field, whose cost grows with
the square of their number.
"""

from collections.abc import Collection, Sequence
from typing import Any

from django.db import connection

from miners.models import Miner


def update_miners(miners: Collection[Miner], names: Sequence[str]) -> None:
    """Write the fields `names` of `miners`, in the running transaction."""
    if not miners:
        return
    known = {field.name: field for field in Miner._meta.concrete_fields}
    fields = [known[name] for name in names]
    columns = [str(field.column) for field in fields]
    types = ["bigint", *(str(field.db_type(connection)).split("(")[0] for field in fields)]
    sql = (
        f"UPDATE {Miner._meta.db_table} AS miner SET {', '.join(f'{name} = new.{name}' for name in columns)} "
        f"FROM unnest({', '.join(f'%s::{kind}[]' for kind in types)}) AS new (id, {', '.join(columns)}) "
        "WHERE miner.id = new.id"
    )
    values: list[list[Any]] = [[miner.pk for miner in miners]]
    values += [[_plain(getattr(miner, field.attname)) for miner in miners] for field in fields]
    with connection.cursor() as cursor:
        cursor.execute(sql, values)


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, str) else value  # a TextChoices is its word
