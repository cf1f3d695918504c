"""Rows among rows: clipped, shortened, never overlapping, first delivery wins, the rest kept aside."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hmm.models import DirtyRange
from miners.models import LatestReading, Miner, SetAside, Telemetry
from miners.telemetry.rows import DeviceFacts, TelemetryRow, WriteResult
from miners.telemetry.write import write_rows
from tests.factories import MinerFactory
from tests.miners.telemetry.conftest import stored

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOW = NOON + timedelta(days=2)


def row(miner: Miner, offset_s: float, covered_s: int = 30, **fields: object) -> TelemetryRow:
    values = {"power_w": 15.0, "hashrate_ghs": 1200.0} | fields
    return TelemetryRow(miner.pk, NOON + timedelta(seconds=offset_s), covered_s, **values)  # type: ignore[arg-type]


def write(*rows: TelemetryRow, now: datetime = NOW) -> WriteResult:
    return write_rows(rows, source="push", now=now)


def intervals() -> list[tuple[int, int]]:
    """Return (end, covered) of everything stored, the end in seconds after noon."""
    return [(int((r.timestamp - NOON).total_seconds()), r.covered_s) for r in stored()]


def dirty() -> list[tuple[list[int], datetime, datetime]]:
    return [(r.entity_ids, r.start, r.end) for r in DirtyRange.objects.order_by("start", "end")]


def test_a_row_is_stored_with_everything_it_says(miner: Miner) -> None:
    given_row = row(miner, 0, temperature_c=61.5, fan_rpm=4200, accepted=3, rejected=0)
    assert write(given_row) == WriteResult(stored=1)
    (one,) = stored()
    assert (one.power_w, one.hashrate_ghs, one.temperature_c) == (15.0, 1200.0, 61.5)
    assert (one.fan_rpm, one.accepted, one.rejected, one.covered_s) == (4200, 3, 0, 30)


def test_what_is_unknown_stays_unknown(miner: Miner) -> None:
    write(row(miner, 0, power_w=None, hashrate_ghs=None))
    (one,) = stored()
    values = (one.power_w, one.hashrate_ghs, one.temperature_c, one.fan_rpm, one.accepted, one.rejected)
    assert values == (None,) * 6


def test_a_timestamp_is_floored_to_the_second(miner: Miner) -> None:
    write(row(miner, 7.999))
    assert intervals() == [(7, 30)]


def test_a_row_begins_no_earlier_than_the_row_before_it_ends(miner: Miner) -> None:
    write(row(miner, 0), row(miner, 20, covered_s=600))
    write(row(miner, 50, covered_s=31))
    assert intervals() == [(0, 30), (20, 20), (50, 30)]


def test_a_late_row_shortens_the_row_after_it(miner: Miner) -> None:
    write(row(miner, 0), row(miner, 600, covered_s=600))
    write(row(miner, 400, covered_s=100))
    assert intervals() == [(0, 30), (400, 100), (600, 200)]


def test_several_late_rows_between_two_shorten_only_as_far_as_the_last(miner: Miner) -> None:
    write(row(miner, 600, covered_s=600))
    write(row(miner, 100, covered_s=10), row(miner, 500, covered_s=300), row(miner, 300, covered_s=500))
    assert intervals() == [(100, 10), (300, 200), (500, 200), (600, 100)]


def test_a_late_row_with_a_gap_after_it_shortens_nothing(miner: Miner) -> None:
    write(row(miner, 600, covered_s=100))
    write(row(miner, 500, covered_s=100))
    assert intervals() == [(500, 100), (600, 100)]


def test_a_row_reaches_back_over_midnight_into_the_partition_of_the_day_before(miner: Miner) -> None:
    midnight = 12 * 3600
    write(row(miner, midnight - 100), row(miner, midnight + 200, covered_s=86400))
    assert intervals() == [(midnight - 100, 30), (midnight + 200, 300)]


def test_a_late_row_shortens_one_that_reaches_back_for_days(miner: Miner) -> None:
    write(row(miner, 6 * 86400, covered_s=7 * 86400), now=NOW + timedelta(days=9))
    write(row(miner, 0))
    assert intervals() == [(0, 30), (6 * 86400, 6 * 86400)]


def test_miners_do_not_clip_each_other(miner: Miner) -> None:
    other = MinerFactory()
    write(row(miner, 0), row(other, 10, covered_s=300))
    assert [r.covered_s for r in stored()] == [30, 300]


def test_the_same_row_again_changes_nothing(miner: Miner) -> None:
    write(row(miner, 0), row(miner, 20, covered_s=600))
    DirtyRange.objects.all().delete()
    assert write(row(miner, 0), row(miner, 20, covered_s=600)) == WriteResult(unchanged=2)
    assert intervals() == [(0, 30), (20, 20)]
    assert dirty() == []
    assert not SetAside.objects.exists()


def test_a_repeat_is_compared_as_it_would_have_been_clipped(miner: Miner) -> None:
    write(row(miner, 0), row(miner, 20, covered_s=600))
    assert write(row(miner, 20, covered_s=20)) == WriteResult(unchanged=1)
    assert write(row(miner, 20, covered_s=19)) == WriteResult(set_aside=1)


@pytest.mark.parametrize("change", [{"power_w": 15.5}, {"power_w": None}, {"accepted": 0}, {"covered_s": 29}])
def test_another_row_for_the_same_second_is_set_aside_and_the_first_stays(
    miner: Miner, change: dict[str, object]
) -> None:
    write(row(miner, 0))
    assert write(replace(row(miner, 0), **change)) == WriteResult(set_aside=1)  # type: ignore[arg-type]
    (one,) = stored()
    assert (one.power_w, one.accepted, one.covered_s) == (15.0, None, 30)
    aside = SetAside.objects.get()
    assert (aside.miner_name, aside.source) == ("bench", "push")
    assert "differs" in aside.reason
    assert aside.row["timestamp"].startswith("2026-03-01T12:00:00")
    key = next(iter(change))
    assert aside.row[key] == change[key]


def test_of_two_rows_for_one_second_in_one_batch_the_first_wins(miner: Miner) -> None:
    result = write(row(miner, 0.2, power_w=1.0), row(miner, 0.9, power_w=2.0), row(miner, 0, power_w=1.0))
    assert result == WriteResult(stored=1, unchanged=1, set_aside=1)
    assert [r.power_w for r in stored()] == [1.0]


def test_what_cannot_be_believed_is_set_aside_and_the_rest_stored(miner: Miner) -> None:
    result = write(
        row(miner, 0, power_w=float("nan")),
        row(miner, 30),
        row(miner, 60, hashrate_ghs=float("inf")),
        row(miner, 2 * 86400 + 301),
        replace(row(miner, 90), miner_id=miner.pk + 1000),
    )
    assert result == WriteResult(stored=1, set_aside=4)
    assert intervals() == [(30, 30)]
    reasons = list(SetAside.objects.order_by("pk").values_list("reason", flat=True))
    assert [
        word in reason
        for word, reason in zip(
            ["power_w nan", "hashrate_ghs inf", "ahead", "no miner"], reasons, strict=True
        )
    ]
    assert SetAside.objects.order_by("pk")[0].row["power_w"] == "nan"


def test_nothing_given_is_nothing_done(db: None) -> None:
    assert write() == WriteResult()


def test_the_latest_reading_follows_newer_rows_only(miner: Miner) -> None:
    facts = DeviceFacts(accepted_counter=5, mode="eco", firmware="v2.9", warnings=("hot",), uptime_s=60)
    write(row(miner, 60, power_w=2.0, facts=facts))
    write(row(miner, 0, power_w=1.0, facts=replace(facts, accepted_counter=1)))
    latest = LatestReading.objects.get(miner=miner)
    assert latest.timestamp == NOON + timedelta(seconds=60)
    assert (latest.power_w, latest.accepted_counter, latest.mode, latest.firmware) == (2.0, 5, "eco", "v2.9")
    assert (latest.warnings, latest.uptime_s) == (["hot"], 60)


def test_a_reading_without_counters_keeps_the_old_ones(miner: Miner) -> None:
    write(row(miner, 0, facts=DeviceFacts(accepted_counter=5, rejected_counter=1, warnings=("hot",))))
    write(row(miner, 30, facts=DeviceFacts()))
    latest = LatestReading.objects.get(miner=miner)
    assert (latest.accepted_counter, latest.rejected_counter, latest.warnings) == (5, 1, [])


def test_a_row_without_facts_keeps_those_of_the_device(miner: Miner) -> None:
    write(row(miner, 0, facts=DeviceFacts(accepted_counter=5, mode="eco", uptime_s=9, warnings=("hot",))))
    write(row(miner, 30))
    latest = LatestReading.objects.get(miner=miner)
    assert (latest.accepted_counter, latest.mode, latest.uptime_s, latest.warnings) == (5, "eco", 9, ["hot"])
    assert latest.timestamp == NOON + timedelta(seconds=30)


def test_the_latest_reading_is_shortened_with_its_row(miner: Miner) -> None:
    write(row(miner, 600, covered_s=600))
    write(row(miner, 500))
    assert LatestReading.objects.get(miner=miner).covered_s == 100


def test_a_contradiction_does_not_reach_the_latest_reading(miner: Miner) -> None:
    write(row(miner, 0, power_w=1.0))
    write(row(miner, 0, power_w=2.0))
    assert LatestReading.objects.get(miner=miner).power_w == 1.0


def test_a_tick_of_many_miners_is_one_dirty_range(db: None) -> None:
    miners = MinerFactory.create_batch(20)
    write(*(row(miner, 60) for miner in miners))
    assert dirty() == [(sorted(m.pk for m in miners), NOON, NOON + timedelta(minutes=5))]


def test_a_row_over_the_hour_dirties_both_sides_of_it(miner: Miner) -> None:
    write(row(miner, 10, covered_s=30))
    assert dirty() == [([miner.pk], NOON - timedelta(minutes=5), NOON + timedelta(minutes=5))]


def test_a_row_that_ends_on_the_hour_leaves_the_next_one_clean(miner: Miner) -> None:
    write(row(miner, 0, covered_s=3600))
    assert dirty() == [([miner.pk], NOON - timedelta(hours=1), NOON)]


def test_a_late_row_dirties_its_own_time_and_not_a_month_of_the_others(miner: Miner) -> None:
    other = MinerFactory()
    month = 30 * 86400
    write(row(miner, month), row(other, 60), row(miner, 60), now=NOW + timedelta(days=31))
    later = NOON + timedelta(seconds=month)
    assert dirty() == [
        (sorted([miner.pk, other.pk]), NOON, NOON + timedelta(minutes=5)),
        ([miner.pk], later - timedelta(minutes=5), later),
    ]


def test_all_of_a_shortened_row_is_dirty(miner: Miner) -> None:
    """Its old start, since energy leaves it; its end, since it now begins, and counts, elsewhere."""
    write(row(miner, 3 * 3600, covered_s=3 * 3600))
    DirtyRange.objects.all().delete()
    write(row(miner, 3600, covered_s=10))
    assert dirty() == [([miner.pk], NOON, NOON + timedelta(hours=3))]


def test_nothing_is_kept_when_the_transaction_fails(miner: Miner) -> None:
    def write_and_fail() -> None:
        with transaction.atomic():
            write(row(miner, 0))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_and_fail()
    assert stored() == []
    assert dirty() == []


def test_a_tick_takes_few_queries_however_many_miners(
    db: None, django_assert_max_num_queries: object
) -> None:
    miners = MinerFactory.create_batch(30)
    now = datetime.now(UTC).replace(microsecond=0)

    def tick(at: datetime) -> None:
        write(*(replace(row(miner, 0), timestamp=at) for miner in miners), now=at)

    tick(now - timedelta(seconds=30))
    with django_assert_max_num_queries(9):  # type: ignore[operator]
        tick(now)


@pytest.mark.django_db(transaction=True)
def test_two_writers_of_one_miner_take_turns() -> None:
    """Both give the same second; whichever is first, one is stored and the other set aside."""
    miner = MinerFactory()
    results: list[WriteResult] = []
    together = threading.Barrier(2)

    def deliver(power_w: float) -> None:
        together.wait(10)
        for offset_s in range(0, 300, 30):
            results.append(write(row(miner, offset_s, covered_s=600, power_w=power_w)))
        connection.close()

    threads = [threading.Thread(target=deliver, args=(power_w,)) for power_w in (1.0, 2.0)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sum(results, WriteResult()) == WriteResult(stored=10, set_aside=10)
    assert intervals() == [(0, 600)] + [(offset_s, 30) for offset_s in range(30, 300, 30)]


Sketch = tuple[int, int, int]
"""A row in short: miner (0 or 1), seconds after noon, covered seconds."""

sketches = st.lists(
    st.tuples(st.integers(0, 1), st.integers(-90, 90).map(lambda n: n * 1200), st.integers(1, 200_000)),
    unique_by=lambda sketch: sketch[:2],
    max_size=14,
)


def expected(rows: list[Sketch]) -> list[tuple[int, int, int]]:
    """Return what must be stored of distinct rows: each clipped to the one before it."""
    result = []
    for miner in (0, 1):
        mine = sorted((at, covered_s) for which, at, covered_s in rows if which == miner)
        for before, (at, covered_s) in zip([None, *mine], mine, strict=False):
            result.append((miner, at, covered_s if before is None else min(covered_s, at - before[0])))
    return result


@given(rows=sketches, data=st.data())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_order_and_batching_of_arrival_do_not_matter(
    db: None, rows: list[Sketch], data: st.DataObject
) -> None:
    arrival = (
        data.draw(st.permutations(rows + data.draw(st.lists(st.sampled_from(rows or [(0, 0, 1)])))))
        if rows
        else []
    )
    cuts = sorted(data.draw(st.lists(st.integers(0, len(arrival)), max_size=4)))
    with transaction.atomic():
        miners = MinerFactory.create_batch(2)
        results = []
        for start, end in zip([0, *cuts], [*cuts, len(arrival)], strict=True):
            batch = [
                row(miners[which], at, covered_s, power_w=at / 1200 + 90)
                for which, at, covered_s in arrival[start:end]
            ]
            results.append(write(*batch))
        found = [
            (0 if r.miner_id == miners[0].pk else 1, int((r.timestamp - NOON).total_seconds()), r.covered_s)
            for r in stored()
        ]
        assert found == expected(rows)
        assert sum(results, WriteResult()).stored == len(rows)
        check_latest_readings(miners)
        check_everything_is_dirty()
        transaction.set_rollback(True)


def check_latest_readings(miners: list[Miner]) -> None:
    for miner in miners:
        newest = Telemetry.objects.filter(miner=miner).order_by("-timestamp").first()
        latest = LatestReading.objects.filter(miner=miner).first()
        if newest is not None:
            assert latest is not None
            assert (latest.timestamp, latest.covered_s, latest.power_w) == (
                newest.timestamp,
                newest.covered_s,
                newest.power_w,
            )


def check_everything_is_dirty() -> None:
    ranges = list(DirtyRange.objects.all())
    for one in stored():
        start = one.timestamp - timedelta(seconds=one.covered_s)
        assert any(
            one.miner_id in r.entity_ids and r.start <= start and one.timestamp <= r.end for r in ranges
        )
