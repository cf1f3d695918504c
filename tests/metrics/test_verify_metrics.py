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
    hours = range(start, start + 72 * 3600, 3600)
    store_rows([Row(miner.pk, h, h + 3600, 100.0 + h % 7, 50.0, 60.0, 5, 1) for h in hours])
    return miner


def verify(*args):
    """Return what it prints and its exit status."""
    out, status = StringIO(), 0
    try:
        call_command("verify_metrics", *args, stdout=out, stderr=StringIO())
    except SystemExit as end:
        status = end.code
    return out.getvalue(), status


def tamper(change="energy_j = energy_j * 1.001", where="entity_type = 'miner'", table="metrics_rollup"):
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {table} SET {change} WHERE {where}")
        assert cursor.rowcount


def figures():
    return {m.id: m.value_json for m in Metric.objects.all()}


ROWS_OF_A_DAY = 3 * (48 + 24 + 1 + 2)
"""Slots, hours, the day, its week and its month, of the miner, its site and the system."""


def test_a_right_store_passes(miner):
    said, status = verify("--days", "2")
    assert status == 0
    assert said == f"PASS: {2 * ROWS_OF_A_DAY} rows compared, 0 figures differ\n"


def test_a_tampered_figure_is_named_and_left_alone(miner):
    verify()
    tamper()
    before = figures()
    said, status = verify("--from", "2025-03-02", "--to", "2025-03-02")
    assert status == 1
    assert f"miner {miner.pk}, daily 2025-03-02 00:00Z, energy_j: stored " in said
    assert f"FAIL: {ROWS_OF_A_DAY} rows compared, " in said
    assert figures() == before


@pytest.mark.parametrize(
    ("where", "column", "whose"),
    [
        ("entity_type = 'miner' AND period = 'hourly'", "hashrate_p95_ghs", "miner {miner}, hourly"),
        ("entity_type = 'site' AND period = 'daily'", "temperature_p50_c", "site {site}, daily"),
        ("entity_type = 'system' AND period = 'monthly'", "hashrate_p99_ghs", "system, monthly"),
        ("entity_type = 'site' AND period = 'slot'", "energy_j", "site {site}, slot"),
        ("entity_type = 'system' AND period = 'weekly'", "hashes_gh", "system, weekly"),
        ("entity_type = 'miner' AND period = 'monthly'", "accepted", "miner {miner}, monthly"),
        ("entity_type = 'site' AND period = 'weekly'", "miner_count", "site {site}, weekly"),
    ],
)
def test_every_kind_of_row_is_compared_percentiles_too(miner, where, column, whose):
    verify()
    before = figures()
    tamper(f"{column} = {column} * 1.001 + 1", where)
    said, status = verify("--days", "3")
    assert status == 1
    lines = said.splitlines()[:-1]
    assert lines
    for line in lines:
        assert line.startswith(whose.format(miner=miner.pk, site=miner.site_id))
        assert f", {column}: stored " in line
    assert verify("--days", "3", "--repair")[1] == 1
    assert verify("--days", "3")[1] == 0
    assert figures() == before


def test_a_row_that_is_gone_and_one_that_should_not_be_are_found(miner):
    verify()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM metrics_rollup WHERE entity_type = 'site' AND period = 'daily'")
    said, status = verify("--days", "3", "--repair")
    assert status == 1
    assert f"site {miner.site_id}, daily 2025-03-02 00:00Z, records: stored None, computed anew 24" in said
    tamper("entity_id = entity_id + 1000", "entity_type = 'site' AND period = 'daily'")
    said, status = verify("--days", "3", "--repair")
    assert status == 1
    assert (
        f"site {miner.site_id + 1000}, daily 2025-03-02 00:00Z, records: stored 24, computed anew None"
        in said
    )
    assert verify("--days", "3")[1] == 0


def test_a_miner_that_was_not_sampled_is_repaired_where_its_site_tells(miner):
    others = [MinerFactory(site=miner.site) for _ in range(5)]
    start = epoch("2025-03-01T00:00")
    store_rows([Row(m.pk, start, start + 3600, 100.0, 50.0) for m in others])
    verify()
    before = figures()
    tamper("energy_j = energy_j + 1e6")
    assert verify("--miners", "1", "--days", "3", "--repair")[1] == 1
    assert verify("--miners", "6", "--days", "3")[1] == 0
    assert figures() == before


@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        (["--days", "0"], "must be 1 or more"),
        (["--from", "soon"], "neither a date"),
        (["--from", "2025-04-01", "--to", "2025-04-02"], "no closed day with telemetry"),
        (["--from", "2025-04-02", "--to", "2025-04-01"], "before it begins"),
        (["--from", "2025-03-01T00:00"], "--from: .* has no UTC offset"),
        (["--to", "0001-01-01"], "--to: .* is not between 2000 and 2100"),
    ],
)
def test_bad_input_is_refused(miner, args, complaint):
    with pytest.raises(CommandError, match=complaint) as refused:
        verify(*args)
    assert refused.value.returncode == 2
