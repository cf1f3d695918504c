"""A store with figures, and promtool where it is installed."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from metrics.engine.run import run
from miners.models import Miner, Site
from miners.telemetry import partitions
from tests.factories import MinerFactory, SiteFactory
from tests.metrics.api.conftest import price, tell

NOW = datetime(2025, 6, 11, 12, 50, tzinfo=UTC)
"""A Wednesday, 13:50 in London."""

MORNING = datetime(2025, 6, 11, 8, tzinfo=UTC)
NOON = datetime(2025, 6, 11, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)

NO_PROMTOOL = (
    "NO PROMTOOL: what Prometheus itself says of HMM's output was not asked. Install it "
    "(Debian: apt-get install --no-install-recommends prometheus)."
)

Export = Callable[..., str]


@pytest.fixture(autouse=True)
def _forget_partitions() -> None:
    partitions.forget_known_days()


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stop the clock of this process at NOW."""
    monkeypatch.setattr(timezone, "now", lambda: NOW)


@pytest.fixture
def site(db: None) -> Site:
    return SiteFactory(name="Barn")


@pytest.fixture
def miner(site: Site) -> Miner:
    return MinerFactory(name="bench", site=site)


@pytest.fixture
def morning(miner: Miner, site: Site) -> Miner:
    """A miner that drew 3 kW from 8 to 12 at 20 p, all of it in the store."""
    price(site, MORNING, NOON, 20.0)
    tell(miner, MORNING, NOON, now=NOW)
    run(NOW)
    return miner


@pytest.fixture
def export(tmp_path: Path) -> Export:
    """Run export_metrics into a file; return what is in it."""

    def to_text(name: str, *arguments: Any) -> str:
        target = tmp_path / "export"
        call_command("export_metrics", "--format", name, "-o", str(target), *map(str, arguments))
        return target.read_bytes().decode()

    return to_text


@pytest.fixture(scope="session")
def promtool() -> str:
    """The path of the real promtool; skips, loudly, where there is none."""
    found = shutil.which("promtool")
    if found is None:
        pytest.skip(NO_PROMTOOL)
    return found


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say loudly what a run without promtool has left out."""
    if any(NO_PROMTOOL in str(report.longrepr) for report in terminalreporter.stats.get("skipped", [])):
        terminalreporter.write_line(f"\n{NO_PROMTOOL}\n", red=True, bold=True)


def check_metrics(promtool: str, text: bytes) -> None:
    """Fail with promtool's complaints about an exposition, if it has any."""
    done = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, check=False)
    assert (done.returncode, done.stderr, done.stdout) == (0, b"", b"")


def manage(*arguments: str) -> "subprocess.Popen[bytes]":
    """Start manage.py on the tests' own database, in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "manage.py", *arguments],
        cwd=settings.BASE_DIR,
        env=child_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def child_environment() -> dict[str, str]:
    """Return what has a child use the tests' own database."""
    return os.environ | {
        "DJANGO_SETTINGS_MODULE": "tests.hmm.child_settings",
        "HMM_TEST_DATABASE": str(connection.settings_dict["NAME"]),
    }
