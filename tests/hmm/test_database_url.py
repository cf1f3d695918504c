from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from hmm.lib.database_url import database_settings, replica_settings


def test_no_url_is_the_embedded_server():
    assert database_settings("", Path("/x"), pooled=False)["ENGINE"] == "hmm.postgres"


def test_a_url_is_taken_apart():
    found = database_settings("postgres://u:p%40ss@db.example:5433/hmm", Path("/x"), pooled=True)
    assert (found["HOST"], found["PORT"], found["USER"], found["PASSWORD"]) == (
        "db.example",
        5433,
        "u",
        "p@ss",
    )
    assert found["OPTIONS"]["pool"]


URL = "postgres://u:p@db.example/hmm?sslmode=verify-full&sslrootcert=/ca.pem&connect_timeout=4"


@pytest.mark.parametrize("pooled", [False, True])
def test_what_a_url_says_of_its_connections_holds(pooled):
    """Without sslmode the password might go to whoever answers, and in the clear."""
    for found in (
        database_settings(URL, Path("/x"), pooled=pooled),
        replica_settings(URL, pooled=pooled)["replica"],
    ):
        told = {"sslmode": "verify-full", "sslrootcert": "/ca.pem", "connect_timeout": 4}
        assert found["OPTIONS"].items() >= told.items()
        assert ("pool" in found["OPTIONS"]) == pooled


def test_connections_to_a_server_give_up_in_time_by_themselves():
    plain = "postgres://u:p@db.example/hmm"
    assert database_settings(plain, Path("/x"), pooled=False)["OPTIONS"] == {"connect_timeout": 10}
    assert replica_settings(plain, pooled=False)["replica"]["OPTIONS"]["tcp_user_timeout"] == 5000


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("mysql://u:p@h/db", "must be a PostgreSQL address"),
        ("nonsense", "must be a PostgreSQL address"),
        ("postgres://u:p@127.0.0.1:abc/db", "cannot be read"),
        ("postgres://u:p@[::1/db", "cannot be read"),
        ("postgres://u:p@h", "names no database"),
    ],
)
def test_a_wrong_url_is_one_clear_line(url, complaint):
    with pytest.raises(ImproperlyConfigured, match=complaint) as refused:
        database_settings(url, Path("/x"), pooled=False)
    assert "\n" not in str(refused.value)
