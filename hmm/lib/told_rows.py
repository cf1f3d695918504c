"""Rows of models that came as JSON, with something else that the same query told."""

from collections.abc import Mapping
from typing import Any, TypeVar

from django.db.models import Model

from hmm.replica.route import reads_from

M = TypeVar("M", bound=Model)


def instance_of(model: type[M], row: Mapping[str, Any]) -> M:
    """Return the row, as `to_json` tells it, as an instance of its model; columns that it lacks are deferred.

    Not for fields that read what the database has by a way of their own, such as sealed ones: leave those out.
    """
    told = [(field, row[field.attname]) for field in model._meta.concrete_fields if field.attname in row]
    values = [field.to_python(value) for field, value in told]
    return model.from_db(reads_from(), [field.attname for field, _ in told], values)
