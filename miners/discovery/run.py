"""A scan in the background, whose progress any process can see: it is kept in the cache for an hour."""

import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from django.core.cache import cache
from django_q.tasks import async_task

from miners.discovery.networks import hosts, parse_network
from miners.discovery.scan import Found, Step, scan

KEPT_S = 3600
WRITE_S = 0.5
NOTES_AT_MOST = 50


@dataclass(frozen=True)
class Progress:
    """How far a scan is, and what it found."""

    network: str
    total: int
    done: int = 0
    found: tuple[Found, ...] = ()
    notes: tuple[str, ...] = field(default=())
    is_over: bool = False

    def after(self, step: Step) -> "Progress":
        """Return how far it is after `step`."""
        found = (*self.found, step.found) if step.found else self.found
        notes = (*self.notes, step.note)[:NOTES_AT_MOST] if step.note else self.notes
        return replace(self, done=step.done, found=found, notes=notes)


def start(network: str) -> str:
    """Have the task queue look through `network`; return the id under which its progress is found."""
    run_id = secrets.token_hex(8)
    _keep(run_id, Progress(network, len(hosts(parse_network(network)))))
    async_task("miners.tasks.discover", run_id, network, save=False)
    return run_id


def progress(run_id: str) -> Progress | None:
    """Return how far the scan is; None when there is none, or when it is an hour old."""
    found = cache.get(_key(run_id))
    return found if isinstance(found, Progress) else None


def run(run_id: str, network: str) -> int:
    """Look through `network` and keep the progress; return how many miners were found."""
    addresses = hosts(parse_network(network))
    return len(follow_steps(run_id, Progress(network, len(addresses)), scan(addresses)).found)


def follow_steps(run_id: str, reached: Progress, steps: Iterable[Step]) -> Progress:
    """Keep what each of `steps` tells, at most twice a second but for a find; return where it ended."""
    kept_s = 0.0
    try:
        for step in steps:
            reached = reached.after(step)
            if step.found or time.monotonic() - kept_s >= WRITE_S:
                kept_s = time.monotonic()
                _keep(run_id, reached)
    finally:  # nobody shall wait for one that broke off
        reached = replace(reached, is_over=True)
        _keep(run_id, reached)
    return reached


def _keep(run_id: str, reached: Progress) -> None:
    cache.set(_key(run_id), reached, KEPT_S)


def _key(run_id: str) -> str:
    return f"discovery:{run_id}"
