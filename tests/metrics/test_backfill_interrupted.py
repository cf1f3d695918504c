"""Ctrl-C in the middle of a backfill, in a real process: what is done stays, the next run goes on with the rest."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, transaction

from hmm.models import DirtyRange
from metrics.engine.backfill import dirty_stretches
from metrics.engine.run import run
from metrics.models import Metric
from miners.models import Miner
from tests.factories import MinerFactory
from tests.metrics.reference import Row
from tests.metrics.store_helpers import assert_same, at, epoch, store_rows, use_zone

pytestmark = [pytest.mark.process, pytest.mark.django_db(transaction=True)]

PATIENCE_S = 60
TODAY = datetime.now(UTC)


def months_before_today(count: int) -> str:
    """Return the month so many before this one, such as 2025-11."""
    year, month = divmod(TODAY.year * 12 + TODAY.month - 1 - count, 12)
    return f"{year}-{month + 1:02}"


MONTHS = [months_before_today(6), months_before_today(4), months_before_today(2)]
"""Further apart than one chunk of work is long, and not so long ago that it takes long to come from there to now."""


@pytest.fixture
def miners() -> list[Miner]:
    """Two miners with three days of telemetry in each of three months, each a chunk of work of its own."""
    use_zone("Europe/London")
    run(TODAY - timedelta(days=1))
    miners = [MinerFactory(), MinerFactory()]
    for month in MONTHS:
        begin = epoch(f"{month}-10T00:00")
        hours = range(begin, begin + 72 * 3600, 3600)
        store_rows(
            [Row(m.pk, h, h + 3600, 100.0 + h % 7 + m.pk, 50.0, 60.0, 3, 1) for m in miners for h in hours],
            now=TODAY,
        )
    return miners


def start_backfill() -> "subprocess.Popen[str]":
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "tests.hmm.child_settings",
        "HMM_TEST_DATABASE": str(connection.settings_dict["NAME"]),
    }
    return subprocess.Popen(
        [sys.executable, "manage.py", "backfill_metrics"],
        cwd=settings.BASE_DIR,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def held_up_in_the_last_month() -> Iterator[None]:
    """Keep whoever computes the last of MONTHS from committing it."""
    with transaction.atomic():
        last = DirtyRange.objects.select_for_update().filter(start__gte=at(f"{MONTHS[2]}-01T00:00"))
        assert list(last)
        yield


def wait_until_held_up(process: "subprocess.Popen[str]") -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not waiting_for_a_row():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)


def waiting_for_a_row() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")  # else a transaction sees the same again and again
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND wait_event_type = 'Lock' AND query LIKE '%%hmm_dirtyrange%%'"
        )
        return bool(cursor.fetchone()[0])


def figures() -> dict[Any, Any]:
    return {
        (m.metric_type, m.entity_type, m.entity_id, m.period, m.timestamp): m.value_json
        for m in Metric.objects.all()
    }


def months_with_figures() -> set[str]:
    return {
        f"{stamp:%Y-%m}"
        for stamp in Metric.objects.filter(period="daily").values_list("timestamp", flat=True)
    }


def forget_figures() -> None:
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE metrics_rollup, metrics_sketch")


def test_ctrl_c_in_the_middle_leaves_what_the_next_run_makes_whole(miners: list[Miner]) -> None:
    with held_up_in_the_last_month():
        process = start_backfill()
        try:
            wait_until_held_up(process)
            process.send_signal(signal.SIGINT)
            out, errors = process.communicate(timeout=PATIENCE_S)
        finally:
            process.kill()
    assert process.returncode == 130
    assert out == ""
    assert "Computing: " in errors
    assert "backfill_metrics without --recompute goes on with it" in errors
    assert errors.endswith("backfill_metrics: stopped\n")
    assert "Traceback" not in errors
    assert months_with_figures() == set(MONTHS[:2])
    left = dirty_stretches(at(f"{MONTHS[0]}-01T00:00"), TODAY)
    assert [f"{a:%Y-%m}" for a, _ in left] == [MONTHS[2]]

    resumed = start_backfill()
    out, errors = resumed.communicate(timeout=PATIENCE_S)
    assert resumed.returncode == 0, errors
    assert not DirtyRange.objects.exists()
    after_both = figures()
    assert months_with_figures() == set(MONTHS)

    forget_figures()
    undisturbed = start_backfill()
    out, errors = undisturbed.communicate(timeout=PATIENCE_S)
    assert undisturbed.returncode == 0, errors
    expected = figures()
    assert after_both.keys() == expected.keys()
    for key, value in expected.items():
        assert_same(after_both[key], value, key)
