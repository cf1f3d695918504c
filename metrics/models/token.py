"""Tokens of the API. Only their digest is stored; a token is shown once, when it is made."""

import hashlib
import secrets

from django.db import models


class ApiToken(models.Model):
    """Lets a program read the API."""

    name = models.CharField(max_length=100, unique=True)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.name


def create_token(name: str) -> str:
    """Make a token called `name` and return it; it cannot be read again. Raises IntegrityError on a used name."""
    token = secrets.token_urlsafe(32)
    ApiToken.objects.create(name=name, digest=digest_of(token))
    return token


def digest_of(token: str) -> str:
    """Return what is stored of a token. It is random and long, so that a plain hash is enough."""
    return hashlib.sha256(token.encode()).hexdigest()
