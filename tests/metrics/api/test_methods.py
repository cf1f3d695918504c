"""HEAD is GET without a body; whatever else an address does not take, it refuses in the API's own shape."""

from typing import Any

import pytest
from django.test import Client

from metrics.api.methods import answering_methods
from metrics.models.token import create_token
from miners.models import Miner
from tests.factories import TariffFactory
from tests.metrics.api.conftest import NOW, compute, hourly, tell

READ = "GET, HEAD"


@pytest.fixture
def reading(token: str) -> dict[str, Any]:
    return {"Authorization": f"Bearer {token}"}


def test_head_is_answered_as_get_without_a_body(
    client: Client, reading: dict[str, Any], miner: Miner
) -> None:
    tell(miner, NOW.replace(hour=10), NOW.replace(hour=12))
    compute()
    for address, query in (
        ("metrics", hourly(to="2025-06-11T11:00Z")),
        ("metrics", {"type": "no such"}),
        ("metrics/latest", {"type": "hashrate", "period": "weekly"}),
        ("metrics/types", {}),
        ("prices", {"tariff": TariffFactory().pk}),
        ("openapi.json", {}),
        ("docs", {}),
    ):
        got = client.get(f"/api/{address}", query, headers=reading)
        headed = client.head(f"/api/{address}", query, headers=reading)
        assert (headed.status_code, headed.content) == (got.status_code, b""), address
        assert got.content
        if "ETag" in got and "next" in got.json():
            assert headed["ETag"] == got["ETag"]
    assert client.head("/api/metrics/types").status_code == 401


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        *(
            (name, READ)
            for name in ("metrics", "metrics/latest", "metrics/types", "prices", "docs", "openapi.json")
        ),
        ("telemetry", "POST"),
    ],
)
def test_what_an_address_does_not_take_is_405_with_what_it_does(
    reading: dict[str, Any], address: str, allowed: str
) -> None:
    refused = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} - set(allowed.split(", "))
    for method in sorted(refused):
        answer = Client(enforce_csrf_checks=True).generic(method, f"/api/{address}", headers=reading)
        assert (answer.status_code, answer["Allow"]) == (405, allowed), method
        assert answer["Content-Type"] == "application/json"
        if method != "HEAD":
            assert answer.json() == {"detail": f"{method} is not allowed here; there is: {allowed}"}


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["", "nothing", "metrics/", "metrics/types/more"])
def test_what_is_no_address_is_404_in_the_same_shape(client: Client, address: str) -> None:
    for answer in (client.get(f"/api/{address}"), client.post(f"/api/{address}")):
        assert answer.status_code == 404
        assert f"no address /api/{address} here" in answer.json()["detail"]


def test_a_view_that_fails_leaves_the_method_as_it_was(rf: Any) -> None:
    def failing(request: Any) -> Any:
        assert request.method == "GET"
        raise ZeroDivisionError

    request = rf.head("/api/metrics")
    with pytest.raises(ZeroDivisionError):
        answering_methods(failing)(request)
    assert request.method == "HEAD"


@pytest.mark.django_db
def test_telemetry_takes_post_alone_and_judges_its_token(client: Client, reading: dict[str, Any]) -> None:
    assert (
        client.post("/api/telemetry", b"{}", content_type="application/json", headers=reading).status_code
        == 403
    )
    pushing = {"Authorization": f"Bearer {create_token('a relay', 'ingest')}"}
    answer = client.post("/api/telemetry", b"{}", content_type="application/json", headers=pushing)
    assert answer.status_code == 200
