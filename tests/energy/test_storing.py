import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from energy.models import PriceSlot, Tariff
from energy.points import PriceError, PricePoint
from energy.prices import price_at, price_page, prices_between, store_prices
from energy.storing import OverlapError, StoreResult
from hmm.models import DirtyRange
from tests.factories import TariffFactory

pytestmark = pytest.mark.django_db

T0 = datetime(2025, 3, 30, tzinfo=UTC)
MARK = timedelta(minutes=5)
HALF_HOUR = timedelta(minutes=30)


def slot(number: int, price: float = 20.0, length: timedelta = HALF_HOUR) -> PricePoint:
    return PricePoint(T0 + number * HALF_HOUR, T0 + number * HALF_HOUR + length, price)


def stored(tariff: Tariff) -> list[PricePoint]:
    return prices_between(tariff.pk, T0 - timedelta(days=400), T0 + timedelta(days=400))


def dirty() -> list[tuple[datetime, datetime]]:
    return list(DirtyRange.objects.order_by("start").values_list("start", "end"))


@pytest.fixture
def tariff() -> Tariff:
    return TariffFactory()


def test_new_slots_are_added_and_their_stretches_marked(tariff):
    assert store_prices(tariff, [slot(0), slot(1, -3.25), slot(5)]) == StoreResult(3, 0, 0)
    assert stored(tariff) == [slot(0), slot(1, -3.25), slot(5)]
    assert dirty() == [(slot(0).start, slot(1).end), (slot(5).start, slot(5).end)]
    marked = DirtyRange.objects.first()
    assert (marked.kind, marked.entity_ids) == ("tariff", [tariff.pk])


def test_the_same_again_changes_and_marks_nothing(tariff):
    points = [slot(n, n * 1.1) for n in range(50)]
    store_prices(tariff, points)
    ids = set(PriceSlot.objects.values_list("pk", flat=True))
    DirtyRange.objects.all().delete()
    assert store_prices(tariff, reversed(points)) == StoreResult(0, 0, 50)
    assert set(PriceSlot.objects.values_list("pk", flat=True)) == ids
    assert dirty() == []


def test_a_changed_price_replaces_the_slot_and_marks_it_alone(tariff):
    store_prices(tariff, [slot(n) for n in range(6)])
    DirtyRange.objects.all().delete()
    assert store_prices(tariff, [slot(2), slot(3, 9), slot(4, 9), slot(6)]) == StoreResult(1, 2, 1)
    assert [p.pence_per_kwh for p in stored(tariff)] == [20, 20, 20, 9, 9, 20, 20]
    assert dirty() == [(slot(3).start, slot(4).end), (slot(6).start, slot(6).end)]


@pytest.mark.parametrize("shift", [-5, 5])
def test_a_partial_overlap_is_refused_whole_and_names_both(tariff, shift):
    store_prices(tariff, [slot(4)])
    across = PricePoint(slot(4).start + shift * MARK, slot(4).end + shift * MARK, 7)
    with pytest.raises(OverlapError) as caught:
        store_prices(tariff, [slot(0), across])
    assert str(across) in str(caught.value)
    assert str(slot(4)) in str(caught.value)
    assert stored(tariff) == [slot(4)]
    assert len(dirty()) == 1


def test_a_slot_within_or_around_a_stored_one_is_refused(tariff):
    store_prices(tariff, [slot(4)])
    for other in (slot(4, length=MARK), slot(4, length=2 * HALF_HOUR), slot(3, length=3 * HALF_HOUR)):
        with pytest.raises(OverlapError):
            store_prices(tariff, [other])


def test_slots_that_only_touch_do_not_overlap(tariff):
    store_prices(tariff, [slot(4)])
    assert store_prices(tariff, [slot(3), slot(5)]).added == 2


def test_slots_that_overlap_each_other_are_refused(tariff):
    with pytest.raises(OverlapError) as caught:
        store_prices(tariff, [slot(3), slot(0), slot(0)])
    assert (caught.value.number, caught.value.other_number) == (3, 2)
    assert stored(tariff) == []


