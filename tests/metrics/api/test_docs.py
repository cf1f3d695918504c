"""The OpenAPI description, and its page in a real browser under the strict Content-Security-Policy."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.test import Client
from playwright.sync_api import Page, expect

from tests.factories import UserFactory
from tests.metrics.api.conftest import Ask


def test_description_names_addresses_parameters_and_refusals(ask: Ask) -> None:
    described = ask("openapi.json").json()
    assert set(described["paths"]) == {
        *("/api/metrics", "/api/metrics/latest", "/api/metrics/types", "/api/prices", "/api/telemetry"),
    }
    metrics = described["paths"]["/api/metrics"]["get"]
    assert metrics["operationId"] == "metrics"
    parameters = {p["name"]: p for p in metrics["parameters"]}
    assert set(parameters) == {
        *("type", "period", "days", "from", "to", "entity_type", "entity_id", "limit", "cursor"),
    }
    assert {name for name, p in parameters.items() if p["required"]} == {"type", "period"}
    assert "energy_cost" in parameters["type"]["schema"]["enum"]
    assert set(metrics["responses"]) == {"200", "401", "403", "409", "422", "503"}
    assert {"http", "apiKey"} == {s["type"] for s in described["components"]["securitySchemes"].values()}


def test_docs_send_a_stranger_to_the_login_and_back(client: Client, db: None) -> None:
    answer = client.get("/api/docs", headers={"Accept": "text/html,*/*"})
    assert (answer.status_code, answer["Location"]) == (302, "/login/?next=/api/docs")


def test_docs_come_from_this_server_alone(client: Client, db: None) -> None:
    client.force_login(UserFactory())
    answer = client.get("/api/docs")
    assert answer.status_code == 200
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    assert "unsafe" not in answer["Content-Security-Policy"]
    assert b"//cdn" not in answer.content


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_docs_page_asks_the_api_without_a_console_error(
    set_clock: Callable[[datetime], None], live_server: object, page: Page, client: Client
) -> None:
    set_clock(datetime.now(UTC))  # the browser's own says whether a cookie has expired
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    client.force_login(UserFactory())
    session = client.cookies["sessionid"].value
    page.context.add_cookies([{"name": "sessionid", "value": session, "url": str(live_server)}])
    page.goto(f"{live_server}/api/docs")
    page.get_by_role("button", name="get /api/metrics", exact=False).first.click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()
    answer = page.locator(".live-responses-table tbody .response-col_status").first
    expect(answer).to_contain_text("200")
    assert said == []
