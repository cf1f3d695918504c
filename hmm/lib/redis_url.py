"""REDIS_URL: where it is set, Django's cache and django-q2's queue are on that Redis."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

SCHEMES = ("redis", "rediss", "unix")


def cache_settings(redis_url: str, data_dir: Path) -> dict[str, dict[str, Any]]:
    """Return CACHES: on Redis, or without `redis_url` in a directory that all processes share."""
    if not redis_url:
        directory = {
            "BACKEND": "hmm.system_metrics.cache.CountingFileCache",
            "LOCATION": data_dir / "cache",
            "TIMEOUT": 300,
            "OPTIONS": {"MAX_ENTRIES": 5000},
        }
        return {"default": directory}
    return {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": _checked(redis_url),
            "TIMEOUT": 300,
            "KEY_PREFIX": "hmm",
        }
    }


def broker_settings(redis_url: str) -> dict[str, Any]:
    """Return where django-q2 queues its tasks, as part of Q_CLUSTER: the database, or Redis where it is named."""
    return {"redis": _checked(redis_url)} if redis_url else {"orm": "default"}


def _checked(redis_url: str) -> str:
    try:
        good = urlsplit(redis_url).scheme in SCHEMES
    except ValueError:
        good = False
    if not good:
        raise ImproperlyConfigured(f"REDIS_URL must be like redis://127.0.0.1:6379/0, not {redis_url[:40]!r}")
    return redis_url
