"""Values from the environment, refused in one clear line where they cannot be used."""

import os
from collections.abc import Sequence
from zoneinfo import ZoneInfo

from django.core.exceptions import ImproperlyConfigured


def whole_number(name: str, default: int, least: int, greatest: int) -> int:
    """Return the environment variable `name`, or `default` where it is not set.

    Raises ImproperlyConfigured, naming it, unless it is a whole number from `least` to `greatest`.
    """
    text = os.environ.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and least <= int(text) <= greatest):
        raise ImproperlyConfigured(
            f"{name} must be a whole number from {least} to {greatest}, not {text[:20]!r}"
        )
    return int(text)


def at_most(less: str, less_days: int, more: str, more_days: int) -> None:
    """Raise ImproperlyConfigured, naming both, where the days of the variable `less` are more than those of `more`."""
    if less_days > more_days:
        raise ImproperlyConfigured(
            f"{less} must be at most {more}, and {less_days} days are more than {more_days}"
        )


def time_zone(name: str, default: str) -> str:
    """Return the environment variable `name`, the name of a time zone, or `default` where it is not set.

    Raises ImproperlyConfigured, naming it, unless it is an IANA time zone.
    """
    text = os.environ.get(name, "") or default
    try:
        ZoneInfo(text)
    except (KeyError, ValueError, OSError):
        raise ImproperlyConfigured(
            f"{name} must be a time zone such as Europe/London, not {text[:40]!r}"
        ) from None
    return text


def one_of(name: str, default: str, known: Sequence[str]) -> str:
    """Return the environment variable `name`, or `default` where it is not set.

    Raises ImproperlyConfigured, naming it, unless it is one of `known`.
    """
    text = os.environ.get(name, "") or default
    if text not in known:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(known)}, not {text[:20]!r}")
    return text
