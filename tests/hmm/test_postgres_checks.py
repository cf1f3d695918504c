"""The check of the server's version."""

import pytest
from django.db import connections

from hmm.postgres.checks import server_is_new_enough


@pytest.mark.django_db
def test_this_server_is_new_enough() -> None:
    assert server_is_new_enough(None, databases=["default"]) == []


@pytest.mark.parametrize(("version", "errors"), [(149999, 1), (150000, 0)])
def test_the_oldest_is_15(monkeypatch: pytest.MonkeyPatch, version: int, errors: int) -> None:
    monkeypatch.setitem(connections["default"].__dict__, "pg_version", version)

    found = server_is_new_enough(None, databases=["default"])

    assert len(found) == errors
    assert all("HMM needs 15" in error.msg for error in found)


def test_no_database_is_asked_unless_named() -> None:
    assert server_is_new_enough(None) == []
