"""Secrets at rest: sealed with a key made of SECRET_KEY, opened where they are used."""

import base64
import hashlib
from typing import Any

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.db import models

MARK = "sealed:"


def seal(secret: str) -> str:
    """Return `secret` sealed, "" for none."""
    return MARK + _fernet().encrypt(secret.encode()).decode() if secret else ""


def unseal(sealed: str) -> str:
    """Return the secret; "" where it was sealed by another SECRET_KEY and cannot be opened any more."""
    if not sealed.startswith(MARK):
        return sealed
    try:
        return _fernet().decrypt(sealed.removeprefix(MARK)).decode()
    except InvalidToken:
        return ""


def _fernet() -> Fernet:
    digest = hashlib.sha256(b"hmm.lib.sealed" + settings.SECRET_KEY.encode()).digest()
    return Fernet(base64.urlsafe_b64encode(digest))


class SealedField(models.TextField):
    """A text that is plain in Python and sealed in the database. It cannot be searched for."""

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> str | None:
        """Open what is stored."""
        return None if value is None else unseal(value)

    def get_prep_value(self, value: Any) -> Any:
        """Seal what is to be stored."""
        return seal(value) if value else value
