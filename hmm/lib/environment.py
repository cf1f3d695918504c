"""Numbers from the environment, refused in one clear line where they are none."""

import os

from django.core.exceptions import ImproperlyConfigured


def whole_number(name: str, default: int, least: int, greatest: int) -> int:
    """Return the environment variable `name`, or `default` where it is not set.

    Raises ImproperlyConfigured, naming it, unless it is a whole number from `least` to `greatest`.
    """
    text = os.environ.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and least <= int(text) <= greatest):
        raise ImproperlyConfigured(f"{name} must be a whole number from {least} to {greatest}, not {text[:20]!r}")
    return int(text)
