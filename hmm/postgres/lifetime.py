"""One server object a process, and what becomes of the server when the process ends."""

import atexit
import functools
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.db import connections

from hmm.postgres.errors import ServerUnavailable
from hmm.postgres.server import EmbeddedServer


def server_of(settings_dict: Mapping[str, Any]) -> EmbeddedServer:
    """Return the embedded server that a DATABASES entry means.

    The last of the processes that use it stops it at its end. Those that a supervisor has started
    (HMM_SUPERVISED=1) leave that to it.
    """
    return _server_in(Path(settings_dict["DATA_DIR"]).absolute())


@functools.cache
def _server_in(data_dir: Path) -> EmbeddedServer:
    server = EmbeddedServer(data_dir)
    if os.environ.get("HMM_SUPERVISED") != "1":
        atexit.register(_leave, server, os.getpid())
    return server


def _leave(server: EmbeddedServer, owner_pid: int) -> None:
    if os.getpid() != owner_pid:  # a forked child, whose parent still works
        return
    for connection in connections.all(initialized_only=True):
        connection.close()
        if hasattr(connection, "close_pool"):
            connection.close_pool()
    try:
        server.stop_if_last()
    except ServerUnavailable as error:
        print(f"the database was left running: {error}", file=sys.stderr)  # noqa: T201
