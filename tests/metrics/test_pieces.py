"""Pieces of telemetry, asked for in the quick way of few stretches and in that of any."""

from dataclasses import replace
from typing import Any

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
COLUMNS = "miner_id, n, begins, sec, power_w, hashrate_ghs, temperature_c, accepted, rejected"


@pytest.fixture
def miners() -> list[Miner]:
    return [MinerFactory(), MinerFactory()]


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(
    told=st.sets(
        st.tuples(
            st.integers(0, 1),
            st.integers(1, 4000)
            | st.sampled_from([NEAR_S, NEAR_S + 1, 1800, 1801, 1800 + NEAR_S, 3600, 3601]),
            st.integers(1, 2400) | st.sampled_from([NEAR_S, NEAR_S + 1]),
        ),
        min_size=4,
        max_size=30,
    ),
    window_s=st.sampled_from([900, 1500, 3000, 3600]),
    length_s=st.sampled_from([1800, 3600]),
)
def test_what_lies_in_the_stretch_that_a_row_ends_in(
    miners: list[Miner], told: set[tuple[int, int, int]], window_s: int, length_s: int
) -> None:
    with rolled_back():
        store_rows(
            [
                Row(miners[which].pk, BEGIN + end_s - covered_s, BEGIN + end_s, float(end_s), 2.0, 50.0, 1, 0)
                for (which, end_s), covered_s in {(a, b): c for a, b, c in sorted(told)}.items()
            ]
        )
        quick = Pieces.between(moment(BEGIN), moment(BEGIN + window_s), length_s)
        assert quick.edges_s
        found = pieces_of(quick, miners)
        assert found == pieces_of(replace(quick, edges="", edges_s=()), miners)


def pieces_of(pieces: Pieces, miners: list[Miner]) -> list[tuple[Any, ...]]:
    """Every last piece, in order."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {COLUMNS} FROM ({pieces.last()}) piece ORDER BY {COLUMNS}",
            {"miner_ids": [miner.pk for miner in miners]},
        )
        return cursor.fetchall()
