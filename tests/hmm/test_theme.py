"""The theme is a choice of the browser's, and pages come in it from the start."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from tests.factories import UserFactory

pytestmark = pytest.mark.django_db
URL = reverse("theme")


def test_a_page_comes_in_the_theme_that_was_chosen_the_admin_too(client: Client) -> None:
    client.force_login(
        UserFactory(is_staff=True, is_superuser=True), backend="django.contrib.auth.backends.ModelBackend"
    )
    usual = client.get("/").text
    assert "data-theme" not in usual
    assert usual.count('name="theme-color"') == 2
    here = "http://testserver/system?a=1"
    response = client.post(URL, {"theme": "dark"}, headers={"Referer": here})
    assert (response.status_code, response["Location"]) == (302, here)
    assert response.cookies["hmm_theme"]["httponly"]
    dark = client.get("/").text
    assert '<html lang="en-GB" data-theme="dark">' in dark
    assert '<meta name="theme-color" content="#161d25">' in dark
    assert '<button name="theme" value="dark" aria-pressed="true">' in dark
    assert '<meta name="hmm-theme" content="dark">' in client.get("/admin/").text
    client.post(URL, {"theme": "auto"})
    assert "data-theme" not in client.get("/").text


@pytest.mark.parametrize("chosen", ["", "neon", 'dark" onload="x'])
def test_what_is_no_theme_changes_nothing(client: Client, chosen: str) -> None:
    assert "hmm_theme" not in client.post(URL, {"theme": chosen}).cookies
    client.cookies["hmm_theme"] = "neon"
    assert "data-theme" not in client.get(reverse("login")).text


@pytest.mark.parametrize("came_from", ["https://example.org/", "//example.org", "javascript:alert(1)", ""])
def test_it_leads_back_to_pages_of_ours_only(client: Client, came_from: str) -> None:
    assert client.post(URL, {"theme": "light"}, headers={"Referer": came_from})["Location"] == "/"


def test_two_addresses_of_one_page_give_the_same_page(client: Client) -> None:
    pages = [re.sub(r"\b\w{64}\b", "", client.get(reverse("login") + query).text) for query in ("", "?a=1")]
    assert pages[0] == pages[1]


def test_it_is_changed_by_its_form_only() -> None:
    assert Client().get(URL).status_code == 405
    assert Client(enforce_csrf_checks=True).post(URL, {"theme": "dark"}).status_code == 403
