"""`move_telemetry`: everything there and back, compared, all or nothing."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from miners.models import Miner, Telemetry
from miners.telemetry import move as moving
from miners.telemetry.hypertable import compress_old, storage_kind
from miners.telemetry.move import MoveRefused, content_of, list_days, move
from miners.telemetry.packed.job import pack_old
from miners.telemetry.rows import TelemetryRow, WriteResult
from miners.telemetry.write import write_rows
from tests.miners.telemetry.conftest import stored

NOW = datetime(2026, 5, 20, 12, tzinfo=UTC)
DAYS = [datetime(2026, 5, day, 23, 59, 30, tzinfo=UTC) for day in (1, 2, 13, 19)]
DETAIL_DAYS = 7


def fill(miner: Miner) -> list[dict[str, Any]]:
    """Store some rows a day, with figures that need every digit and some that are not told; return all."""
    write_rows(
        [
            TelemetryRow(
                miner.pk, day + timedelta(seconds=n), 1, abs(n) and abs(n) / 3, -0.0 if n % 2 else None, None
            )
            for day in DAYS
            for n in range(-60, 60)
        ],
        source="test",
        now=NOW,
    )
    return everything()


def everything() -> list[dict[str, Any]]:
    rows = Telemetry.objects.order_by("miner_id", "timestamp").values()
    return [{name: repr(value) for name, value in row.items()} for row in rows]


def run(to: str, **options: Any) -> str:
    out = StringIO()
    call_command("move_telemetry", to=to, stdout=out, **options)
    return out.getvalue()


def silent(done: int, total: int) -> None:
    """No progress."""


@pytest.mark.django_db
def test_days_and_contents_are_those_of_utc(miner: Miner) -> None:
    assert list_days() == []
    fill(miner)
    assert [f"{day:%d}" for day in list_days()] == ["01", "02", "03", "13", "14", "19", "20"]
    assert [content_of("telemetry", day).rows for day in list_days()] == [90, 120, 30, 90, 30, 90, 30]


@pytest.mark.django_db
def test_the_checksum_tells_which_column_says_what(miner: Miner) -> None:
    at = DAYS[0]
    sums = set()
    for figures in ({"power_w": 5.0}, {"hashrate_ghs": 5.0}, {"power_w": 5.000000000000001}, {}):
        Telemetry.objects.all().delete()
        moving_row = TelemetryRow(miner.pk, at, 1, **figures)
        write_rows([moving_row], source="test", now=NOW)
        sums.add(content_of("telemetry", at.date()))
    assert len(sums) == 4


@pytest.mark.django_db
def test_where_it_is_already_there_is_nothing_to_do(miner: Miner) -> None:
    before = fill(miner)
    kind = storage_kind()
    assert "already" in run(kind)
    with pytest.raises(MoveRefused, match="already"):
        move(kind, NOW, DETAIL_DAYS, silent)
    assert everything() == before


@pytest.mark.native
@pytest.mark.django_db
def test_without_the_extension_it_is_refused_and_can_be_surveyed(miner: Miner) -> None:
    before = fill(miner)
    with pytest.raises(CommandError, match="shared_preload_libraries") as refused:
        run("timescaledb")
    assert refused.value.returncode == 2
    assert "would move 480 rows of 7 days to timescaledb" in run("timescaledb", dry_run=True)
    assert everything() == before


@pytest.mark.timescale
@pytest.mark.django_db
class TestThereAndBack:
    def test_every_row_is_the_same_compressed_or_not(self, miner: Miner) -> None:
        before = fill(miner)
        compress_old(NOW, DETAIL_DAYS)
        assert "moved and verified 480 rows of 7 days to native" in run("native")
        assert storage_kind() == "native"
        assert everything() == before
        assert "moved and verified 480 rows of 7 days to timescaledb" in run("timescaledb")
        assert storage_kind() == "timescaledb"
        assert everything() == before

    def test_old_days_are_compressed_on_the_way(self, miner: Miner) -> None:
        fill(miner)
        move("native", NOW, DETAIL_DAYS, silent)
        move("timescaledb", NOW, DETAIL_DAYS, silent)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FILTER (WHERE is_compressed), count(*) FROM timescaledb_information.chunks "
                "WHERE hypertable_name = 'telemetry'"
            )
            assert cursor.fetchone() == (3, 7)
        assert compress_old(NOW, DETAIL_DAYS) == 0

    def test_it_is_written_to_as_before_on_either_kind(self, miner: Miner) -> None:
        fill(miner)
        for kind in ("native", "timescaledb"):
            move(kind, NOW, DETAIL_DAYS, silent)  # type: ignore[arg-type]
            late = DAYS[0] + timedelta(seconds=100)
            row = TelemetryRow(miner.pk, late, 30, 1.0)
            first = kind == "native"
            expected = WriteResult(stored=1) if first else WriteResult(unchanged=1)
            assert write_rows([row], source="test", now=NOW) == expected
            assert len(stored()) == 481

    def test_nothing_at_all_is_moved_too(self) -> None:
        assert "moved and verified 0 rows of 0 days" in run("native")
        assert storage_kind() == "native"

    def test_a_dry_run_says_the_same_and_changes_nothing(self, miner: Miner) -> None:
        before = fill(miner)
        said = run("native", dry_run=True)
        assert storage_kind() == "timescaledb"
        assert everything() == before
        assert said.replace("would move", "moved and verified") == run("native")

    def test_a_copy_that_is_not_the_same_is_undone(
        self, miner: Miner, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = fill(miner)
        honest = content_of
        monkeypatch.setattr(
            moving,
            "content_of",
            lambda table, day: honest(table, day if table == "telemetry" else DAYS[0].date()),
        )
        with pytest.raises(CommandError, match=r"2026-05-02.*nothing was changed"):
            run("native")
        assert storage_kind() == "timescaledb"
        assert everything() == before

    def test_stopped_half_way_it_has_changed_nothing_and_can_be_run_again(self, miner: Miner) -> None:
        before = fill(miner)

        def stop(done: int, total: int) -> None:
            if done == 3:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            move("native", NOW, DETAIL_DAYS, stop)
        assert storage_kind() == "timescaledb"
        assert everything() == before
        assert move("native", NOW, DETAIL_DAYS, silent).content.rows == 480


@pytest.fixture
def _hypertable_again(transactional_db: None) -> Iterator[None]:
    """Telemetry is left as it was found: what is committed here is met by every later test of the process."""
    yield
    if storage_kind() == "native":
        move("timescaledb", NOW, DETAIL_DAYS, silent)


@pytest.mark.timescale
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("_hypertable_again")
def test_a_writer_waits_for_the_move_and_then_writes_to_the_new_table(miner: Miner) -> None:
    fill(miner)
    written: list[Any] = []
    waiting = threading.Event()

    def write() -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET application_name = 'the writer'")
            waiting.set()
            row = TelemetryRow(miner.pk, DAYS[3] + timedelta(seconds=200), 1)
            written.append(write_rows([row], source="test", now=NOW))
        except BaseException as error:  # noqa: BLE001 - handed to the test's own thread
            written.append(error)
        finally:
            connection.close()

    writer = threading.Thread(target=write)
    with transaction.atomic():
        move("native", NOW, DETAIL_DAYS, silent)
        writer.start()
        waiting.wait(30)
        wait_until_blocked("the writer")
    writer.join(60)
    assert written == [WriteResult(stored=1)]
    assert len(stored()) == 481
    assert storage_kind() == "native"


def wait_until_blocked(application: str) -> None:
    """Return once a session of this name waits for a lock; every look is a query, which takes its time."""
    with connection.cursor() as cursor:
        for _ in range(20_000):
            cursor.execute(
                "SELECT pg_stat_clear_snapshot(), count(*) FROM pg_stat_activity "
                "WHERE application_name = %s AND wait_event_type = 'Lock'",
                [application],
            )
            if cursor.fetchone()[1]:
                return
    raise AssertionError(f"{application} does not wait for anything")


@pytest.mark.timescale
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("_hypertable_again")
def test_what_is_packed_goes_along_and_what_comes_back_can_be_packed(miner: Miner) -> None:
    run("native")
    before = fill(miner)
    rows = pack_old(NOW, DETAIL_DAYS)
    assert rows
    assert len(everything()) == len(before) - rows
    assert f"{len(before):,} rows" in run("timescaledb", dry_run=True)
    assert f"{rows} of them unpacked" in run("timescaledb")
    assert everything() == before
    run("native")
    assert everything() == before
    assert pack_old(NOW, DETAIL_DAYS) == rows
