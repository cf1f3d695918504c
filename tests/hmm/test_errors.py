"""Addresses that have no page."""

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("/prices/", "/prices"),
        ("/miners/7/", "/miners/7"),
        ("/ledger/?day=2026-11-24", "/ledger?day=2026-11-24"),
        ("/ledger.csv//", "/ledger.csv"),
    ],
)
def test_a_slash_too_many_leads_to_the_page(client: Client, typed: str, meant: str) -> None:
    answer = client.get(typed)
    assert (answer.status_code, answer["Location"]) == (301, meant)


@pytest.mark.parametrize("typed", ["/nothing", "/nothing/", "/prices/nothing/"])
def test_what_is_no_page_without_it_either_is_not_found(client: Client, typed: str) -> None:
    answer = client.get(typed)
    assert answer.status_code == 404
    assert b"There is no such page" in answer.content


def test_a_page_that_found_nothing_says_so_itself(admin_client: Client) -> None:
    assert admin_client.get("/admin/miners/nothing/").status_code == 404


def test_what_is_sent_to_a_wrong_address_is_not_sent_on(client: Client) -> None:
    assert client.post("/theme/", {"theme": "dark"}).status_code == 404
