"""The admin of pools: addresses that are checked, a token that is sealed and never shown."""

import pytest
from django.db import connection

from hmm.lib.sealed import seal, unseal
from pools.models import Pool

FIELDS = {
    "name": "Braiins",
    "client": "braiins",
    "url": "",
    "stratum_url": "",
    "user": "me",
    "token": "s3cret",
    "active": "on",
}


def stored_token() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT token FROM pools_pool")
        return cursor.fetchone()[0]


@pytest.mark.django_db
def test_a_token_is_sealed_kept_when_none_is_typed_and_never_shown(admin_client):
    assert admin_client.post("/admin/pools/pool/add/", FIELDS).status_code == 302
    pool = Pool.objects.get()
    assert pool.token == "s3cret"
    assert "s3cret" not in stored_token()
    assert stored_token().startswith("sealed:")
    page = f"/admin/pools/pool/{pool.pk}/change/"
    assert b"s3cret" not in admin_client.get(page).content
    admin_client.post(page, {**FIELDS, "token": "", "user": "you"})
    pool.refresh_from_db()
    assert (pool.user, pool.token) == ("you", "s3cret")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"stratum_url": "http://x"}, "is not an address such as stratum+tcp"),
        ({"client": "stratum"}, "has no usual address"),
        ({"client": "none"}, "Select a valid choice"),
    ],
)
def test_what_cannot_be_checked_is_refused(admin_client, changes, words):
    page = admin_client.post("/admin/pools/pool/add/", FIELDS | changes)
    assert words in page.content.decode()
    assert not Pool.objects.exists()


@pytest.mark.django_db
def test_readings_are_to_look_at(admin_client):
    assert admin_client.get("/admin/pools/poolreading/").status_code == 200
    assert admin_client.get("/admin/pools/poolreading/add/").status_code == 403


def test_a_secret_of_another_key_is_none(settings):
    sealed = seal("s3cret")
    assert unseal(sealed) == "s3cret"
    settings.SECRET_KEY = "another"
    assert unseal(sealed) == ""
    assert seal("") == ""
