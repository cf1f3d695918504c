"""What analytics offers can be: whatever is asked, what is made to fit is never refused."""

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hmm.lib.buckets import PERIODS
from metrics.analytics.asked import EARLIEST_DAY, VIEWS, Asked, wrong_with
from metrics.analytics.fitting import KINDS, figures, fitted, kinds_of_view
from metrics.analytics.whom import ALL, Whom
from metrics.query import described_types

DAYS = st.dates(EARLIEST_DAY, date(2099, 12, 31))


def whom(kind: str) -> Whom:
    return Whom("system", None, ALL) if kind == "system" else Whom(kind, 1, f"{kind} 1")


def all_figures() -> list[tuple[str, str]]:
    return [
        (described.name, key.key)
        for described in described_types()
        for key in described.keys
        if described.entities[0] in key.formula
    ]


@pytest.mark.django_db
@settings(max_examples=60)
@given(st.data(), DAYS, st.integers(-3, 3000))
def test_what_is_made_to_fit_is_never_refused(data: st.DataObject, first: date, days: int) -> None:
    metric_type, key = data.draw(st.sampled_from(all_figures()))
    asked = Asked(
        data.draw(st.sampled_from(sorted(VIEWS))),
        metric_type,
        key,
        tuple(map(whom, data.draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=4)))),
        data.draw(st.sampled_from(PERIODS)),
        first,
        min(first + timedelta(days=days), date(2099, 12, 31)),
        False,
        ZoneInfo("Europe/London"),
    )
    found = fitted(asked, "GBP")
    assert list(wrong_with(found, "GBP")) == []
    assert found.view == asked.view
    if not list(wrong_with(asked, "GBP")):
        assert found == asked


@pytest.mark.django_db
@pytest.mark.parametrize("kind", KINDS)
def test_the_figures_that_are_offered_are_had_and_named_once(kind: str) -> None:
    day = date(2026, 6, 1)
    asked = Asked(
        "series", "hashrate", "avg", (whom(kind),), "daily", day, day, False, ZoneInfo("Europe/London")
    )
    found = [value for _, keys in figures(asked, "GBP") for value, _ in keys]
    assert len(found) == len(set(found)) > 0
    assert ("pool_health.health_score" in found) == (kind == "pool")
    assert ("energy_cost.miner_count" in found) == (kind in ("site", "system"))
    assert "energy_cost.total_kwh" not in found
    assert kinds_of_view(asked, "GBP") == ["system", "site", "miner"]
