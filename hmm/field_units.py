"""What forms and lists call a field whose name carries a unit: "power_w" is "power, W"."""

from collections.abc import Iterable

from django.db.models import Field, Model

UNITS = {
    "ghs": "GH/s",
    "w": "W",
    "c": "°C",
    "mv": "mV",
    "mhz": "MHz",
    "rpm": "rpm",
    "s": "s",
    "ms": "ms",
}
"""By the end of a field's name."""


def name_with_units(models: Iterable[type[Model]]) -> None:
    """Give the fields of these models their names. A name that is set after a field is made concerns no migration."""
    for model in models:
        for field in model._meta.get_fields():
            if isinstance(field, Field):
                field.verbose_name = with_unit(field.name, str(field.verbose_name))


def with_unit(name: str, words: str) -> str:
    """Return how a field of that name is called, its `words` where they are its own or there is no unit."""
    quantity, _, end = name.rpartition("_")
    if end not in UNITS or words != name.replace("_", " "):
        return words
    return f"{quantity.replace('_', ' ')}, {UNITS[end]}"
