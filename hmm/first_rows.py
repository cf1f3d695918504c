"""What a fresh database has from the ground floor: the user admin."""

import secrets
import sys
from typing import Any

import environ
from django.contrib.auth import get_user_model

ADMIN = "admin"


def ensure_first_rows(**kwargs: Any) -> None:
    """Create the user admin on a database without users. Runs after each migrate."""
    users = get_user_model().objects.db_manager(kwargs["using"])
    if not users.exists():
        _create_admin(users)


def _create_admin(users: Any) -> None:
    given = environ.Env().str("HMM_ADMIN_PASSWORD", default="")
    password = given or secrets.token_urlsafe(12)
    users.create_superuser(ADMIN, email="", password=password)
    if not given and "pytest" not in sys.modules:
        print(f"Created the user {ADMIN} with the password {password}  (shown only this once)", flush=True)  # noqa: T201
