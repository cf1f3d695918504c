"""Chooses, for each request, whether it reads from the replica."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.db import DatabaseError, InterfaceError, OperationalError, connections
from django.http import HttpRequest, HttpResponse

from hmm.replica.lag import has_replica, watch
from hmm.replica.route import REPLICA, use_primary, use_replica

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
READERS = frozenset({"metrics", "api"})
"""The namespaces whose pages only read figures. The admin edits what it shows, and so reads the primary."""

WROTE = "hmm_wrote"
"""The cookie of a browser that has changed something a moment ago."""


def may_lag(method: str | None, namespace: str, *, wrote_just_now: bool) -> bool:
    """Return whether a request may be answered with what is seconds old. Pure."""
    return method in SAFE_METHODS and namespace in READERS and not wrote_just_now


class ReplicaMiddleware:
    """Last in the list: what the other middleware reads (sessions, users) is read from the primary."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        if not has_replica():
            raise MiddlewareNotUsed
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        use_primary()
        try:
            response = self.get_response(request)
        finally:
            use_primary()
        if request.method not in SAFE_METHODS:
            # A margin for the measurement, which is a second old at most.
            response.set_cookie(
                WROTE,
                "1",
                max_age=settings.REPLICA_LAG_S + 2,
                httponly=True,
                secure=settings.SESSION_COOKIE_SECURE,
                samesite="Lax",
            )
        return response

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> None:
        """Choose, once it is known which page is asked for."""
        namespace = request.resolver_match.namespace if request.resolver_match else ""
        lagging = may_lag(request.method, namespace, wrote_just_now=WROTE in request.COOKIES)
        if lagging and watch.look().is_fit(settings.REPLICA_LAG_S):
            _ = request.user.is_authenticated  # who asks is read from the primary, before
            use_replica()

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Answer from the primary where the replica has failed, or the page had to write after all."""
        if not isinstance(error, (DatabaseError, InterfaceError)) or not use_primary():
            return None
        if isinstance(error, (OperationalError, InterfaceError)):
            watch.has_failed(str(error).strip().split("\n")[0])
        connections[REPLICA].close()
        match = request.resolver_match
        assert match is not None  # a view has run
        response: HttpResponse = match.func(request, *match.args, **match.kwargs)
        return response
