"""Runs the supervisor on services given as JSON: `python -m tests.hmm.supervise DATA_DIR GRACE_S JSON`."""

import json
import sys
from pathlib import Path

from hmm.supervisor.decisions import Backoff
from hmm.supervisor.loop import Supervisor
from hmm.supervisor.service import Service
from hmm.supervisor.signals import StopSignals


def main(data_dir: str, grace_s: str, services: str) -> None:
    """Supervise until a signal asks to stop."""
    chosen = [Service(**{**given, "argv": tuple(given["argv"])}) for given in json.loads(services)]
    with StopSignals() as signals:
        quick = Backoff(first_s=0.05, longest_s=0.2)
        Supervisor(chosen, Path(data_dir), backoff=quick, grace_s=float(grace_s)).run(signals.running())


if __name__ == "__main__":
    main(*sys.argv[1:])
