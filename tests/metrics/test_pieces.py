"""Pieces of telemetry: those in which rows end, those before, and all at once."""

from collections.abc import Iterable
from dataclasses import replace

import pytest
from django.db import connection
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from metrics.engine.pieces import Pieces
from miners.models import Miner
from miners.telemetry.read import NEAR_S
from tests.factories import MinerFactory
from tests.metrics.reference import Row
from tests.metrics.store_helpers import epoch, moment, rolled_back, store_rows

pytestmark = pytest.mark.django_db

BEGIN = epoch("2025-06-02T11:00")
VALUES = "begins, sec, power_w, hashrate_ghs, temperature_c, fan_rpm, accepted, rejected"

Told = list[tuple[int, int, int]]
"""Which miner, when its row ends and what that covers, in seconds since BEGIN."""

Piece = tuple[int, int, bool, float, float]
"""Which miner, which stretch, whether the row begins in it, its seconds there, and the power, which is that of one row."""

WINDOWS = st.sampled_from([900, 1500, 3000, 3600, 7200])
LENGTHS = st.sampled_from([900, 1800, 3600])
LONG = st.integers(1, 2400) | st.sampled_from([30, NEAR_S, NEAR_S + 1, 1800])


@st.composite
def told_by_two(draw: st.DrawFn) -> Told:
    """Rows of two miners, none of which overlaps another of the same miner, from before BEGIN on."""
    told = []
    for which in (0, 1):
        end_s = draw(st.integers(-1000, 600))
        for pause_s, covered_s in draw(
            st.lists(st.tuples(st.just(0) | st.integers(0, 900), LONG), max_size=12)
        ):
            end_s += pause_s + covered_s
            told.append((which, end_s, covered_s))
    return told


@pytest.fixture
def miners() -> list[Miner]:
    return [MinerFactory(), MinerFactory()]


few_examples = settings(
    max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate]
)


@few_examples
@given(told=told_by_two(), window_s=WINDOWS, length_s=LENGTHS, everyone=st.booleans())
def test_what_lies_in_the_stretch_that_a_row_ends_in(
    miners: list[Miner], told: Told, window_s: int, length_s: int, everyone: bool
) -> None:
    with rolled_back():
        store(miners, told)
        pieces = Pieces.between(moment(BEGIN), moment(BEGIN + window_s), length_s, everyone=everyone)
        found = select(pieces.last(), pieces.number, miners)
    assert found == sorted(
        (
            which,
            (end_s - 1) // length_s,
            into_s >= covered_s,
            float(min(into_s, covered_s)),
            power(which, end_s),
        )
        for which, end_s, covered_s in told
        for into_s in [(end_s - 1) % length_s + 1]
        if 0 < end_s <= window_s
    )


@few_examples
@given(told=told_by_two(), window_s=WINDOWS, length_s=LENGTHS, everyone=st.booleans())
def test_those_before_are_found_by_looking_up_edges_as_by_looking_through_all(
    miners: list[Miner], told: Told, window_s: int, length_s: int, everyone: bool
) -> None:
    """And with those in which rows end they are all."""
    with rolled_back():
        store(miners, told)
        pieces = Pieces.between(moment(BEGIN), moment(BEGIN + window_s), length_s, everyone=everyone)
        ends = f"unnest(ARRAY{[*range(length_s, window_s, length_s), window_s]})"
        found = [select(replace(pieces, edges=edges).earlier(), "n", miners) for edges in ("", ends)]
        last = select(pieces.last(), pieces.number, miners)
        everything = select(pieces.all(), "n", miners)
    assert found[0] == found[1]
    assert sorted(found[0] + last) == everything


def store(miners: list[Miner], told: Told) -> None:
    rows = []
    for which, end_s, covered_s in told:
        end = BEGIN + end_s
        rows.append(Row(miners[which].pk, end - covered_s, end, power(which, end_s), 2.0, 50.0, 1, 0))
    store_rows(rows)


def power(which: int, end_s: int) -> float:
    return float(10_000 * (which + 1) + end_s)


def select(sql: str, number: str, miners: list[Miner]) -> list[Piece]:
    """Return the pieces that a query selects, in order."""
    ids = [miner.pk for miner in miners]
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT miner_id, {number}, {VALUES} FROM ({sql}) piece", {"miner_ids": ids})
        return sorted(pieces_of(cursor.fetchall(), ids))


def pieces_of(rows: Iterable[tuple[object, ...]], ids: list[int]) -> Iterable[Piece]:
    for miner_id, n, begins, sec, power_w, *_ in rows:
        yield ids.index(miner_id), n, begins, sec, power_w  # type: ignore[arg-type, misc]
