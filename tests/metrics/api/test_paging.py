"""Cursors: all pages together are exactly the answer without pages, whatever happens meanwhile."""

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import chain

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from miners.models import Miner, Site
from tests.factories import MinerFactory
from tests.metrics.api.conftest import NOW, Ask, compute, hourly, results, tell, walk

HOUR = timedelta(hours=1)


@pytest.fixture
def fleet(site: Site) -> list[Miner]:
    """Three miners that have hashed for six hours, up to now."""
    miners = [MinerFactory(site=site) for _ in range(3)]
    for miner in miners:
        tell(miner, NOW - 6 * HOUR, NOW)
    compute()
    return miners


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(limit=st.integers(1, 45), entity_type=st.sampled_from([None, "miner", "site", "system"]))
def test_pages_are_the_whole(ask: Ask, fleet: list[Miner], limit: int, entity_type: str | None) -> None:
    query = hourly() if entity_type is None else hourly(entity_type=entity_type)
    whole = results(ask(limit=1000, **query))
    pages = walk(ask, "metrics", limit=limit, **query)
    assert list(chain.from_iterable(pages)) == whole
    assert all(len(page) == limit for page in pages[:-1])
    assert pages[-1]


def test_page_that_ends_with_the_last_row_is_the_last(ask: Ask, fleet: list[Miner]) -> None:
    whole = results(ask(**hourly()))
    assert ask(limit=len(whole), **hourly()).json()["next"] is None
    assert ask(limit=len(whole) - 1, **hourly()).json()["next"] is not None


def test_rows_added_behind_the_cursor_move_nothing(ask: Ask, fleet: list[Miner], site: Site) -> None:
    query = hourly(limit=7)
    first = ask(**query).json()
    late = MinerFactory(site=site)
    tell(late, NOW - 6 * HOUR, NOW - 5 * HOUR)
    compute()
    ahead = [
        row
        for row in results(ask(**hourly(limit=1000)))
        if row["timestamp"] > first["results"][-1]["timestamp"]
    ]
    rest = _rest(ask, first["next"], query)
    assert [row for row in rest if row["timestamp"] > first["results"][-1]["timestamp"]] == ahead
    seen = [_key(row) for row in [*first["results"], *rest]]
    assert len(seen) == len(set(seen))


def test_last_n_days_stay_what_they_were_when_the_first_page_was_read(
    ask: Ask, fleet: list[Miner], set_clock: Callable[[datetime], None]
) -> None:
    whole = [_key(row) for row in results(ask(limit=1000, **hourly(days=1)))]
    first = ask(**hourly(days=1, limit=5)).json()
    later = NOW + 3 * HOUR
    for miner in fleet:
        tell(miner, NOW, later, now=later)
    set_clock(later)
    rest = _rest(ask, first["next"], hourly(days=1, limit=5))
    assert [_key(row) for row in [*first["results"], *rest]] == whole


def test_size_of_pages_may_change_on_the_way(ask: Ask, fleet: list[Miner]) -> None:
    first = ask(limit=4, **hourly()).json()
    rest = results(ask(limit=1000, cursor=first["next"], **hourly()))
    assert [*first["results"], *rest] == results(ask(**hourly()))


@pytest.mark.parametrize(
    "other",
    [
        hourly(entity_type="miner"),
        hourly(days=2),
        hourly(type="hashrate"),
        hourly(period="slot"),
        hourly(**{"from": "2025-06-11"}),
    ],
)
def test_cursor_of_another_query_is_refused(ask: Ask, fleet: list[Miner], other: dict[str, str]) -> None:
    cursor = ask(limit=1, **hourly()).json()["next"]
    answer = ask(cursor=cursor, **other)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["query", "cursor"]


def test_cursor_that_was_tampered_with_is_refused(ask: Ask, fleet: list[Miner]) -> None:
    cursor = ask(limit=1, **hourly()).json()["next"]
    bent = ("A" if cursor[0] != "A" else "B") + cursor[1:]
    assert ask(cursor=bent, **hourly()).status_code == 422


def _rest(ask: Ask, cursor: str, query: dict[str, object]) -> list[dict[str, object]]:
    rest: list[dict[str, object]] = []
    while cursor:
        answer = ask(cursor=cursor, **query)
        rest += results(answer)
        cursor = answer.json()["next"]
    return rest


def _key(row: dict[str, object]) -> tuple[object, object, object]:
    return row["timestamp"], row["entity_type"], row["entity_id"]
