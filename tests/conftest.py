"""What every test has: no way off this machine, empty caches, and a browser where there is one."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from django.apps import apps
from django.conf import settings as django_settings
from django.core.cache import cache
from django.db import connection
from playwright.sync_api import expect

from hmm.installation import forget_installation
from tests.fresh_database import django_db_setup  # noqa: F401
from tests.loopback_only import sitecustomize as loopback_only
from tests.server_kind import _server_kind, say_loudly  # noqa: F401

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
]
NO_CHROMIUM = (
    "NO CHROMIUM: the browser tests were skipped. Install one (Debian: apt-get install chromium; "
    "elsewhere: .venv/bin/playwright install chromium) or name one in HMM_CHROMIUM."
)
NO_REDIS = (
    "NO REDIS: the tests of REDIS_URL were skipped. Install one (Debian: apt-get install redis-server)."
)

# A run in the background has inherited these as ignored, and would hand that on to the processes that it tests.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

# A run that is told to end sums up and leaves nothing behind, as after Ctrl-C.
signal.signal(signal.SIGTERM, signal.default_int_handler)

# The same examples in every run: what fails, fails for everyone. --hypothesis-profile=search looks for new ones.
# Half the usual examples, for the sake of two cores; "search" looks at more, and at others.
hypothesis.settings.register_profile("same", derandomize=True, deadline=None, max_examples=50)
hypothesis.settings.register_profile("search", deadline=None, print_blob=True)
hypothesis.settings.load_profile("same")

expect.set_options(timeout=60_000)  # ms; a busy machine is no fault of a page

# Playwright runs an event loop in the thread in which the tests use the ORM.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
_guard = str(Path(loopback_only.__file__).parent)
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [_guard, os.environ.get("PYTHONPATH", "")]))


def system_chromium() -> str | None:
    """Return the path of the Chromium named in HMM_CHROMIUM, or of the first on the system that starts."""
    named = os.environ.get("HMM_CHROMIUM", "")
    found = [path for path in map(shutil.which, CHROMIUM_NAMES) if path]
    return named or next(filter(_starts, found), None)


def _starts(executable: str) -> bool:
    # Ubuntu's chromium-browser is a note that there is a snap.
    try:
        return subprocess.run([executable, "--version"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


@pytest.fixture(scope="session")
def browser_type_launch_args(
    browser_type_launch_args: dict[str, Any], request: pytest.FixtureRequest
) -> dict[str, Any]:
    """Arguments that start a Chromium that stays on this machine; skips, loudly, where there is none."""
    executable = system_chromium()
    if executable is None:
        executable = request.getfixturevalue("playwright").chromium.executable_path
    if not _starts(executable):
        pytest.skip(NO_CHROMIUM)
    return {**browser_type_launch_args, "executable_path": executable, "args": CHROMIUM_ARGS}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say loudly what a run without a browser or Redis, or on this kind of server, has left out."""
    say_loudly(terminalreporter)
    skipped = [str(report.longrepr) for report in terminalreporter.stats.get("skipped", [])]
    for reason in (NO_CHROMIUM, NO_REDIS):
        if any(reason in each for each in skipped):
            terminalreporter.write_line(f"\n{reason}\n", red=True, bold=True)


@pytest.fixture(autouse=True)
def _fresh_cache() -> Iterator[None]:
    """No test sees what another has cached."""
    cache.clear()
    forget_installation()
    yield
    cache.clear()
    forget_installation()


@pytest.fixture(autouse=True)
def _no_login_lockout(settings: Any) -> None:
    """Let `client.login()` work; a test of the lockout sets AXES_ENABLED itself."""
    settings.AXES_ENABLED = False


@pytest.fixture(autouse=True)
def _empty_unmanaged_tables(request: pytest.FixtureRequest) -> Iterator[None]:
    """Empty, after a test that commits, the tables that Django's own flush does not know."""
    if not _commits(request):
        yield
        return
    request.getfixturevalue("transactional_db")  # so that the database is still open afterwards
    yield
    _truncate_unmanaged_tables()


def _commits(request: pytest.FixtureRequest) -> bool:
    marker = request.node.get_closest_marker("django_db")
    by_marker = marker is not None and bool(marker.kwargs.get("transaction"))
    return by_marker or bool({"transactional_db", "live_server"} & set(request.fixturenames))


def _truncate_unmanaged_tables() -> None:
    unmanaged = {model._meta.db_table for model in apps.get_models() if not model._meta.managed}
    unmanaged |= {"metrics_rollup", "metrics_sketch"}  # have no model: the view `metrics` shows them
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relname = ANY(%s)",
            [list(unmanaged)],
        )
        for (table,) in cursor.fetchall():
            cursor.execute(f"TRUNCATE {table}")


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A data directory of the test's own, with a path short enough for a socket, removed afterwards."""
    directory = Path(tempfile.mkdtemp(prefix="hmm-"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish() -> None:
    """Leave nothing behind: the embedded servers of this run and its workers, and their data directories."""
    directory = Path(django_settings.DATA_DIR)
    if not directory.name.startswith("hmm-test-"):
        return
    for each in (directory, *directory.glob("gw*")):
        _stop_embedded_server(each)
    shutil.rmtree(directory, ignore_errors=True)


def _stop_embedded_server(directory: Path) -> None:
    if django_settings.DATABASES["default"]["ENGINE"] != "hmm.postgres":
        return
    from hmm.postgres.server import EmbeddedServer

    connection.close()
    EmbeddedServer(directory).stop()
