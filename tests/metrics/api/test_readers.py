"""Who may read: programs with a token, people who are logged in, and nobody else."""

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.test import Client

from metrics.models import ApiToken
from metrics.models.token import NameTaken, create_token
from tests.factories import PASSWORD, TariffFactory, UserFactory
from tests.metrics.api.conftest import NOW, Ask, hourly

ADDRESSES = ["/api/metrics", "/api/prices", "/api/openapi.json"]


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer nonsense"},
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer"},
        {"Authorization": "Basic YWRtaW46YWRtaW4="},
        {"Authorization": "Bearer é€\x7f"},
    ],
)
def test_without_a_good_token_401(client: Client, db: None, address: str, headers: dict[str, str]) -> None:
    answer = client.get(address, headers=headers)
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == "Bearer"
    assert "create_api_token" in answer.json()["detail"]


def test_refusal_comes_before_anything_is_said_about_the_query(client: Client, db: None) -> None:
    assert client.get("/api/metrics", {"typo": 1}).status_code == 401


def test_good_token_reads(ask: Ask) -> None:
    assert ask(**hourly()).status_code == 200
    assert ask("prices", tariff=TariffFactory().pk).status_code == 200
    assert ask("openapi.json").status_code == 200


def test_word_bearer_is_known_in_any_case(client: Client, token: str) -> None:
    assert (
        client.get("/api/metrics", hourly(), headers={"Authorization": f"bearer {token}"}).status_code == 200
    )


def test_revoked_token_reads_no_more(ask: Ask) -> None:
    ApiToken.objects.update(revoked_at=NOW)
    assert ask(**hourly()).status_code == 401


def test_only_a_digest_is_stored(token: str) -> None:
    (row,) = ApiToken.objects.values()
    assert row["digest"] == hashlib.sha256(token.encode()).hexdigest()
    assert token not in str(row)


def test_use_is_noted_at_most_once_a_minute(ask: Ask, set_clock: Callable[[datetime], None]) -> None:
    def noted(seconds: int) -> datetime | None:
        set_clock(NOW + timedelta(seconds=seconds))
        ask(**hourly())
        return ApiToken.objects.get().last_used_at

    assert ApiToken.objects.get().last_used_at is None
    assert noted(0) == NOW
    assert noted(59) == NOW
    assert noted(60) == NOW + timedelta(seconds=60)


def test_refused_token_is_not_noted_as_used(ask: Ask) -> None:
    ApiToken.objects.update(revoked_at=NOW)
    ask(**hourly())
    assert ApiToken.objects.get().last_used_at is None


def test_person_who_is_logged_in_reads(client: Client, db: None) -> None:
    assert client.login(username=UserFactory().username, password=PASSWORD)
    assert client.get("/api/metrics", hourly()).status_code == 200


def test_bad_token_is_refused_whoever_is_logged_in(client: Client, db: None) -> None:
    client.force_login(UserFactory())
    assert client.get("/api/metrics", hourly(), headers={"Authorization": "Bearer x"}).status_code == 401


def test_two_tokens_never_share_a_name(db: None) -> None:
    create_token("one")
    with pytest.raises(NameTaken):
        create_token("one")
    assert ApiToken.objects.count() == 1
