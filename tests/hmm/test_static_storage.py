"""Pages where static files have been collected, and where they have not."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.contrib.staticfiles.storage import staticfiles_storage
from django.test import Client

from hmm.settings import STORAGES
from tests.factories import UserFactory


@pytest.fixture
def root(settings: Any, tmp_path: Path) -> Path:
    """An empty place for collected files, and the house's own way to name them."""
    settings.STATIC_ROOT = tmp_path
    settings.STORAGES = STORAGES
    return tmp_path


@pytest.mark.django_db
def test_pages_are_shown_where_nothing_has_been_collected(client: Client, root: Path) -> None:
    client.force_login(UserFactory())
    answer = client.get("/no-such-page")
    assert answer.status_code == 404
    assert b"There is no such page" in answer.content
    assert b'href="/static/hmm/hmm.css"' in answer.content


def test_names_have_their_digest_and_one_that_was_not_collected_is_an_error(root: Path) -> None:
    manifest = {"version": "1.1", "paths": {"hmm/hmm.css": "hmm/hmm.0123.css"}, "hash": "x"}
    (root / "staticfiles.json").write_text(json.dumps(manifest))
    assert staticfiles_storage.url("hmm/hmm.css") == "/static/hmm/hmm.0123.css"
    with pytest.raises(ValueError, match=r"Missing staticfiles manifest entry for 'hmm/none.css'"):
        staticfiles_storage.url("hmm/none.css")
