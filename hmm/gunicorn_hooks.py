"""What gunicorn calls (`--config python:hmm.gunicorn_hooks`): each web process reports on itself."""

import gc
from typing import Any

from django.urls import get_resolver


def when_ready(server: Any) -> None:
    """Leave what is loaded by now, before the forks, to itself: looking over it for garbage took a tenth of a long page."""
    _ = get_resolver().url_patterns  # loads every view
    gc.collect()
    gc.freeze()


def post_worker_init(worker: Any) -> None:
    """Begin to report, after the fork, which no thread outlives, and once the app is there."""
    from hmm.system_metrics.reporter import start_reporting

    start_reporting("web")
