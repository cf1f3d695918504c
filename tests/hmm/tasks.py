"""What the workers of tests are given to do."""

import os
import time

from django.utils import timezone

from hmm.models import JobRun

FOREVER_S = 600


def note(name: str) -> None:
    """Leave a record, with the session of the worker that made it."""
    time.sleep(0.05)  # long enough for another worker to want the next one
    JobRun.objects.create(
        name=name, started_at=timezone.now(), duration_s=0, rows=os.getsid(0), success=True, error=""
    )


def end_at_the_second_attempt(name: str) -> None:
    """Leave a record, and at the first attempt never end."""
    first = not JobRun.objects.filter(name=name).exists()
    note(name)
    if first:
        time.sleep(FOREVER_S)
