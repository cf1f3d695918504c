"""JSON: one valid document with the API's results in it."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from metrics.exports import exporters
from miners.models import Miner
from tests.metrics.api.conftest import Ask, ask, results, token  # noqa: F401
from tests.metrics.exports.conftest import Export
from tests.metrics.exports.made_up import MadeUp, setting

HOURS = ("--period", "hourly", "--from", "2025-06-11T08:00Z", "--to", "2025-06-11T12:00Z")


def test_results_are_those_of_the_api(export: Export, morning: Miner, ask: Ask) -> None:  # noqa: F811
    document = json.loads(export("json", "--type", "energy_cost", *HOURS))
    query = {
        "type": "energy_cost",
        "period": "hourly",
        "from": "2025-06-11T08:00Z",
        "to": "2025-06-11T12:00Z",
    }
    asked = results(ask(**query))
    assert len(asked) == 12
    assert [_without_name(found) for found in document["results"]] == asked


def test_document_says_what_it_is_of(export: Export, morning: Miner) -> None:
    document = json.loads(export("json", "--type", "hashrate", *HOURS))
    assert (document["time_zone"], document["currency"]) == ("Europe/London", "GBP")
    assert (document["from"], document["to"]) == ("2025-06-11T09:00:00+01:00", "2025-06-11T13:00:00+01:00")
    assert document["exported_at"] == "2025-06-11T13:50:00+01:00"
    assert {(r["entity_type"], r["entity_name"]) for r in document["results"]} == {
        ("miner", "bench"),
        ("site", "Barn"),
        ("system", None),
    }


def test_a_range_without_figures_is_a_document_without_results(export: Export, morning: Miner) -> None:
    document = json.loads(export("json", "--from", "2024-01-01", "--to", "2024-01-02"))
    assert document["results"] == []


@given(name=st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_every_name_comes_back(name: str) -> None:
    document = json.loads("".join(exporters["json"].write(MadeUp(hours=2, setting=setting(name)))))
    assert [result["entity_name"] for result in document["results"]] == [name, name]


def _without_name(result: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in result.items() if key != "entity_name"}
