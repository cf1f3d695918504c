"""The way in and out, and the pages for what goes wrong."""

from typing import Any

import pytest
from django.http import HttpResponse
from django.template.loader import render_to_string
from django.test import Client
from django.urls import reverse

from tests.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db
LOGIN = "/login/"


def log_in(client: Client, password: str = PASSWORD, **more: str) -> Any:
    return client.post(LOGIN, {"username": "ann", "password": password} | more)


@pytest.fixture(autouse=True)
def _ann() -> None:
    UserFactory(username="ann")


def test_a_plain_form_lets_a_user_in_and_back_to_where_they_wanted_to_go(client: Client) -> None:
    response = log_in(client, next="/?a=1")
    assert (response.status_code, response["Location"]) == (302, "/?a=1")
    assert client.get("/").status_code == 200


def test_a_wrong_password_is_said_and_keeps_the_name(client: Client) -> None:
    response = log_in(client, password="wrong")
    assert response.status_code == 200
    assert "correct username and password" in response.text
    assert 'value="ann"' in response.text


def test_nobody_is_sent_to_another_site_after_the_login(client: Client) -> None:
    assert log_in(client, next="https://evil.example/")["Location"] == "/"


def test_the_login_needs_its_token() -> None:
    response = log_in(Client(enforce_csrf_checks=True))
    assert response.status_code == 403
    assert "This form has expired" in response.text


def test_signing_out_is_a_post(client: Client) -> None:
    log_in(client)
    assert client.get(reverse("logout")).status_code == 405
    assert client.post(reverse("logout")).status_code == 302
    assert client.get("/").status_code == 302


def test_a_block_whose_session_is_over_sends_the_whole_page_to_the_login(client: Client) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": "http://testserver/?a=1&b=2"}
    response = client.get(reverse("metrics:fleet_summary"), headers=headers, follow=True)
    assert response["HX-Redirect"] == "/login/?next=/%3Fa%3D1%26b%3D2"
    assert response.content == b""


def test_a_block_claiming_to_be_on_another_site_comes_back_to_the_front_page(client: Client) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": "https://evil.example/"}
    assert client.get(LOGIN, headers=headers)["HX-Redirect"] == "/login/?next=/"


def test_too_many_wrong_passwords_lock_the_door_with_a_clear_page(client: Client, settings: Any) -> None:
    settings.AXES_ENABLED = True
    responses = [log_in(client, password="wrong") for _ in range(settings.AXES_FAILURE_LIMIT)]
    assert [response.status_code for response in responses[:-1]] == [200] * (settings.AXES_FAILURE_LIMIT - 1)
    assert responses[-1].status_code == 429
    assert "Too many wrong passwords" in responses[-1].text
    assert "15 min after the last attempt" in responses[-1].text
    assert log_in(client).status_code == 429


def test_a_page_that_does_not_exist_is_on_brand_for_a_stranger_too(client: Client) -> None:
    response = client.get("/nowhere")
    assert response.status_code == 404
    assert "There is no such page" in response.text


def test_the_page_for_an_error_needs_neither_user_nor_database() -> None:
    assert "Something went wrong" in render_to_string("500.html")


def test_the_admin_is_on_brand_and_under_the_same_policy(client: Client, admin_client: Client) -> None:
    response: HttpResponse = admin_client.get("/admin/")  # type: ignore[assignment]
    assert "· HMM</title>" in response.text
    assert "'unsafe" not in response["Content-Security-Policy"]
