"""POST /api/telemetry: who may, what is answered, and that the API's own description is true of it."""

import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from metrics.models import ApiToken
from metrics.models.token import create_token
from miners.models import Miner, MinerState, SetAside, Telemetry
from miners.push import body
from tests.factories import UserFactory
from tests.metrics.api.conftest import NOW, hourly

PATH = "/api/telemetry"
ROW = {
    "miner": "bench",
    "timestamp": "2025-06-11T13:50:00+01:00",
    "power_w": 15.0,
    "hashrate_ghs": 1200.0,
    "temperature_c": None,
    "fan_rpm": None,
    "accepted": 3,
    "rejected": 0,
}
Push = Callable[..., HttpResponse]


@pytest.fixture
def push(client: Client, db: None) -> Push:
    secret = create_token("a relay", "ingest")

    def post(sent: Any, **headers: str) -> HttpResponse:
        sent = sent if isinstance(sent, bytes) else json.dumps(sent).encode()
        given = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"} | headers
        return client.generic("POST", PATH, sent, content_type=given.pop("Content-Type"), headers=given)

    return post


def test_rows_are_stored_and_each_is_told(push: Push, miner: Miner) -> None:
    answer = push([ROW, ROW, ROW | {"power_w": 16.0}, ROW | {"miner": "nobody"}])
    assert answer.status_code == 200
    body = answer.json()
    assert {name: body[name] for name in ("stored", "repeated", "conflicting", "refused")} == {
        "stored": 1,
        "repeated": 1,
        "conflicting": 1,
        "refused": 1,
    }
    assert [(row["row"], row["verdict"]) for row in body["rows"]] == [
        *((1, "stored"), (2, "repeated"), (3, "conflicting"), (4, "refused")),
    ]
    assert body["rows"][3]["reason"] == "no miner is called 'nobody'"
    assert Telemetry.objects.get().timestamp == NOW
    assert SetAside.objects.count() == 2
    miner.refresh_from_db()
    assert miner.state == MinerState.ONLINE


@pytest.mark.parametrize("kind", ["application/x-ndjson", "application/jsonl; charset=utf-8"])
def test_lines_may_be_sent_and_zipped(push: Push, miner: Miner, kind: str) -> None:
    lines = json.dumps(ROW).encode() + b"\n\n{\n"
    answer = push(gzip.compress(lines), **{"Content-Type": kind, "Content-Encoding": "gzip"})
    assert [(row["row"], row["verdict"]) for row in answer.json()["rows"]] == [(1, "stored"), (3, "refused")]


def test_nothing_to_store_is_an_answer_too(push: Push) -> None:
    assert push([]).json() == {"stored": 0, "repeated": 0, "conflicting": 0, "refused": 0, "rows": []}


def test_a_token_to_read_cannot_push_and_a_token_to_push_cannot_read(
    client: Client, token: str, push: Push, miner: Miner
) -> None:
    answer = push([ROW], Authorization=f"Bearer {token}")
    assert answer.status_code == 403
    assert answer.json()["detail"] == "this token is to read figures, not to push telemetry"
    assert not Telemetry.objects.exists()
    headers = {"Authorization": f"Bearer {create_token('another relay', 'ingest')}"}
    for path in ("/api/metrics", "/api/prices", "/api/openapi.json", "/metrics"):
        answer = client.get(path, hourly(), headers=headers)
        assert answer.status_code == 403, path
        assert answer.json()["detail"] == "this token is to push telemetry, not to read figures"
    assert ApiToken.objects.get(name="another relay").last_used_at is None


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer nonsense", "Basic YWRtaW46YWRtaW4="])
def test_without_a_good_token_401(push: Push, authorization: str) -> None:
    answer = push([ROW], Authorization=authorization)
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == "Bearer"


def test_a_revoked_token_pushes_no_more(push: Push) -> None:
    ApiToken.objects.update(revoked_at=NOW)
    assert push([ROW]).status_code == 401


def test_who_is_logged_in_cannot_push_by_that(client: Client, db: None) -> None:
    """Another site's form in the same browser could."""
    client.force_login(UserFactory())
    assert client.post(PATH, [ROW], content_type="application/json").status_code == 401


def test_it_is_not_read(push: Push, client: Client, token: str) -> None:
    assert client.get(PATH, headers={"Authorization": f"Bearer {token}"}).status_code == 405


@pytest.mark.parametrize(
    ("sent", "headers", "status"),
    [
        (b"miner=bench", {"Content-Type": "application/x-www-form-urlencoded"}, 415),
        (b"[]", {"Content-Encoding": "br"}, 415),
        (b"[]", {"Content-Encoding": "gzip"}, 422),
        (b"[", {}, 422),
        (b" " * (body.MAX_BODY_BYTES + 1), {}, 413),
        (gzip.compress(b" " * (body.MAX_INFLATED_BYTES + 1), mtime=0), {"Content-Encoding": "gzip"}, 413),
        (b"[" + b"{}," * body.MAX_ROWS + b"{}]", {}, 413),
        (b"[]", {"Transfer-Encoding": "chunked"}, 411),
    ],
)
def test_what_is_refused_whole(push: Push, sent: bytes, headers: dict[str, str], status: int) -> None:
    answer = push(sent, **headers)
    assert answer.status_code == status
    detail = answer.json()["detail"]
    assert [problem["loc"] for problem in detail] == [["body"]] if status == 422 else isinstance(detail, str)
    assert answer.headers.get("Accept-Encoding") == ("gzip" if status == 415 else None)
    assert not SetAside.objects.exists()


def test_a_parameter_is_refused_by_name(client: Client, db: None) -> None:
    headers = {"Authorization": f"Bearer {create_token('a relay', 'ingest')}"}
    answer = client.generic("POST", f"{PATH}?site=1", b"[]", content_type="application/json", headers=headers)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["query", "site"]


def test_it_is_described(client: Client, token: str) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    described = client.get("/api/openapi.json", headers=headers).json()["paths"][PATH]["post"]
    assert described["operationId"] == "push_telemetry"
    assert set(described["responses"]) == {"200", "401", "403", "411", "413", "415", "422", "503"}
    content = described["requestBody"]["content"]
    assert set(content) == {"application/json", "application/x-ndjson"}
    one = content["application/json"]["schema"]["oneOf"][0]
    assert set(ROW) <= set(one["properties"])
    assert "covered_s" not in one["required"]
