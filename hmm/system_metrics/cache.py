"""Django's file cache, which also counts what it finds."""

from typing import Any

from django.core.cache.backends.filebased import FileBasedCache

from hmm.system_metrics.statistics import web

_NOTHING = object()


class CountingFileCache(FileBasedCache):
    """One directory that all processes share; look-ups of the web are its system metrics."""

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        found = super().get(key, _NOTHING, version)
        (web.cache_misses if found is _NOTHING else web.cache_hits).add()
        return default if found is _NOTHING else found
