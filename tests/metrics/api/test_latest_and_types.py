"""GET /api/metrics/latest, GET /api/metrics/types, and entity tags."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from miners.models import Miner, Site
from tests.factories import MinerFactory
from tests.metrics.api.conftest import NOW, Ask, compute, hourly, price, results, tell, walk

HOUR = timedelta(hours=1)
CLOSED = hourly(**{"from": "2025-06-11", "to": "2025-06-11T11:00Z"})


@pytest.fixture
def fleet(site: Site) -> list[Miner]:
    miners = [MinerFactory(site=site) for _ in range(3)]
    for miner in miners:
        tell(miner, NOW - 6 * HOUR, NOW)
    compute()
    return miners


def again(client: Client, token: str, tag: str, **query: Any) -> Any:
    headers = {"Authorization": f"Bearer {token}", "If-None-Match": tag}
    return client.get("/api/metrics", query, headers=headers)


def test_latest_is_the_last_closed_period_and_the_open_one(ask: Ask, fleet: list[Miner]) -> None:
    one = {"entity_type": "miner", "entity_id": fleet[0].pk}
    found = results(ask("metrics/latest", type="energy_cost", period="hourly", **one))
    assert [(r["timestamp"], r["source"]) for r in found] == [
        ("2025-06-11T12:00:00+01:00", "store"),
        ("2025-06-11T13:00:00+01:00", "live"),
    ]
    assert found == results(ask("metrics/latest", type="energy_cost", **one))
    days = results(ask("metrics/latest", type="energy_cost", period="daily", entity_type="system"))
    assert [(r["timestamp"], r["source"]) for r in days] == [("2025-06-11T00:00:00+01:00", "live")]


def test_pages_of_the_latest_are_the_whole(
    ask: Ask, fleet: list[Miner], set_clock: Callable[[datetime], None]
) -> None:
    query = {"type": "energy_cost", "period": "hourly"}
    whole = results(ask("metrics/latest", **query))
    assert len(whole) == 10
    assert [r for page in walk(ask, "metrics/latest", limit=3, **query) for r in page] == whole
    cursor = ask("metrics/latest", limit=1, **query).json()["next"]
    assert ask(cursor=cursor, **query).status_code == 422  # it belongs to another address
    set_clock(NOW + 2 * HOUR)
    rest = results(ask("metrics/latest", limit=1000, cursor=cursor, **query))
    assert [r["timestamp"] for r in rest] == [r["timestamp"] for r in whole[1:]]


@pytest.mark.parametrize(
    ("field", "query"),
    [
        ("type", {}),
        ("type", {"type": "watts"}),
        ("period", {"type": "hashrate", "period": "yearly"}),
        ("entity_type", {"type": "hashrate", "entity_type": "rack"}),
        ("entity_id", {"type": "hashrate", "entity_type": "system", "entity_id": 1}),
        ("limit", {"type": "hashrate", "limit": 0}),
        ("cursor", {"type": "hashrate", "cursor": "x"}),
        ("days", {"type": "hashrate", "days": 1}),
    ],
)
def test_latest_refuses_alike(ask: Ask, field: str, query: dict[str, Any]) -> None:
    answer = ask("metrics/latest", **query)
    assert answer.status_code == 422, answer.content
    assert [problem["loc"] for problem in answer.json()["detail"]] == [["query", field]]


def test_types_say_what_each_key_is(ask: Ask, db: None) -> None:
    found = {each["name"]: each for each in results(ask("metrics/types"))}
    assert list(found) == sorted(found)
    assert {"energy_cost", "hashrate", "temperature", "reject_rate", "uptime", "efficiency"} <= set(found)
    assert (found["hashrate"]["unit"], found["reject_rate"]["entities"]) == (
        "GH/s",
        ["miner", "pool", "system"],
    )
    keys = {key["key"]: key for key in found["energy_cost"]["keys"]}
    assert keys["total_kwh"]["kind"] == "total"
    assert set(keys["total_kwh"]["formula"]) == {"site", "system"}
    assert keys["avg_price_pence"]["kind"] == "mean"
    assert keys["coverage"]["formula"]["miner"]
    temperature = {key["key"]: key["kind"] for key in found["temperature"]["keys"]}
    assert (temperature["max"], temperature["avg"], temperature["unit"]) == ("extreme", "mean", "word")


def test_types_are_the_keys_of_the_answers(ask: Ask, fleet: list[Miner]) -> None:
    for described in results(ask("metrics/types")):
        for row in results(ask(**CLOSED | {"type": described["name"]})):
            told = {key["key"] for key in described["keys"] if row["entity_type"] in key["formula"]}
            assert set(row["value_json"]) == told


@pytest.mark.parametrize("address", ["metrics/types", "metrics/latest"])
def test_nobody_reads_without_a_token(client: Client, db: None, address: str) -> None:
    assert client.get(f"/api/{address}", {"type": "hashrate"}).status_code == 401


def test_unknown_parameters_of_types_are_refused(ask: Ask, db: None) -> None:
    assert ask("metrics/types", type="hashrate").status_code == 422


def test_closed_periods_keep_their_tag_until_they_are_computed_anew(
    ask: Ask,
    client: Client,
    token: str,
    fleet: list[Miner],
    site: Site,
    set_clock: Callable[[datetime], None],
) -> None:
    first = ask(**CLOSED)
    assert first["ETag"].startswith('W/"')
    assert first["Cache-Control"] == "private, no-cache"
    set_clock(NOW + timedelta(minutes=1))
    unchanged = again(client, token, first["ETag"], **CLOSED)
    assert (unchanged.status_code, unchanged.content, unchanged["ETag"]) == (304, b"", first["ETag"])
    price(site, NOW - 6 * HOUR - timedelta(minutes=20), NOW)
    tell(MinerFactory(site=site), NOW - 3 * HOUR, NOW - 2 * HOUR)
    changed = again(client, token, first["ETag"], **CLOSED)
    assert changed.status_code == 200
    assert changed["ETag"] != first["ETag"]


def test_an_answer_with_the_open_period_is_new_each_time(
    ask: Ask, client: Client, token: str, fleet: list[Miner], set_clock: Callable[[datetime], None]
) -> None:
    tag = ask(**hourly())["ETag"]
    set_clock(NOW + timedelta(seconds=1))
    assert again(client, token, tag, **hourly()).status_code == 200


def test_a_page_keeps_its_tag_though_its_cursor_is_signed_anew(
    ask: Ask, client: Client, token: str, fleet: list[Miner], set_clock: Callable[[datetime], None]
) -> None:
    first = ask(limit=4, **CLOSED)
    assert first.json()["next"]
    set_clock(NOW + timedelta(minutes=1))
    assert again(client, token, first["ETag"], limit=4, **CLOSED).status_code == 304
    assert again(client, token, first["ETag"], limit=5, **CLOSED).status_code == 200


def test_the_last_page_and_one_with_more_behind_it_differ(ask: Ask, fleet: list[Miner]) -> None:
    rows = len(results(ask(**CLOSED)))
    assert ask(limit=rows, **CLOSED)["ETag"] == ask(**CLOSED)["ETag"]
    fewer = CLOSED | {"to": "2025-06-11T10:00Z"}
    shorter = len(results(ask(**fewer)))
    assert ask(limit=shorter, **CLOSED).json()["results"] == ask(**fewer).json()["results"]
    assert ask(limit=shorter, **CLOSED)["ETag"] != ask(**fewer)["ETag"]


def test_a_tag_opens_nothing(client: Client, ask: Ask, fleet: list[Miner]) -> None:
    tag = ask(**CLOSED)["ETag"]
    assert client.get("/api/metrics", CLOSED, headers={"If-None-Match": tag}).status_code == 401
