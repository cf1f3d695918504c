"""The command that computes the past."""

from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection

from hmm.models import DirtyRange
from metrics.models import Metric
from tests.factories import MinerFactory
from tests.metrics.reference import Row
from tests.metrics.store_helpers import at, epoch, store_rows, use_zone

pytestmark = pytest.mark.django_db


def backfill(*args):
    out = StringIO()
    call_command("backfill_metrics", *args, stdout=out, stderr=StringIO())
    return out.getvalue()


@pytest.fixture
def miner():
    use_zone("Europe/London")
    return MinerFactory()


def days_of(miner, month="2025-03", days=(1, 2, 3)):
    return [
        Row(
            miner.pk,
            epoch(f"{month}-{d:02}T{h:02}:00"),
            epoch(f"{month}-{d:02}T{h:02}:00") + 3600,
            100.0,
            50.0,
        )
        for d in days
        for h in range(23)
    ]


def days_stored():
    found = Metric.objects.filter(metric_type="hashrate", entity_type="miner", period="daily").order_by(
        "timestamp"
    )
    return [m.timestamp for m in found]


def test_it_computes_what_an_import_has_left_dirty(miner):
    store_rows(days_of(miner))
    assert "rows computed" in backfill()
    assert days_stored() == [at(f"2025-03-0{d}T00:00") for d in (1, 2, 3)]
    assert not DirtyRange.objects.exists()
    assert backfill() == "0 rows computed\n"


def test_it_finds_days_that_have_telemetry_and_no_figures(miner):
    store_rows(days_of(miner))
    DirtyRange.objects.all().delete()
    backfill("--from", "2025-03-02", "--to", "2025-03-02")
    assert len(days_stored()) == 3  # the range is widened to every period that overlaps it: here the month


def test_recompute_makes_right_what_was_tampered_with(miner):
    store_rows(days_of(miner))
    backfill()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE metrics_rollup SET hashes_gh = 0")
    assert backfill() == "0 rows computed\n"
    backfill(
        "--from", "2025-03-01", "--to", "2025-03-31", "--recompute", "--type", "hashrate", "--period", "daily"
    )
    found = Metric.objects.filter(metric_type="hashrate", entity_type="miner", period="monthly")
    assert [m.value_json["avg"] for m in found] == [50.0]


@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        (["--type", "watts"], "--type watts is unknown; there are: "),
        (["--period", "yearly"], "--period yearly is unknown; there are: slot, "),
        (["--from", "yesterday"], "'yesterday' is neither a date"),
        (["--from", "2025-03-01T00:00"], "has no UTC offset"),
        (["--from", "2025-03-02", "--to", "2025-03-01"], "before it begins"),
        (["--from", ""], "--from: '' is neither a date"),
        (["--from", "0001-01-01"], "is not between 2000 and 2100"),
        (["--from", "9999-12-31"], "is not between 2000 and 2100"),
    ],
)
def test_bad_words_and_dates_are_refused(miner, args, complaint):
    with pytest.raises(CommandError, match=complaint) as refused:
        backfill(*args)
    assert refused.value.returncode == 2


@pytest.mark.parametrize("period", ["hourly", "daily", "weekly", "monthly"])
def test_it_finds_a_longer_period_that_is_missing(miner, period):
    store_rows(days_of(miner))
    backfill()
    before = {m.id: m.value_json for m in Metric.objects.all()}
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM metrics_rollup WHERE period = %s", [period])
    backfill()
    assert {m.id: m.value_json for m in Metric.objects.all()} == before
    assert backfill() == "0 rows computed\n"
