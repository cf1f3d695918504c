"""The dashboard's queries against what HMM really says, and the Infinity recipe against the real API."""

import json
import re
import subprocess
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import requests
from django.conf import settings
from django.test import Client
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from pytest_django.live_server_helper import LiveServer

from metrics.engine.run import run
from metrics.models.token import create_token
from miners.models import Miner
from tests.factories import UserFactory
from tests.metrics.exports.conftest import NOW, Export

DOCS = Path(settings.BASE_DIR) / "docs"
VARIABLES = {
    "$miner": ".*",
    "${__from:date:iso}": "2025-06-11T08:00:00.000Z",
    "${__to:date:iso}": "2025-06-11T12:00:00.000Z",
}


def dashboard() -> dict[str, Any]:
    """Return the dashboard that Grafana imports."""
    found: dict[str, Any] = json.loads((DOCS / "grafana/hmm-dashboard.json").read_text())
    return found


def expressions() -> list[str]:
    """Return every query of the dashboard as Prometheus gets it."""
    targets = [target for panel in dashboard()["panels"] for target in panel.get("targets", [])]
    return [_filled_in(target["expr"]) for target in targets]


def test_every_series_of_the_dashboard_is_one_that_hmm_has(
    client: Client, export: Export, morning: Miner
) -> None:
    client.force_login(UserFactory())
    scraped = client.get("/metrics", headers={"Accept": "application/openmetrics-text"}).content.decode()
    run(NOW.replace(day=13))
    names = {name for text in (scraped, export("prometheus")) for name in _names(text)}
    used = {name for expression in expressions() for name in re.findall(r"hmm_\w+", expression)}
    assert len(used) > 15
    for name in used:
        assert name in names or (name.endswith("_") and any(n.startswith(name) for n in names)), name


def test_prometheus_takes_every_query_and_every_rule(promtool: str, tmp_path: Path) -> None:
    rules = [{"record": f"panel:{n}", "expr": expression} for n, expression in enumerate(expressions())]
    (tmp_path / "panels.yml").write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}))
    (tmp_path / "rules.yml").write_text(_block("yaml", containing="groups:"))
    files = [tmp_path / "panels.yml", tmp_path / "rules.yml"]
    done = subprocess.run([promtool, "check", "rules", *files], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + done.stdout


def test_prometheus_takes_the_scrape_configuration(promtool: str, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("a token")
    text = _block("yaml", containing="scrape_configs:").replace("/etc/prometheus/hmm-token", "token")
    (tmp_path / "prometheus.yml").write_text(text)
    check = [promtool, "check", "config", tmp_path / "prometheus.yml"]
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + done.stdout


def test_panels_are_apart_and_ask_the_chosen_data_source() -> None:
    panels = dashboard()["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    for one, other in combinations([panel["gridPos"] for panel in panels], 2):
        assert _are_apart(one, other)
    for panel in panels:
        for source in [panel, *panel.get("targets", [])] if panel["type"] != "row" else []:
            assert source["datasource"] == {"type": "prometheus", "uid": "${datasource}"}


@pytest.mark.django_db(transaction=True)
def test_the_infinity_recipe_reads_the_api(live_server: LiveServer, morning: Miner) -> None:
    query = json.loads(_filled_in(_block("json", containing="root_selector")))
    answer = requests.request(
        query["url_options"]["method"],
        live_server.url + query["url"],
        params={pair["key"]: pair["value"] for pair in query["url_options"]["params"]},
        headers={"Authorization": f"Bearer {create_token('grafana')}"},
        timeout=30,
    )
    assert answer.status_code == 200, answer.text
    frame = [
        {column["text"]: _selected(found, column["selector"]) for column in query["columns"]}
        for found in _selected(answer.json(), query["root_selector"])
    ]
    assert frame == [
        {
            "Time": f"2025-06-11T{hour:02}:00:00+01:00",
            "Miner": morning.pk,
            "Energy (kWh)": pytest.approx(3.0),
            "Cost (£)": pytest.approx(0.6),
            "Coverage": pytest.approx(1.0),
        }
        for hour in (9, 10, 11, 12)
    ]


def _filled_in(text: str) -> str:
    for name, value in VARIABLES.items():
        text = text.replace(name, value)
    assert "$" not in text
    return text


def _names(text: str) -> set[str]:
    return {sample for family in parse_openmetrics(text) for sample in _names_of(family)}


def _names_of(family: Any) -> set[str]:
    suffix = {"counter": "_total", "info": "_info"}.get(family.type, "")
    return {family.name + suffix}


def _block(language: str, *, containing: str) -> str:
    blocks = re.findall(rf"```{language}\n(.*?)```", (DOCS / "exports.md").read_text(), re.DOTALL)
    (found,) = [block for block in blocks if containing in block]
    return str(found)


def _are_apart(one: dict[str, int], other: dict[str, int]) -> bool:
    return (
        one["x"] + one["w"] <= other["x"]
        or other["x"] + other["w"] <= one["x"]
        or one["y"] + one["h"] <= other["y"]
        or other["y"] + other["h"] <= one["y"]
    )


def _selected(found: Any, selector: str) -> Any:
    """Follow a selector as Infinity does: keys, with dots between."""
    for key in selector.split("."):
        found = found[key]
    return found
