"""`manage.py collect` as a process."""

import os
import signal
import socket
import subprocess
import sys

import pytest
from django.conf import settings
from django.db import connection

from tests.factories import MinerFactory


@pytest.mark.process
@pytest.mark.django_db(transaction=True)
def test_the_collector_ends_cleanly_when_told_to() -> None:
    """A device that never answers is being asked at that moment, and does not keep the process."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        MinerFactory(host="127.0.0.1", port=silent.getsockname()[1], driver="axeos")
        process = subprocess.Popen(
            collect_command(), env=collect_environment(), cwd=settings.BASE_DIR, stderr=subprocess.PIPE
        )
        try:
            silent.settimeout(60)
            connection, _ = silent.accept()
            process.send_signal(signal.SIGTERM)
            _, errors = process.communicate(timeout=20)
            connection.close()
        finally:
            process.kill()
    assert process.returncode == 0
    assert b"Traceback" not in errors


COLLECT = """
import sys
from django.conf import settings
settings.DATABASES["default"]["NAME"] = sys.argv[1]
from django.core.management import execute_from_command_line
execute_from_command_line(["manage.py", "collect"])
"""


def collect_command() -> list[str]:
    """The command as a process of its own, on the database of the tests."""
    return [sys.executable, "-c", COLLECT, connection.settings_dict["NAME"]]


def collect_environment() -> dict[str, str]:
    return os.environ | {"HMM_COLLECTOR_TIMEOUT_S": "30", "DJANGO_SETTINGS_MODULE": "tests.settings"}
