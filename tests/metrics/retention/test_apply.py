"""What is too old goes, what is not rolled up stays, and a row for a day that is gone is refused with that reason."""

from datetime import UTC, date, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from hmm.models import DirtyRange, JobRun
from metrics.models import StoreForm, Watermark
from metrics.retention.apply import apply_retention
from metrics.retention.limits import slots_limit, telemetry_limit
from metrics.store.dropping import months_before
from miners.models import MinerState, PackedTelemetry, SetAside, StateChange
from miners.telemetry.files import FileRefused
from miners.telemetry.importing import import_file
from miners.telemetry.read import first_telemetry
from miners.telemetry.rows import TelemetryRow, WriteResult
from miners.telemetry.write import write_rows
from tests.factories import MinerFactory
from tests.metrics.retention.conftest import A_DAY, JULY, Farm, drop_before, figures
from tests.metrics.store_helpers import at

pytestmark = pytest.mark.django_db


def gone(what: str, *, dry_run: bool = False, now: datetime = JULY) -> int:
    return next(o.rows for o in apply_retention(now, dry_run=dry_run) if o.what == what)


def test_old_telemetry_goes_a_day_at_a_time_and_its_figures_stay(farm: Farm, settings: Any) -> None:
    settings.RETENTION_RAW_DAYS = 90
    before = figures()
    assert gone("telemetry", now=at("2026-06-01T12:00")) == 2 * 95
    assert [d for (d,) in PackedTelemetry.objects.order_by("day").values_list("day").distinct()] == [
        date(2026, 3, 3),
        date(2026, 3, 4),
        date(2026, 3, 5),
    ]
    assert gone("telemetry", now=JULY) == len(farm.rows) - 2 * 95
    assert not PackedTelemetry.objects.exists()
    assert figures() == before
    assert first_telemetry() == at("2026-03-02T00:00")


def test_a_dry_run_says_the_same_and_deletes_nothing(farm: Farm) -> None:
    assert gone("telemetry", dry_run=True) == len(farm.rows)
    assert PackedTelemetry.objects.count() == 8
    assert gone("telemetry") == len(farm.rows)


def test_what_has_a_dirty_range_over_it_stays(farm: Farm) -> None:
    DirtyRange.objects.create(
        kind="miner", entity_ids=[1], start=at("2026-03-03T10:00"), end=at("2026-03-03T11:00")
    )
    assert gone("telemetry") == 2 * 95


@pytest.mark.parametrize("period", ["slot", "hourly"])
def test_what_is_not_rolled_up_stays(farm: Farm, period: str) -> None:
    Watermark.objects.filter(period=period).update(filled_to=at("2026-03-04T10:00"))
    assert gone("telemetry") == 2 * 95


def test_nothing_goes_before_the_first_run(farm: Farm) -> None:
    Watermark.objects.all().delete()
    assert gone("telemetry") == 0
    assert gone("slots and hours") == 0


def test_months_of_slots_and_hours_go_when_days_are_stored(farm: Farm, settings: Any) -> None:
    settings.RETENTION_SLOT_DAYS = 60
    long = figures("daily", "weekly", "monthly")
    Watermark.objects.filter(period="monthly").update(filled_to=at("2026-03-01T00:00"))
    gone("slots and hours")
    assert figures("slot", "hourly")
    Watermark.objects.filter(period="monthly").update(filled_to=at("2026-06-30T23:00"))
    apply_retention(JULY, dry_run=True)
    assert figures("slot", "hourly")
    gone("slots and hours")
    assert figures() == long
    assert StoreForm.objects.get().slots_from == at("2026-04-01T00:00")
    assert months_before(at("2026-05-01T00:00")) == []


def test_old_events_rows_aside_and_job_runs_go(farm: Farm) -> None:
    for n in (1, 800):
        StateChange.objects.create(miner=farm.miners[0], at=JULY - n * A_DAY, state=MinerState.ONLINE)
        JobRun.objects.create(name="x", started_at=JULY - n * A_DAY, duration_s=1, success=True)
        aside = SetAside.objects.create(source="push", reason="x", row={"days_ago": n})
        SetAside.objects.filter(pk=aside.pk).update(received_at=JULY - n * A_DAY)
    found = {outcome.what: outcome.rows for outcome in apply_retention(JULY)}
    assert [found[what] for what in ("rows set aside", "state changes", "job runs")] == [1, 1, 1]
    assert [m.objects.count() for m in (SetAside, StateChange, JobRun)] == [1, 1, 1]


