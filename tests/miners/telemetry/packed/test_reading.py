"""Whoever reads telemetry sees the same, packed or not."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from hmm.lib.buckets import Bucket
from miners.models import Miner
from miners.telemetry.packed.reading import NEVER_PACKED, PLAIN, relation, unpacked
from miners.telemetry.packed.store import pack
from miners.telemetry.read import (
    ending_within,
    first_telemetry,
    reaching_in,
    read_reaching_in,
    rows_between,
    telemetry_spans,
    with_telemetry,
)
from miners.telemetry.regular import (
    Limits,
    Marks,
    count_outside,
    find_regular,
    recent_averages,
    stored_seconds,
)
from tests.factories import MinerFactory
from tests.miners.telemetry.packed.conftest import A_DAY, DAY, MIDNIGHT, NOW, pack_all, row, write

pytestmark = pytest.mark.django_db

DAY_S = 86400
SECONDS = st.integers(-DAY_S, 2 * DAY_S - 1)


def at(offset_s: int) -> datetime:
    return MIDNIGHT + timedelta(seconds=offset_s)


def seen(miners: list[Miner], start: datetime, end: datetime) -> list[object]:
    """Return all that reading a stretch gives."""
    ids = [m.pk for m in miners]
    low, high = str(int(start.timestamp())), str(int(end.timestamp()))
    with unpacked([(start, end)], ids, NOW), connection.cursor() as cursor:
        found: list[object] = []
        for sql in (
            ending_within(low, high),
            ending_within(low, high, everyone=True),
            reaching_in(low, high),
        ):
            cursor.execute(sql, {"miner_ids": ids})
            found.append(sorted(cursor.fetchall(), key=str))
        found.append(read_reaching_in(start, end, ids))
    return found


@given(
    told=st.lists(
        st.tuples(st.integers(0, 1), SECONDS, st.sampled_from([30, 3600, 40_000, 200_000])),
        min_size=1,
        max_size=20,
    ),
    packed=st.sets(st.tuples(st.integers(0, 1), st.integers(-1, 1))),
    start_s=SECONDS,
    length_s=st.integers(1, DAY_S),
)
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, phases=[Phase.generate]
)
def test_a_stretch_reads_the_same_whichever_days_are_packed(
    told: list[tuple[int, int, int]], packed: set[tuple[int, int]], start_s: int, length_s: int
) -> None:
    """Also rows that reach in from a later day, and over several midnights."""
    start, end = at(start_s), at(start_s + length_s)
    with transaction.atomic():
        miners = MinerFactory.create_batch(2)
        write(*(row(miners[n], second, covered_s) for n, second, covered_s in told))
        expected = seen(miners, start, end)
        for n, days in packed:
            pack([miners[n].pk], DAY + days * A_DAY)
        assert seen(miners, start, end) == expected
        transaction.set_rollback(True)


def test_one_miner_s_rows_are_read_whatever_their_form(miner: Miner) -> None:
    write(row(miner, -30), row(miner, 0), row(miner, 30), row(miner, DAY_S + 30))
    before = [(r.timestamp, r.covered_s, r.power_w) for r in rows_between(miner.pk, at(-30), at(DAY_S + 30))]
    assert len(before) == 3
    pack([miner.pk], DAY)
    found = [(r.timestamp, r.covered_s, r.power_w) for r in rows_between(miner.pk, at(-30), at(DAY_S + 30))]
    assert found == before


def test_plain_telemetry_is_read_as_it_always_was(miner: Miner) -> None:
    write(row(miner, 0))
    with unpacked([(at(-60), at(60))], [miner.pk], NOW):
        assert relation() == PLAIN


def test_recent_stretches_cost_no_query(miner: Miner, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0), unpacked([(NOW - NEVER_PACKED, NOW)], [miner.pk], NOW):
        assert relation() == PLAIN


def test_what_is_unpacked_already_is_not_unpacked_again(miner: Miner, django_assert_num_queries: Any) -> None:
    write(row(miner, 0))
    pack_all()
    with unpacked([(at(-60), at(600))], [miner.pk], NOW):
        outer = relation()
        assert outer != PLAIN
        with django_assert_num_queries(0), unpacked([(at(0), at(60))], [miner.pk], NOW):
            assert relation() == outer
    assert relation() == PLAIN


def test_a_reader_that_fails_leaves_the_next_one_right(miner: Miner) -> None:
    write(row(miner, 0))
    pack_all()
    with pytest.raises(ZeroDivisionError), unpacked([(at(-60), at(60))], [miner.pk], NOW):
        _ = 1 / 0
    assert relation() == PLAIN
    assert len(rows_between(miner.pk, at(-60), at(60))) == 1


def test_the_days_and_the_beginning_of_telemetry_are_told_of_packed_rows_too(miner: Miner) -> None:
    other = MinerFactory()
    write(row(miner, 0, covered_s=600), row(miner, 50), row(other, 2 * DAY_S))
    days = [Bucket(at(n * DAY_S), at((n + 1) * DAY_S)) for n in range(-1, 3)]

    def told() -> Iterator[object]:
        yield first_telemetry()
        yield with_telemetry(days)
        yield telemetry_spans([miner.pk, other.pk])

    expected = list(told())
    assert expected[0] == at(-600)
    assert expected[1] == {at(-DAY_S), at(0), at(DAY_S)}
    pack_all()
    assert list(told()) == expected


def test_marks_are_found_among_packed_rows(miner: Miner) -> None:
    write(*(row(miner, n * 30) for n in range(1, 9)))
    first = int(MIDNIGHT.timestamp())
    marks = Marks(first + 30, first + 240, 30)
    limits = Limits(miner.pk, 0, 1e6, 0, 3000, 0, 100)

    def told() -> list[object]:
        return [
            find_regular([miner.pk], marks),
            stored_seconds([miner.pk], marks),
            count_outside([(limits, marks.first, marks.last)]),
            recent_averages({miner.pk: 0.0}, marks.last),
        ]

    expected = told()
    assert expected[2] == {miner.pk: 8}  # 3,010 W is more than 3,000
    pack_all()
    assert told() == expected
