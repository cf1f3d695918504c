"""docs/adding-a-metric.md, followed to the letter: each of its files, put into a copy of the project, is a metric."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection

from metrics.types.base import Extra, MetricType, distinct_extras

APPS = ("hmm", "energy", "pools", "miners", "metrics")
EXAMPLES = re.compile(r"```python\n(.*?)```", re.DOTALL)
REGISTERED = re.compile(r'metric_types\.register\(\s*"\w+"')

TELEMETRY = """miner,timestamp,power_w,hashrate_ghs,temperature_c,fan_rpm,accepted,rejected,covered_s
left,2025-06-02T10:20:00Z,100,500,60,3000,1,0,1200
left,2025-06-02T10:50:00Z,300,500,60,6000,1,0,1800
right,2025-06-02T10:30:00Z,100,500,60,,1,0,1800
"""

FOLLOW = """
import json, sys, django
django.setup()
from datetime import UTC, datetime
from django.core.management import call_command
from metrics.query import metrics_in_range
call_command("migrate", verbosity=0)
call_command("import_telemetry", sys.argv[1], create_miners=True, verbosity=0)
call_command("backfill_metrics")
span = {"start": datetime(2025, 6, 1, tzinfo=UTC), "end": datetime(2025, 6, 3, tzinfo=UTC)}
rows = [row for name in ("fan_speed", "power") for period in ("slot", "hourly", "daily")
        for row in metrics_in_range(metric_type=name, period=period, **span)]
print(json.dumps([[r.metric_type, r.entity_type, r.period, r.timestamp.isoformat(), r.value_json] for r in rows]))
"""


@pytest.fixture
def as_migrated(transactional_db: None) -> Iterator[None]:
    """Put back what this code makes after each migrate, the view and the functions: the copy makes its own."""
    yield
    call_command("migrate", verbosity=0)


def examples() -> list[str]:
    text = (settings.BASE_DIR / "docs/adding-a-metric.md").read_text(encoding="utf-8")
    return EXAMPLES.findall(text)


def copy_with_examples(copy: Path) -> None:
    for app in APPS:
        shutil.copytree(settings.BASE_DIR / app, copy / app, ignore=shutil.ignore_patterns("__pycache__"))
    for number, example in enumerate(examples()):
        leave_out(copy, REGISTERED.search(example))
        (copy / f"metrics/types/example_{number}.py").write_text(example, encoding="utf-8")


def leave_out(copy: Path, registered: re.Match[str] | None) -> None:
    """Remove the file that registers that name already, where somebody has followed the page in earnest."""
    assert registered is not None
    for path in (copy / "metrics/types").glob("*.py"):
        if registered.group() in path.read_text(encoding="utf-8"):
            path.unlink()


def follow(copy: Path) -> list[Any]:
    telemetry = copy / "telemetry.csv"
    telemetry.write_text(TELEMETRY, encoding="utf-8")
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "tests.hmm.child_settings",
        "HMM_TEST_DATABASE": str(connection.settings_dict["NAME"]),
        "PYTHONPATH": os.pathsep.join([str(copy), os.environ.get("PYTHONPATH", ""), str(settings.BASE_DIR)]),
    }
    done = subprocess.run(
        [sys.executable, "-c", FOLLOW, str(telemetry)],
        cwd=copy,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.process
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("as_migrated")
def test_each_file_of_the_page_is_a_metric_at_every_level(tmp_path: Path) -> None:
    copy_with_examples(tmp_path)
    found = follow(tmp_path)
    fans = {
        (whose, period, at[11:16]): value for name, whose, period, at, value in found if name == "fan_speed"
    }
    slot = fans["system", "slot", "10:00"]
    assert slot == {"records": 3, "coverage": 0.5, "avg": 4000.0, "max": 6000, "unit": "rpm"}
    hour = fans["system", "hourly", "10:00"]
    assert hour["avg"] == pytest.approx((3000 * 1200 + 6000 * 1800) / 3000)
    assert fans["system", "daily", "23:00"]["max"] == 6000
    powers = [value["avg"] for name, whose, period, _, value in found if (name, period) == ("power", "daily")]
    assert sorted(powers) == [pytest.approx(100.0), pytest.approx((100 * 1200 + 300 * 1800) / 3000)]


def metric(name: str, *extras: Extra) -> MetricType:
    return MetricType(name, "", "", ("miner",), "covered_s", {}, extras=extras)


def test_two_metrics_may_share_an_extra_and_not_mean_different_things_by_it() -> None:
    seconds = Extra("fan_s", "SUM", "SUM(sec)")
    assert distinct_extras([metric("one", seconds), metric("two", seconds)]) == (seconds,)
    with pytest.raises(ValueError, match="metric 'two': another metric has a different extra 'fan_s'"):
        distinct_extras([metric("one", seconds), metric("two", Extra("fan_s", "MAX", "MAX(sec)"))])
