"""`generate_telemetry`: exactly the rows asked for, once, checked; refused in one line with nothing changed."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from hmm.models import DirtyRange
from miners.collector.fleet import read_fleet
from miners.generator import run
from miners.generator.profile import limits_of, profile_of
from miners.models import (
    DroppedTelemetry,
    LatestReading,
    Miner,
    MinerModel,
    MinerSite,
    MinerState,
    SetAside,
    Site,
    StateChange,
    Telemetry,
)
from miners.telemetry import partitions
from miners.telemetry.bulk import BulkRow, store_histories
from tests.factories import MinerFactory, SiteFactory

NOON = datetime(2026, 3, 1, 12, 20, 13, tzinfo=UTC)
Row = tuple[Any, ...]


@pytest.fixture(autouse=True)
def _forget_partitions() -> None:
    partitions.forget_known_days()


@pytest.fixture
def site(db: None) -> Site:
    return SiteFactory(name="Farm")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    """The time the command sees, as a list of one that a test may change."""
    now = [NOON]
    monkeypatch.setattr(timezone, "now", lambda: now[0])
    return now


@pytest.fixture
def out(capsys: pytest.CaptureFixture[str]) -> pytest.CaptureFixture[str]:
    return capsys


def generate(site: Site, *options: object, command: str = "generate_telemetry") -> None:
    call_command(command, "--site-id", str(site.pk), *map(str, options))


def refused(site_id: object, *options: object, status: int = 2) -> str:
    with pytest.raises(CommandError) as caught:
        call_command("generate_telemetry", "--site-id", str(site_id), *map(str, options))
    assert caught.value.returncode == status
    assert "\n" not in str(caught.value)
    return str(caught.value)


def rows() -> list[Row]:
    fields = ("miner__name", "timestamp", "covered_s", "power_w", "hashrate_ghs", "temperature_c", "fan_rpm")
    return list(Telemetry.objects.order_by("pk").values_list(*fields, "accepted", "rejected"))


def seconds(miner: Miner) -> list[int]:
    times = Telemetry.objects.filter(miner=miner).order_by("timestamp").values_list("timestamp", flat=True)
    return [int(at.timestamp()) for at in times]


def live_row(second: int, power_w: float, hashrate_ghs: float, covered_s: int = 30) -> BulkRow:
    at = NOON + timedelta(seconds=second)
    return BulkRow(at.replace(microsecond=0), covered_s, power_w, hashrate_ghs, 55.0, 4_000, 1, 0)


def store(miner: Miner, *stored: BulkRow) -> None:
    store_histories([(miner.pk, stored)], source="test", now=NOON)


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize(("hours", "cadence_s"), [(24, 3600), (1, 30), (3, 1800), (25, 5000), (48, 86_400)])
def test_each_miner_has_exactly_its_rows_at_multiples_of_the_cadence(
    site: Site, hours: int, cadence_s: int, out: pytest.CaptureFixture[str]
) -> None:
    miners = [MinerFactory(site=site), MinerFactory(site=site, maintenance=True)]
    generate(site, "--hours", hours, "--cadence", cadence_s)
    number = hours * 3600 // cadence_s
    last = int(NOON.timestamp()) // cadence_s * cadence_s
    for miner in miners:
        assert seconds(miner) == list(range(last - (number - 1) * cadence_s, last + 1, cadence_s))
    assert set(Telemetry.objects.values_list("covered_s", flat=True)) == {cadence_s}
    said = out.readouterr().out.splitlines()
    assert said == [f"{2 * number} rows: 2 miners × {number}, {2 * number} new, 0 there before", "PASS"]


@pytest.mark.usefixtures("clock")
def test_a_mark_that_has_just_come_is_the_last(site: Site, clock: list[datetime]) -> None:
    miner = MinerFactory(site=site)
    clock[0] = NOON.replace(minute=0, second=0)
    generate(site, "--hours", 2)
    assert seconds(miner)[-1] == int(clock[0].timestamp())


@pytest.mark.usefixtures("clock")
def test_latest_readings_and_dirty_ranges_are_those_of_what_is_stored(site: Site) -> None:
    miner = MinerFactory(site=site)
    generate(site)
    newest = Telemetry.objects.filter(miner=miner).latest("timestamp")
    latest = LatestReading.objects.get(miner=miner)
    assert (latest.timestamp, latest.hashrate_ghs) == (newest.timestamp, newest.hashrate_ghs)
    (dirty,) = DirtyRange.objects.all()
    hour = NOON.replace(minute=0, second=0)
    assert (dirty.entity_ids, dirty.start, dirty.end) == ([miner.pk], hour - timedelta(hours=24), hour)


@pytest.mark.usefixtures("clock")
def test_rows_keep_the_limits_of_each_miners_own_state_and_baseline(site: Site) -> None:
    own = MinerFactory(site=site, baseline_hashrate_ghs=500.0, baseline_power_w=12.0)
    model = MinerFactory(site=site)
    unknown = MinerFactory(site=site, model=None)
    repaired = MinerFactory(site=site, maintenance=True)
    off = MinerFactory(site=site, state=MinerState.OFFLINE)
    generate(site)
    full = {own: (500, 12), model: (1_200, 18), unknown: (110_000, 3_000)}
    for miner, (hashrate_ghs, power_w) in full.items():
        for row in Telemetry.objects.filter(miner=miner):
            assert row.hashrate_ghs == pytest.approx(hashrate_ghs, rel=0.1)
            assert row.power_w == pytest.approx(power_w, rel=0.08)
    for row in Telemetry.objects.filter(miner=repaired):
        assert 60 <= row.hashrate_ghs <= 240
        assert 1.8 <= row.power_w <= 5.4
        assert row.temperature_c >= 65
    values = {row[3:] for row in rows() if row[0] == off.name}
    assert values == {(0.0, 0.0, None, None, 0, 0)}


@pytest.mark.usefixtures("clock")
def test_what_a_miner_did_of_late_is_its_baseline_where_it_has_none_of_its_own(site: Site) -> None:
    miner = MinerFactory(site=site)
    store(miner, live_row(-100_000, 16.0, 1_000.0), live_row(-99_000, 2.0, 10.0))
    generate(site)
    made = Telemetry.objects.filter(miner=miner, covered_s=3600)
    assert {round(row.hashrate_ghs / 1_000.0) for row in made} == {1}
    assert all(900 <= row.hashrate_ghs <= 1_100 for row in made)
    assert all(14.7 <= row.power_w <= 17.3 for row in made)


@pytest.mark.usefixtures("clock")
def test_a_second_run_adds_nothing_and_passes(site: Site, out: pytest.CaptureFixture[str]) -> None:
    MinerFactory(site=site)
    generate(site, "--miners", 3)
    before = rows()
    DirtyRange.objects.all().delete()
    out.readouterr()
    generate(site, "--miners", 3)
    assert out.readouterr().out == "72 rows: 3 miners × 24, 0 new, 72 there before\nPASS\n"
    generate(site, "--seed", 5)
    assert rows() == before
    assert not DirtyRange.objects.exists()
    assert not SetAside.objects.exists()


def test_a_later_run_adds_the_hours_since_and_changes_nothing_else(
    site: Site, clock: list[datetime], out: pytest.CaptureFixture[str]
) -> None:
    miner = MinerFactory(site=site)
    generate(site)
    before = rows()
    clock[0] = NOON + timedelta(hours=2)
    Miner.objects.update(maintenance=True)
    out.readouterr()
    generate(site)
    assert out.readouterr().out == "24 rows: 1 miner × 24, 2 new, 22 there before\nPASS\n"
    assert rows()[:24] == before
    assert [row.hashrate_ghs < 240 for row in Telemetry.objects.filter(miner=miner).order_by("pk")[24:]] == [
        True
    ] * 2


@pytest.mark.usefixtures("clock")
def test_a_hole_is_filled_with_what_was_there(site: Site) -> None:
    miner = MinerFactory(site=site)
    generate(site)
    before = rows()
    Telemetry.objects.filter(miner=miner, timestamp__hour=3).delete()
    assert len(rows()) == 23
    generate(site)
    assert rows() == before


@pytest.mark.usefixtures("clock")
def test_a_run_that_was_stopped_is_gone_on_with(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    miners = [MinerFactory(site=site) for _ in range(3)]
    monkeypatch.setattr(run, "ROWS_A_CHUNK", 24)
    marks = run.marks_before(NOON, 24, 3600)

    def stop(done: int) -> None:
        if Telemetry.objects.count() == 48:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run.write(run.make_plan(miners, marks), seed=1, now=NOON, on_rows=stop)
    assert len(rows()) == 48
    generate(site)
    stopped = rows()
    Telemetry.objects.all().delete()
    generate(site)
    assert stopped == rows()
    assert len(stopped) == 72


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("rows_a_chunk", [1, 7, 24, 60])
def test_how_rows_are_cut_into_transactions_changes_none(
    site: Site, monkeypatch: pytest.MonkeyPatch, rows_a_chunk: int
) -> None:
    generate(site, "--miners", 3)
    whole = rows()
    Telemetry.objects.filter(timestamp__hour__in=[3, 4, 20]).delete()
    monkeypatch.setattr(run, "ROWS_A_CHUNK", rows_a_chunk)
    generate(site)
    assert rows() == whole
    Telemetry.objects.all().delete()
    generate(site)
    assert rows() == whole


@pytest.mark.usefixtures("clock")
def test_the_same_seed_makes_the_same_miners_and_rows_and_another_seed_others(site: Site) -> None:
    def made(*options: object) -> tuple[list[Row], list[Row]]:
        generate(site, "--miners", 4, *options)
        found = rows(), list(Miner.objects.values_list("name", "baseline_hashrate_ghs", "baseline_power_w"))
        Telemetry.objects.all().delete()
        Miner.objects.all().delete()
        return found

    first = made()
    assert made("--seed", 1) == first
    other = made("--seed", 2)
    assert [row[:3] for row in other[0]] == [row[:3] for row in first[0]]
    assert other[0] != first[0]


@pytest.mark.usefixtures("clock")
def test_miners_that_are_not_there_are_made_with_believable_models_and_never_polled(
    site: Site, out: pytest.CaptureFixture[str]
) -> None:
    own = MinerFactory(site=site)
    MinerFactory(name=f"s19xp-{site.pk}-0002")
    generate(site, "--miners", 101, "--hours", 1)
    made = Miner.objects.filter(site=site).exclude(pk=own.pk)
    assert out.readouterr().out.startswith("made 100 miners at Farm\n101 rows: 101 miners × 1, 101 new")
    assert made.count() == MinerSite.objects.filter(site=site).exclude(miner=own).count() == 100
    assert set(made.values_list("host", flat=True)) == {""}
    assert read_fleet() == {}
    assert made.filter(state=MinerState.MAINTENANCE, maintenance=True).count() == 2
    assert made.filter(state=MinerState.OFFLINE).count() == 2
    assert made.filter(state=MinerState.ONLINE).count() == 96
    assert made.values("model").distinct().count() == 5
    assert StateChange.objects.filter(miner__in=made).count() == 100
    for miner in made.select_related("model"):
        assert miner.baseline_hashrate_ghs == pytest.approx(miner.model.reference_hashrate_ghs, rel=0.05)
        assert miner.baseline_power_w == pytest.approx(miner.model.reference_power_w, rel=0.05)


@pytest.mark.usefixtures("clock")
def test_a_model_of_that_name_that_is_there_is_not_changed(site: Site) -> None:
    MinerModel.objects.create(name="Antminer S21", reference_power_w=1.0)
    generate(site, "--miners", 5, "--hours", 1)
    model = MinerModel.objects.get(name="Antminer S21")
    assert (model.reference_power_w, model.reference_hashrate_ghs) == (1.0, None)


@pytest.mark.usefixtures("clock")
def test_fewer_miners_than_there_are_means_the_first_ones_and_retired_ones_are_none(site: Site) -> None:
    MinerFactory(site=site, retired_at=NOON)
    first, _ = MinerFactory(site=site), MinerFactory(site=site)
    MinerFactory()
    generate(site, "--miners", 1)
    assert set(Telemetry.objects.values_list("miner", flat=True)) == {first.pk}


@pytest.mark.usefixtures("clock")
def test_a_miner_with_telemetry_of_its_own_is_left_out_and_named(
    site: Site, out: pytest.CaptureFixture[str]
) -> None:
    polled, bare = MinerFactory(site=site, name="polled"), MinerFactory(site=site)
    store(polled, live_row(-7_000, 16.0, 1_000.0))
    generate(site)
    said = out.readouterr()
    assert "24 rows: 1 miner × 24" in said.out
    assert "left out: 1 miner with telemetry of their own" in said.err
    assert "every 3600 s: polled" in said.err
    assert (len(seconds(polled)), len(seconds(bare))) == (1, 24)


@pytest.mark.usefixtures("clock")
def test_where_all_are_left_out_nothing_is_generated(site: Site) -> None:
    store(MinerFactory(site=site, name="polled"), live_row(-7_000, 16.0, 1_000.0))
    assert "all miners of Farm have telemetry of their own in these hours" in refused(site.pk)
    assert len(rows()) == 1


@pytest.mark.usefixtures("clock")
def test_what_is_wrong_with_the_rows_is_named_and_ends_with_1(
    site: Site, monkeypatch: pytest.MonkeyPatch, out: pytest.CaptureFixture[str]
) -> None:
    short, odd = MinerFactory(site=site, name="short"), MinerFactory(site=site, name="odd")

    def meddled(*args: Any, **options: Any) -> run.Written:
        written = run.write(*args, **options)
        Telemetry.objects.filter(miner=short, timestamp__hour=3).delete()
        Telemetry.objects.filter(miner=odd, timestamp__hour__lt=2).update(power_w=5_000.0)
        Telemetry.objects.filter(miner=odd, timestamp__hour=4).update(covered_s=60)
        return written

    monkeypatch.setattr("miners.management.commands.generate_telemetry.write", meddled)
    message = refused(site.pk, status=1)
    assert message.startswith("FAIL: ")
    assert "short has 23 of 24 rows that last 3600 s each" in message
    assert "odd has 1 rows that are not at the marks or last otherwise" in message
    assert "odd has 2 rows outside what a miner shows that is active" in message
    assert "PASS" not in out.readouterr().out


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--hours", 0), "--hours 0 is not from 1 to 8784"),
        (("--hours", 10**9), "--hours 1000000000 is not from 1 to 8784"),
        (("--cadence", 0), "--cadence 0 is not from 1 to 604800"),
        (("--cadence", 7), "--cadence 7 does not divide 24 hours (86400 s)"),
        (("--cadence", 90_000), "--cadence 90000 does not divide 24 hours"),
        (("--miners", 0), "--miners 0 is not from 1 to 100000"),
        (("--miners", -1), "--miners -1 is not from 1 to 100000"),
        (("--miners", 100_000, "--cadence", 1), "8,640,000,000 rows are too many for one run"),
        (("--hours", "many"), "invalid int value: 'many'"),
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_changed(
    site: Site, options: tuple[object, ...], named: str
) -> None:
    MinerFactory(site=site)
    assert named in refused(site.pk, *options)
    assert (Miner.objects.count(), rows(), LatestReading.objects.count()) == (1, [], 0)


def test_a_site_without_miners_is_said_to_have_none(site: Site) -> None:
    assert refused(site.pk) == f"No miners at site {site.pk} (Farm); --miners 10 makes ten"


def test_an_unknown_site_is_named_with_those_there_are(site: Site) -> None:
    message = refused(999_999, "--miners", 10)
    assert message.startswith("no site has the id 999999; there are: ")
    assert "Farm" in message
    assert not Miner.objects.exists()


@pytest.mark.usefixtures("clock")
def test_the_old_name_does_the_same_and_says_that_it_is_old(
    site: Site, out: pytest.CaptureFixture[str]
) -> None:
    generate(site, "--miners", 2, command="fast_insert_telemetry")
    said = out.readouterr()
    assert said.out.endswith("48 rows: 2 miners × 24, 48 new, 0 there before\nPASS\n")
    assert said.err == "fast_insert_telemetry is deprecated: use generate_telemetry, which takes the same\n"
    assert len(rows()) == 48


@pytest.mark.usefixtures("clock")
def test_the_number_of_queries_does_not_grow_with_the_miners(
    site: Site, django_assert_max_num_queries: Any
) -> None:
    generate(site, "--miners", 400, "--hours", 1)
    miners = list(Miner.objects.filter(site=site).select_related("model"))
    marks = run.marks_before(NOON + timedelta(hours=3), 2, 3600)
    with django_assert_max_num_queries(50):
        planned = run.make_plan(miners, marks)
        assert run.failures(planned, run.write(planned, seed=1, now=NOON)) == []
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM telemetry")
        assert cursor.fetchone() == (1_200,)


@pytest.mark.usefixtures("clock")
def test_stored_rows_lie_within_the_limits_of_their_profiles(site: Site) -> None:
    generate(site, "--miners", 50)
    for miner in Miner.objects.filter(site=site).select_related("model"):
        limits = limits_of(profile_of(miner))
        for row in Telemetry.objects.filter(miner=miner):
            assert limits.hashrate_low_ghs <= row.hashrate_ghs <= limits.hashrate_high_ghs
            assert limits.power_low_w <= row.power_w <= limits.power_high_w


def test_days_that_are_no_longer_kept_are_refused(site: Site, clock: list[datetime]) -> None:
    gone = clock[0] - timedelta(days=90)
    DroppedTelemetry.objects.create(miner=MinerFactory(site=site), start=gone - timedelta(days=30), end=gone)
    told = refused(site.pk, "--hours", 100 * 24)
    assert "is no longer kept in detail; ask for fewer --hours" in told
    assert not Telemetry.objects.exists()