@pytest.mark.parametrize(
    ("point", "reason"),
    [
        (PricePoint(T0, T0, 1), "ends before it has begun"),
        (PricePoint(T0 + MARK, T0, 1), "ends before it has begun"),
        (PricePoint(T0, T0 + timedelta(minutes=7), 1), "mark of five minutes"),
        (PricePoint(T0 + timedelta(seconds=1), T0 + MARK, 1), "mark of five minutes"),
        (PricePoint(T0, T0 + MARK, float("nan")), "not a possible price"),
        (PricePoint(T0, T0 + MARK, float("-inf")), "not a possible price"),
        (PricePoint(T0, T0 + MARK, 1e9), "not a possible price"),
        (PricePoint(T0.replace(tzinfo=None), T0 + MARK, 1), "no UTC offset"),
    ],
)
def test_an_invalid_slot_is_refused_with_the_reason(tariff, point, reason):
    with pytest.raises(PriceError, match=reason):
        store_prices(tariff, [slot(9), point])
    assert stored(tariff) == []


def test_other_tariffs_do_not_matter(tariff):
    other = TariffFactory()
    store_prices(other, [slot(0, 1, 3 * HALF_HOUR)])
    assert store_prices(tariff, [slot(1)]).added == 1
    assert stored(other) == [slot(0, 1, 3 * HALF_HOUR)]


def test_a_recut_keeps_what_it_leaves_of_a_slot_and_marks_only_other_prices(tariff):
    store_prices(tariff, [slot(0, 10, 4 * HALF_HOUR)])
    DirtyRange.objects.all().delete()
    assert store_prices(tariff, [slot(1, 10), slot(2, 12)], recut=True) == StoreResult(0, 2, 0)
    assert stored(tariff) == [slot(0, 10), slot(1, 10), slot(2, 12), slot(3, 10)]
    assert dirty() == [(slot(2).start, slot(2).end)]


def test_a_recut_may_put_a_long_slot_over_short_ones(tariff):
    store_prices(tariff, [slot(0, 1), slot(1, 2), slot(3, 3)])
    DirtyRange.objects.all().delete()
    store_prices(tariff, [PricePoint(slot(0).start + 3 * MARK, slot(3).start + 2 * MARK, 2)], recut=True)
    assert [(p.start, p.pence_per_kwh) for p in stored(tariff)] == [
        (slot(0).start, 1),
        (slot(0).start + 3 * MARK, 2),
        (slot(3).start + 2 * MARK, 3),
    ]
    assert dirty() == [
        (slot(0).start + 3 * MARK, slot(0).end),
        (slot(2).start, slot(3).start + 2 * MARK),
    ]


@pytest.mark.parametrize(
    ("before_s", "length", "after_s"),
    [(1800, 6, 1800), (1800, 3, 900), (1800, 1, 300), (1800, 4, 600), (3600, 6, 1800), (900, 6, 900)],
)
def test_a_tariff_gets_slots_short_enough_for_its_prices(before_s, length, after_s):
    tariff = TariffFactory(slot_s=before_s)
    store_prices(tariff, [PricePoint(T0, T0 + length * MARK, 1)])
    assert Tariff.objects.get(pk=tariff.pk).slot_s == after_s


def test_nothing_to_store_is_nothing(tariff):
    assert store_prices(tariff, []) == StoreResult(0, 0, 0)


# A model of one tariff: the price of each mark of five minutes, and the slots as a set of (start, end, price).
slots = st.tuples(st.integers(0, 40), st.integers(1, 14), st.sampled_from([-5.0, 0.0, 12.5])).map(
    lambda drawn: (drawn[0], drawn[0] + drawn[1], drawn[2])
)
stores = st.lists(st.tuples(st.lists(slots, max_size=5), st.booleans()), min_size=1, max_size=6)


def overlap(a, b) -> bool:
    return a[0] < b[1] and b[0] < a[1]


def model_store(have: set, new: list, recut: bool) -> set | None:
    """Return the slots after a store, None where it must be refused."""
    if any(overlap(a, b) for i, a in enumerate(new) for b in new[:i]):
        return None
    if not recut and any(overlap(a, b) and a[:2] != b[:2] for a in new for b in have):
        return None
    kept = {old for old in have if not any(overlap(old, n) for n in new)}
    return kept | set(new) | {part for old in have - kept for part in rest_of(old, new)}


