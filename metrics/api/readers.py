"""Who may read the API: a program with a token, or a person who is logged in. Who may push: a token for that."""

from collections.abc import Callable
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from ninja.security import HttpBearer, SessionAuth

from metrics.api.errors import NO_TOKEN
from metrics.models.token import ApiToken, Scope, WrongScope, use_token

SAFE_METHODS = ("GET", "HEAD")


class TokenReader(HttpBearer):
    """A program, by the token it was given."""

    def authenticate(self, request: HttpRequest, token: str) -> ApiToken | None:
        """Return the token's row; None when it is unknown or revoked. Raises WrongScope."""
        return use_token(token.strip(), Scope.READ, timezone.now())


class TokenPusher(HttpBearer):
    """A device or its relay, by a token that lets it push and do nothing else."""

    def authenticate(self, request: HttpRequest, token: str) -> ApiToken | None:
        """Return the token's row; None when it is unknown or revoked. Raises WrongScope."""
        return use_token(token.strip(), Scope.INGEST, timezone.now())


class SessionReader(SessionAuth):
    """A person who is logged in. To read only, and not where a token was sent: a bad one must not pass."""

    def __call__(self, request: HttpRequest) -> Any:
        """Return the user; None when nobody is logged in."""
        if request.method not in SAFE_METHODS or "Authorization" in request.headers:
            return None
        return super().__call__(request)


READERS = [TokenReader(), SessionReader()]
PUSHERS = [TokenPusher()]


def readers_only(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Return the view of the docs or of the schema, for readers: a browser is sent to the login."""

    @login_not_required
    def guarded(request: HttpRequest, **kwargs: Any) -> HttpResponse:
        try:
            if any(reader(request) for reader in READERS):
                return view(request, **kwargs)
        except WrongScope as error:
            return JsonResponse({"detail": str(error)}, status=403)
        if "text/html" in request.headers.get("Accept", ""):
            return redirect_to_login(request.get_full_path())
        return JsonResponse({"detail": NO_TOKEN}, status=401, headers={"WWW-Authenticate": "Bearer"})

    return guarded
