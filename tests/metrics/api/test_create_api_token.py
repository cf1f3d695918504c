"""manage.py create_api_token NAME."""

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client

from metrics.models import ApiToken
from tests.metrics.api.conftest import hourly


def test_last_word_is_a_token_that_reads(
    client: Client, db: None, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("create_api_token", "home assistant")
    token = capsys.readouterr().out.split()[-1]
    answer = client.get("/api/metrics", hourly(), headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200
    assert ApiToken.objects.get().name == "home assistant"


def test_a_token_to_push_is_made_by_its_scope(
    client: Client, db: None, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("create_api_token", "relay", "--scope", "ingest")
    headers = {"Authorization": f"Bearer {capsys.readouterr().out.split()[-1]}"}
    assert (
        client.post("/api/telemetry", [], content_type="application/json", headers=headers).status_code == 200
    )
    assert client.get("/api/metrics", hourly(), headers=headers).status_code == 403


def test_a_scope_that_is_none_is_refused(db: None) -> None:
    with pytest.raises(CommandError, match="admin") as refusal:
        call_command("create_api_token", "relay", "--scope", "admin")
    assert refusal.value.returncode == 2
    assert not ApiToken.objects.exists()


@pytest.mark.parametrize("name", ["", "   ", "a\x00b", "two\nlines", "n" * 101])
def test_name_that_is_none_is_refused(db: None, name: str) -> None:
    with pytest.raises(CommandError) as refusal:
        call_command("create_api_token", name)
    assert refusal.value.returncode == 2
    assert "\n" not in str(refusal.value)
    assert not ApiToken.objects.exists()


def test_used_name_is_refused_by_name(db: None, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("create_api_token", "grafana")
    capsys.readouterr()
    with pytest.raises(CommandError, match="'grafana'") as refusal:
        call_command("create_api_token", " grafana ")
    assert refusal.value.returncode == 2
    assert capsys.readouterr().out == ""
    assert ApiToken.objects.count() == 1


def test_example_is_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        call_command("create_api_token", "--help")
    assert "manage.py create_api_token home-assistant" in capsys.readouterr().out
