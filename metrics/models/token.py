"""Tokens of the API. Only their digest is stored; a token is shown once, when it is made."""

import hashlib
import secrets
from datetime import datetime, timedelta

from django.db import DEFAULT_DB_ALIAS, models

USE_NOTED_EVERY = timedelta(minutes=1)


class NameTaken(ValueError):
    """There is a token of that name already."""


class WrongScope(Exception):
    """A token that is valid, and may not do this."""


class Scope(models.TextChoices):
    """What a token lets a program do: one thing, so that a lost one does the least harm."""

    READ = "read", "read figures"
    INGEST = "ingest", "push telemetry"


class ApiToken(models.Model):
    """Lets a program read the API, or push telemetry."""

    name = models.CharField(max_length=100, unique=True)
    scope = models.CharField(
        max_length=8, choices=Scope.choices, default=Scope.READ, help_text="What it lets a program do."
    )
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.name


def create_token(name: str, scope: str = Scope.READ) -> str:
    """Make a token called `name` and return it; it cannot be read again. Raises NameTaken."""
    token = new_token()
    wanted = {"digest": digest_of(token), "scope": scope}
    _, is_new = ApiToken.objects.get_or_create(name=name, defaults=wanted)
    if not is_new:
        raise NameTaken(name)
    return token


def new_token() -> str:
    """Return a token that nobody can guess."""
    return secrets.token_urlsafe(32)


def use_token(token: str, scope: str, now: datetime) -> ApiToken | None:
    """Return the row of a token that is valid, and note its use, at most once a minute. One or two queries.

    It is looked up by its digest, so that how long that takes tells nothing about the token.
    Raises WrongScope when it is valid and not for `scope`.
    """
    # Never from a replica, to which one that is revoked would be valid for a moment yet.
    found = ApiToken.objects.using(DEFAULT_DB_ALIAS).filter(digest=digest_of(token), revoked_at=None).first()
    if found and found.scope != scope:
        raise WrongScope(f"this token is to {found.get_scope_display()}, not to {Scope(scope).label}")
    if found and (found.last_used_at is None or now - found.last_used_at >= USE_NOTED_EVERY):
        ApiToken.objects.filter(pk=found.pk).update(last_used_at=now)
    return found


def digest_of(token: str) -> str:
    """Return what is stored of a token. It is random and long, so that a plain hash is enough."""
    return hashlib.sha256(token.encode()).hexdigest()
