"""What a request reads of the engine's state, it reads once, and never beyond its end."""

from datetime import timedelta

import pytest
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.test.utils import CaptureQueriesContext

from energy.prices import PricePoint
from hmm.dirty import mark_miners_dirty
from metrics.engine.run import run
from metrics.engine.state import State
from metrics.query import get_metric, metrics_in_range, open_metrics
from metrics.query.reading import OneReadingMiddleware, known_state, one_reading
from miners.models import Miner
from tests.factories import MinerFactory
from tests.metrics.reference import Row
from tests.metrics.store_helpers import NOW, epoch, store_rows

HOUR = timedelta(hours=1)
MIDNIGHT = NOW.replace(hour=0) - HOUR

pytestmark = pytest.mark.django_db


@pytest.fixture
def miner() -> Miner:
    found = MinerFactory()
    store_rows([_row(found, minutes) for minutes in range(-180, 0)])
    run(NOW)
    return found


def _row(miner: Miner, minutes: int) -> Row:
    end_s = epoch("2026-06-01T12:00") + 60 * minutes
    return Row(miner.pk, end_s - 60, end_s, 1000.0, 500.0, 50.0, 1, 0)


def _states_read(work) -> int:  # type: ignore[no-untyped-def]
    with CaptureQueriesContext(connection) as queries:
        work()
    return sum("metrics_kept_state" in query["sql"] for query in queries.captured_queries)


def test_several_figures_of_one_moment_need_one_look_at_the_state(miner: Miner) -> None:
    def figures() -> None:
        metrics_in_range(
            metric_type="energy_cost",
            period="hourly",
            start=NOW - 5 * HOUR,
            end=NOW,
            entity_type="system",
            now=NOW,
        )
        for types in (["uptime"], ["hashrate"]):
            open_metrics(types, period="daily", entity_type="miner", now=NOW)

    def together() -> None:
        with one_reading():
            figures()

    assert _states_read(figures) == 3
    assert _states_read(together) <= 2


def _prices(state: State) -> set[tuple[int, PricePoint]]:
    return {(tariff_id, point) for tariff_id, points in state.valued.prices.items() for point in points}


def test_what_it_tells_is_what_the_database_would(miner: Miner) -> None:
    mark_miners_dirty([miner.pk], NOW - 2 * HOUR, NOW - HOUR)
    mark_miners_dirty([miner.pk], MIDNIGHT, MIDNIGHT + HOUR)
    asked = [
        (NOW, NOW - 3 * HOUR, NOW, NOW - 3 * HOUR),
        (NOW, MIDNIGHT, NOW + 9 * HOUR, MIDNIGHT),
        (NOW, NOW - HOUR, NOW, NOW - HOUR),
        (NOW + HOUR, NOW - 3 * HOUR, NOW, NOW - 3 * HOUR),
    ]
    alone = [known_state(*each) for each in asked]
    with one_reading():
        together = [known_state(*each) for each in asked]
    for state, shared in zip(alone, together, strict=True):
        assert (shared.marks, shared.farm, shared.dirty) == (state.marks, state.farm, state.dirty)
        assert _prices(shared) >= _prices(state)


def test_what_is_computed_within_is_seen_within(miner: Miner) -> None:
    with one_reading():
        before = _kwh(miner)
        store_rows([_row(miner, minutes) for minutes in range(-200, -190)])
        with one_reading():  # the next request
            assert _kwh(miner) == pytest.approx(before + 10 / 60)
            assert known_state(NOW, NOW - 5 * HOUR, NOW, NOW - 5 * HOUR).dirty == []
            assert _kwh(miner) == pytest.approx(before + 10 / 60)


def _kwh(miner: Miner) -> float:
    row = get_metric(
        metric_type="energy_cost",
        entity_type="miner",
        entity_id=miner.pk,
        period="hourly",
        timestamp=NOW - 4 * HOUR,
        now=NOW,
    )
    return float(row.value_json["kwh"]) if row else 0.0


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_only_a_request_that_reads_has_one_and_it_ends_with_it(miner: Miner, method: str) -> None:
    looked = []

    def view(request: HttpRequest) -> HttpResponse:
        for _ in range(2):
            looked.append(
                _states_read(lambda: open_metrics(["uptime"], period="daily", entity_type="miner", now=NOW))
            )
        raise ValueError("the view fails")

    request = HttpRequest()
    request.method = method
    with pytest.raises(ValueError, match="the view fails"):
        OneReadingMiddleware(view)(request)
    assert looked == ([1, 1] if method == "POST" else [1, 0])
    assert _states_read(lambda: open_metrics(["uptime"], period="daily", entity_type="miner", now=NOW)) == 1
