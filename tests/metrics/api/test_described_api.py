"""The API holds what its OpenAPI description says, whatever it is sent."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.test import Client
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from hmm.wsgi import application
from metrics.models.token import create_token
from miners.models import Miner

CHECKS = (not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance)


@pytest.fixture(autouse=True)
def _one_connection() -> Iterator[None]:
    """Each request closes its connection when it has ended, as Django's own test client does not: with it the test's."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/metrics"),
        ("GET", "/api/metrics/latest"),
        ("GET", "/api/metrics/types"),
        ("GET", "/api/prices"),
        ("POST", "/api/telemetry"),
    ],
)
def test_the_api_is_as_it_is_described(method: str, path: str, miner: Miner, token: str) -> None:
    reading = {"Authorization": f"Bearer {token}", "Host": "localhost"}
    pushing = reading | {"Authorization": f"Bearer {create_token('a relay', 'ingest')}"}
    schema = schemathesis.openapi.from_wsgi("/api/openapi.json", application, headers=reading)

    @given(schema[path][method].as_strategy())
    @settings(max_examples=60, suppress_health_check=list(HealthCheck), database=None)
    def try_out(case: Any) -> None:
        case.call_and_validate(headers=pushing if method == "POST" else reading, checks=CHECKS)

    try_out()


def test_bounds_and_words_of_parameters_are_described_in_words_of_json_schema(
    client: Client, token: str
) -> None:
    reading = {"authorization": f"Bearer {token}"}
    described = client.get("/api/openapi.json", headers=reading).json()
    for path, names in (
        ("/api/metrics", {"limit": 1000, "days": 3660, "entity_id": 2**31 - 1}),
        ("/api/metrics/latest", {"limit": 1000, "entity_id": 2**31 - 1}),
        ("/api/prices", {"limit": 1000, "tariff": 2**31 - 1}),
    ):
        operation = described["paths"][path]["get"]
        schemas = {each["name"]: each["schema"] for each in operation["parameters"]}
        for name, most in names.items():
            number = schemas[name].get("anyOf", [schemas[name]])[0]
            assert (number["minimum"], number["maximum"]) == (1, most)
            assert not {"ge", "le"} & set(number)
        assert operation["responses"]["503"]
    metrics = described["paths"]["/api/metrics"]["get"]["parameters"]
    entities = next(each["schema"] for each in metrics if each["name"] == "entity_type")
    assert entities["anyOf"][0]["enum"] == ["miner", "pool", "site", "system"]
