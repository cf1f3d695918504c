"""What the API refuses, and how it says so."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from hmm.lib.times import EARLIEST, LATEST
from hmm.models import Installation
from metrics.api.errors import BadParameter
from metrics.api.parameters import Paged, stretch
from miners.models import Miner
from tests.factories import TariffFactory
from tests.metrics.api.conftest import NOW, Ask, compute, hourly, results, tell

GOOD = hourly()

REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("type", {"period": "hourly"}),
    ("period", {"type": "energy_cost"}),
    ("type", GOOD | {"type": "energy"}),
    ("type", GOOD | {"type": ""}),
    ("period", GOOD | {"period": "fortnightly"}),
    ("entity_type", GOOD | {"entity_type": "farm"}),
    ("entity_type", GOOD | {"entity_type": ""}),
    ("entity_type", {"type": "reject_rate", "period": "hourly", "entity_type": "site"}),
    ("entity_id", GOOD | {"entity_type": "system", "entity_id": 1}),
    ("entity_id", GOOD | {"entity_id": "bench"}),
    ("entity_id", GOOD | {"entity_id": 0}),
    ("entity_id", GOOD | {"entity_id": 2**31}),
    ("entity_id", GOOD | {"entity_id": ""}),
    *(("limit", GOOD | {"limit": bad}) for bad in ("0", "1001", "-1", "1.0", "ten", "", "1e2", "９")),
    *(
        ("days", GOOD | {"days": bad})
        for bad in ("0", "-1", "1.5", "1.0", "+1", " 1", "1e3", "3661", "9" * 30, "nan", "inf", "1_0", "")
    ),
    ("days", GOOD | {"days": 1, "from": "2025-06-01"}),
    ("days", GOOD | {"days": 1, "to": "2025-06-01"}),
    *(
        ("from", GOOD | {"from": bad})
        for bad in (
            "yesterday",
            "",
            "2025-13-01",
            "2025-06-10T12:00",
            "2025-06-10 12:00:00",
            "20250610",
            "0001-01-01",
            "1999-12-31",
            "2025-06-10T12:00+25:00",
            "2025-06-10\x00",
        )
    ),
    *(("to", GOOD | {"to": bad}) for bad in ("9999-12-31", "2025-06-10T12:00", "1", "2101-01-01")),
    ("to", GOOD | {"from": "2025-06-11", "to": "2025-06-10"}),
    ("to", GOOD | {"from": "2025-06-10T12:00Z", "to": "2025-06-10T12:00Z"}),
    ("cursor", GOOD | {"cursor": "bm90IG9uZQ"}),
    ("cursor", GOOD | {"cursor": ""}),
    ("cursor", GOOD | {"cursor": "é\x00:::"}),
    ("perod", GOOD | {"perod": "daily"}),
    ("from_", GOOD | {"from_": "2025-06-10"}),
    ("period", GOOD | {"period": ["hourly", "daily"]}),
]


@pytest.mark.parametrize(("field", "query"), REFUSED)
def test_bad_parameter_is_422_and_named(ask: Ask, field: str, query: dict[str, Any]) -> None:
    answer = ask(**query)
    assert answer.status_code == 422, answer.content
    problems = answer.json()["detail"]
    assert [problem["loc"] for problem in problems] == [["query", field]]
    assert all(problem["msg"] for problem in problems)


def test_every_bad_parameter_is_named_at_once(ask: Ask) -> None:
    answer = ask(limit=0, days="x")
    assert answer.status_code == 422
    assert {p["loc"][-1] for p in answer.json()["detail"]} == {"type", "period", "limit", "days"}


def test_message_says_what_there_is(ask: Ask) -> None:
    (problem,) = ask(**GOOD | {"type": "energy"}).json()["detail"]
    assert "energy_cost" in problem["msg"]
    (problem,) = ask(**GOOD | {"from": "2025-06-10T12:00"}).json()["detail"]
    assert "offset" in problem["msg"]


@pytest.mark.parametrize("query", [{"limit": 1}, {"limit": 1000}, {"days": 3660}, {"entity_id": 2**31 - 1}])
def test_bounds_themselves_are_taken(ask: Ask, query: dict[str, Any]) -> None:
    assert ask(**GOOD | query).status_code == 200


def test_more_to_compute_than_one_waits_for_is_409_and_names_the_remedy(ask: Ask, miner: Miner) -> None:
    compute(NOW - timedelta(days=6))
    for days in (5, 4, 3, 2, 1):
        tell(miner, NOW - timedelta(days=days), NOW - timedelta(days=days - 1))
    answer = ask(**hourly(days=7))
    assert answer.status_code == 409
    assert "manage.py backfill_metrics --from 2025-06-" in answer.json()["detail"]
    compute()
    assert results(ask(**hourly(days=7)))


@pytest.mark.parametrize(
    ("field", "query"),
    [
        ("tariff", {}),
        ("tariff", {"tariff": "agile"}),
        ("tariff", {"tariff": 424242}),
        ("tariff", {"tariff": 2**31}),
        ("from", {"from": "2025-06-10T12:00"}),
        ("to", {"from": "2025-06-10", "to": "2025-06-09"}),
        ("limit", {"limit": 0}),
        ("cursor", {"cursor": "x"}),
        ("days", {"days": 1}),
    ],
)
def test_prices_refuse_alike(ask: Ask, field: str, query: dict[str, Any]) -> None:
    tariff = {} if field == "tariff" else {"tariff": TariffFactory().pk}
    answer = ask("prices", **tariff, **query)
    assert answer.status_code == 422, answer.content
    assert [problem["loc"] for problem in answer.json()["detail"]] == [["query", field]]


def test_unknown_tariff_is_named(ask: Ask) -> None:
    assert "424242" in ask("prices", tariff=424242).json()["detail"][0]["msg"]


@given(start=st.none() | st.text(max_size=30), end=st.none() | st.text(max_size=30))
def test_whatever_is_written_is_a_stretch_or_a_named_refusal(start: str | None, end: str | None) -> None:
    asked = Paged.model_construct(from_=start, to=end)
    zone = Installation(time_zone="Europe/London").zone
    try:
        found = stretch(asked, zone, default=timedelta(days=1), open_end=NOW, now=NOW)
    except BadParameter as refusal:
        event(refusal.field)
        named = refusal.field in ("from", "to")
    else:
        named = found.start <= found.end
    assert named


@given(
    start=st.datetimes(datetime(2000, 1, 2), datetime(2099, 12, 31)),
    length=st.timedeltas(timedelta(microseconds=1), timedelta(days=400)),
)
def test_instants_are_taken_as_they_are(start: datetime, length: timedelta) -> None:
    low = start.replace(tzinfo=UTC)
    high = min(low + length, LATEST)
    zone = Installation(time_zone="Australia/Lord_Howe").zone
    asked = Paged.model_construct(from_=low.isoformat(), to=high.isoformat())
    found = stretch(asked, zone, default=timedelta(days=1), open_end=NOW, now=NOW)
    assert (found.start, found.end) == (low, high)
    assert found.start >= EARLIEST