MARKS = dict.fromkeys(("slot", "hourly", "daily", "weekly", "monthly"), JULY)


def test_the_limits() -> None:
    assert telemetry_limit(JULY, 90, MARKS, None) == date(2026, 4, 2)
    assert telemetry_limit(JULY, 90, MARKS | {"hourly": at("2026-03-10T05:00")}, None) == date(2026, 3, 9)
    assert telemetry_limit(JULY, 90, MARKS, at("2026-03-05T23:59")) == date(2026, 3, 5)
    assert slots_limit(JULY, 400, MARKS, None) == JULY - timedelta(days=400)
    assert slots_limit(JULY, 400, MARKS | {"weekly": at("2025-01-06T00:00")}, None) == at("2025-01-05T00:00")
    assert slots_limit(JULY, 400, MARKS, at("2025-01-03T00:00")) == at("2025-01-03T00:00")


LATE = at("2026-03-03T12:34")
REASON = "has been dropped: what this miner told before 2026-03-04 is no longer kept in detail"


def test_a_late_row_for_a_dropped_day_is_refused_and_one_for_the_next_day_is_not(farm: Farm) -> None:
    drop_before(4)
    miner = farm.miners[0]
    rows = [TelemetryRow(miner.pk, moment, 5, power_w=1.0) for moment in (LATE, LATE + A_DAY)]
    assert write_rows(rows, source="push", now=JULY) == WriteResult(stored=1, set_aside=1)
    (aside,) = SetAside.objects.all()
    assert REASON in aside.reason
    assert aside.miner_name == miner.name


def test_a_miner_of_which_nothing_was_dropped_may_tell_of_that_day(farm: Farm) -> None:
    drop_before(9)
    rows = [TelemetryRow(MinerFactory(site=farm.site).pk, LATE, 30, power_w=1.0)]
    assert write_rows(rows, source="push", now=JULY) == WriteResult(stored=1)


@pytest.fixture
def file(farm: Farm, tmp_path: Path) -> Path:
    lines = [f"{farm.miners[0].name},{t:%Y-%m-%dT%H:%M:%SZ},10,20,30,40,1,0,5" for t in (LATE, LATE + A_DAY)]
    path = tmp_path / "late.csv"
    path.write_text(
        "\n".join(
            ["miner,timestamp,power_w,hashrate_ghs,temperature_c,fan_rpm,accepted,rejected,covered_s", *lines]
        )
    )
    return path


def test_a_file_with_a_dropped_day_is_refused_whole(farm: Farm, file: Path) -> None:
    drop_before(4)
    with pytest.raises(FileRefused, match=f"line 2: the telemetry of that day {REASON}"):
        import_file(file, now=JULY)
    assert not SetAside.objects.exists()


def test_with_keep_going_only_its_rows_of_dropped_days_are_set_aside(farm: Farm, file: Path) -> None:
    drop_before(4)
    imported = import_file(file, now=JULY, keep_going=True)
    assert imported.result == WriteResult(stored=1, set_aside=1)
    (aside,) = SetAside.objects.all()
    assert aside.row["power_w"] == 10
    assert REASON in aside.reason


def test_the_command_says_what_would_go_and_what_has_gone(farm: Farm) -> None:
    said = StringIO()
    call_command("apply_retention", "--dry-run", stdout=said)
    assert f"telemetry: {len(farm.rows)} rows from before " in said.getvalue()
    assert "would go" in said.getvalue()
    assert PackedTelemetry.objects.exists()
    said = StringIO()
    call_command("apply_retention", stdout=said)
    assert f"telemetry: {len(farm.rows)} rows" in said.getvalue()
    assert not PackedTelemetry.objects.exists()
    assert datetime.now(UTC) > JULY
