"""Several at once: rows committed during a run, two runs, a crash in the middle."""

import threading
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connections, transaction

from hmm.installation import _remembered as installation_of_process
from hmm.lib.locks import try_lock
from hmm.models import DirtyRange, Installation
from metrics.engine import run as engine
from metrics.engine.run import FOR_EVER, LOCK, Busy, run
from metrics.models import Metric, Watermark
from metrics.query import BeingComputed, metrics_in_range, prepared
from miners.membership import move_miner
from tests.factories import MinerFactory, SiteFactory
from tests.metrics.reference import Row
from tests.metrics.store_helpers import NOW, at, epoch, store_rows

pytestmark = pytest.mark.django_db(transaction=True)

NOON = epoch("2025-06-02T12:00")
SOON = at("2025-06-04T12:00")
"""For what goes through all the time since: it is not long."""


@pytest.fixture
def miner():
    return MinerFactory()


def records():
    found = Metric.objects.filter(metric_type="hashrate", entity_type="miner", period="hourly")
    return [m.value_json["records"] for m in found]


def row(miner, minute):
    return Row(miner.pk, NOON + minute * 60, NOON + minute * 60 + 60, 1000.0, 500.0)


def in_another_connection(work):
    """Run `work` in a thread, with its own connection, and raise what it raised."""
    failed = []

    def job():
        try:
            work()
        except Exception as error:  # noqa: BLE001 - raised again by the caller
            failed.append(error)
        finally:
            connections.close_all()

    thread = threading.Thread(target=job)
    thread.start()
    thread.join(30)
    assert not thread.is_alive()
    if failed:
        raise failed[0]


def moved_once_after(reads, miner, monkeypatch):
    """Have the miner moved, by somebody else, once the engine has done what it calls `reads`; return where to."""
    other, real, moved = SiteFactory(), getattr(engine, reads), []

    def then_a_move_comes(*args):
        found = real(*args)
        if not moved:
            moved.append(True)
            in_another_connection(lambda: move_miner(miner, other, date(2025, 6, 1), today=SOON.date()))
        return found

    monkeypatch.setattr(engine, reads, then_a_move_comes)
    return other


def sites_with_figures():
    found = Metric.objects.filter(metric_type="hashrate", entity_type="site", period="slot")
    return list(found.values_list("entity_id", flat=True))


def test_a_row_committed_between_a_runs_reading_and_writing_is_computed_by_the_next(miner, monkeypatch):
    store_rows([row(miner, 0)])
    real, written = engine.compute, []

    def compute_then_a_row_comes(*args):
        rows = real(*args)
        if not written:
            written.append(True)
            in_another_connection(lambda: store_rows([row(miner, 10)]))
        return rows

    monkeypatch.setattr(engine, "compute", compute_then_a_row_comes)
    engine.clean(NOW)
    assert records() == [1]
    assert DirtyRange.objects.count() == 1
    run(NOW)
    assert records() == [2]
    assert not DirtyRange.objects.exists()


def test_a_move_committed_while_a_run_fills_is_computed_by_the_next(miner, monkeypatch):
    run(at("2025-06-01T12:10"))
    store_rows([row(miner, 20)])
    other = moved_once_after("read_ground", miner, monkeypatch)
    engine.fill(SOON)
    run(SOON)
    assert sites_with_figures() == [other.pk]


def test_a_zone_that_another_process_has_changed_holds_for_the_next_chunk(miner):
    store_rows([row(miner, 0)])
    run(SOON)
    remembered = dict(installation_of_process)
    Installation.objects.update(time_zone="America/New_York")
    run(SOON)
    installation_of_process.update(remembered)  # what another process knows within its seconds
    store_rows([row(miner, 10)])
    engine.clean(SOON)
    days = Metric.objects.filter(metric_type="hashrate", entity_type="miner", period="daily")
    assert [(m.timestamp, m.value_json["records"]) for m in days] == [(at("2025-06-02T04:00"), 2)]


def test_a_crash_leaves_the_old_rows_and_their_ranges(miner, monkeypatch):
    store_rows([row(miner, 0)])
    run(NOW)
    store_rows([row(miner, 1)])

    def broken(*args):
        raise RuntimeError("the plug was pulled")

    monkeypatch.setattr(engine, "consume", broken)
    with pytest.raises(RuntimeError, match="plug"):
        run(NOW)
    assert records() == [1]
    assert DirtyRange.objects.exists()
    monkeypatch.undo()
    run(NOW)
    assert records() == [2]


def test_a_run_that_finds_another_at_work_leaves(miner):
    store_rows([row(miner, 0)])
    with transaction.atomic():
        assert try_lock(LOCK)
        with pytest.raises(Busy):
            in_another_connection(lambda: run(NOW))
    assert not Metric.objects.exists()
    run(NOW)
    assert records() == [1]


def test_two_runs_at_once_compute_everything_once(miner):
    store_rows([row(miner, m) for m in range(30)])
    run_waiting = lambda: run(NOW, wait_s=FOR_EVER)  # noqa: E731
    threads = [threading.Thread(target=lambda: (run_waiting(), connections.close_all())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert records() == [30]
    assert Watermark.objects.count() == 5


def test_a_reader_beside_a_long_run_is_told_to_ask_again(miner, monkeypatch):
    monkeypatch.setattr(prepared, "PATIENCE_S", 0.05)
    store_rows([row(miner, 0)])
    ask = {"metric_type": "hashrate", "period": "hourly", "entity_type": "miner", "now": NOW}
    start = datetime.fromtimestamp(NOON, UTC)

    def read():
        with pytest.raises(BeingComputed, match="being computed just now"):
            metrics_in_range(start=start, end=start + timedelta(hours=1), **ask)

    with transaction.atomic():
        assert try_lock(LOCK)
        in_another_connection(read)
    assert len(metrics_in_range(start=start, end=start + timedelta(hours=1), **ask)) == 1


def test_a_move_committed_after_a_run_has_read_its_ranges_is_computed_by_the_next(miner, monkeypatch):
    store_rows([row(miner, 20)])
    engine.fill(NOW)
    other = moved_once_after("read_ranges", miner, monkeypatch)
    engine.clean(NOW)
    run(NOW)
    assert sites_with_figures() == [other.pk]
    assert not DirtyRange.objects.exists()
