"""What gunicorn calls (`--config python:hmm.gunicorn_hooks`): each web process reports on itself."""

from typing import Any


def post_worker_init(worker: Any) -> None:
    """Begin to report, after the fork, which no thread outlives, and once the app is there."""
    from hmm.system_metrics.reporter import start_reporting

    start_reporting("web")
