"""The command that checks the store against telemetry."""

from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection

from metrics.models import Metric
from tests.factories import MinerFactory
from tests.metrics.reference import Row
from tests.metrics.store_helpers import epoch, store_rows, use_zone

pytestmark = pytest.mark.django_db


@pytest.fixture
def miner():
    use_zone("Europe/London")
    miner = MinerFactory()
    start = epoch("2025-03-01T00:00")
    store_rows([Row(miner.pk, start + h * 3600, start + h * 3600 + 3600, 100.0 + h, 50.0) for h in range(72)])
    return miner


def verify(*args):
    """Return what it prints and its exit status."""
    out, status = StringIO(), 0
    try:
        call_command("verify_metrics", *args, stdout=out, stderr=StringIO())
    except SystemExit as end:
        status = end.code
    return out.getvalue(), status


def tamper():
    with connection.cursor() as cursor:
        cursor.execute("UPDATE metrics_rollup SET energy_j = energy_j * 1.001 WHERE entity_type = 'miner'")


def test_a_right_store_passes(miner):
    said, status = verify("--days", "2")
    assert status == 0
    assert said == f"PASS: {2 * (48 + 24 + 1)} rows compared, 0 figures differ\n"


def test_a_tampered_figure_is_named_and_left_alone(miner):
    verify()
    tamper()
    before = {m.id: m.value_json for m in Metric.objects.all()}
    said, status = verify("--from", "2025-03-02", "--to", "2025-03-02")
    assert status == 1
    assert f"miner {miner.pk}, daily 2025-03-02 00:00Z, energy_j: stored " in said
    assert "FAIL: 73 rows compared, 73 figures differ" in said
    assert {m.id: m.value_json for m in Metric.objects.all()} == before


def test_repair_makes_it_right(miner):
    verify()
    tamper()
    assert verify("--repair")[1] == 1
    assert verify()[1] == 0


@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        (["--days", "0"], "must be 1 or more"),
        (["--from", "soon"], "neither a date"),
        (["--from", "2030-01-01"], "no closed day with telemetry"),
    ],
)
def test_bad_input_is_refused(miner, args, complaint):
    with pytest.raises(CommandError, match=complaint) as refused:
        verify(*args)
    assert refused.value.returncode == 2