def rest_of(old, new):
    marks = [m for m in range(old[0], old[1]) if not any(n[0] <= m < n[1] for n in new)]
    starts = [m for m in marks if m - 1 not in marks]
    ends = [m + 1 for m in marks if m + 1 not in marks]
    return [(s, e, old[2]) for s, e in zip(starts, ends, strict=True)]


def by_mark(have: set) -> dict[int, float]:
    return {mark: price for start, end, price in have for mark in range(start, end)}


def as_points(drawn) -> list[PricePoint]:
    return [PricePoint(T0 + s * MARK, T0 + e * MARK, price) for s, e, price in drawn]


def dirty_marks() -> set[int]:
    return {m for start, end in dirty() for m in range((start - T0) // MARK, (end - T0) // MARK)}


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stores)
def test_any_sequence_of_stores_gives_the_slots_and_the_marks_of_the_model(sequence):
    with transaction.atomic():
        tariff, have = TariffFactory(), set()
        for new, recut in sequence:
            DirtyRange.objects.all().delete()
            after = model_store(have, new, recut)
            if after is None:
                with pytest.raises(OverlapError):
                    store_prices(tariff, as_points(new), recut=recut)
                after = have
            else:
                result = store_prices(tariff, as_points(new), recut=recut)
                assert result.added + result.changed + result.unchanged == len(new)
                assert result.unchanged == len(have & set(new))
            before_marks, after_marks = by_mark(have), by_mark(after)
            assert stored(tariff) == sorted(as_points(after))
            assert dirty_marks() == {m for m, p in after_marks.items() if before_marks.get(m) != p}
            have = after
        transaction.set_rollback(True)


def test_prices_are_read_by_overlap_in_one_query(tariff, django_assert_num_queries):
    store_prices(tariff, [slot(0, 1, 4 * HALF_HOUR), slot(4, 2), slot(6, 3)])
    with django_assert_num_queries(1):
        found = prices_between(tariff.pk, slot(3).start, slot(6).start + MARK)
    assert [p.pence_per_kwh for p in found] == [1, 2, 3]
    assert prices_between(tariff.pk, slot(4).end, slot(6).start) == []
    assert [p.pence_per_kwh for p in prices_between(tariff.pk, slot(3).end, slot(6).start)] == [2]


def test_the_price_of_a_moment(tariff):
    store_prices(tariff, [slot(0, 1), slot(2, 3)])
    assert price_at(tariff.pk, slot(0).start) == slot(0, 1)
    assert price_at(tariff.pk, slot(0).end - timedelta(seconds=1)) == slot(0, 1)
    assert price_at(tariff.pk, slot(0).end) is None
    assert price_at(tariff.pk, T0 - MARK) is None


def test_pages_follow_each_other_without_gap_or_repeat(tariff):
    points = [slot(n, n) for n in range(10)]
    store_prices(tariff, points)
    window = (tariff.pk, slot(1).start + MARK, slot(8).start)
    found, after = [], None
    while part := price_page(*window, limit=3, after=after):
        found += part
        after = part[-1].start
    assert found == prices_between(*window) == points[1:8]


@pytest.mark.django_db(transaction=True)
def test_two_processes_that_store_at_once_do_not_make_slots_overlap():
    tariff = TariffFactory()
    results: list[object] = []
    start = threading.Barrier(2)

    def store(points: list[PricePoint]) -> None:
        start.wait()
        try:
            results.append(store_prices(tariff, points))
        except OverlapError as error:
            results.append(error)
        finally:
            connection.close()

    halves = [slot(n, 1) for n in range(200)]
    hours = [slot(2 * n, 2, 2 * HALF_HOUR) for n in range(100)]
    threads = [threading.Thread(target=store, args=(points,)) for points in (halves, hours)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(type(result).__name__ for result in results) == ["OverlapError", "StoreResult"]
    assert stored(tariff) in (halves, hours)
