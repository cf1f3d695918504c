"""Addresses of the API. Each asks for a token or a session itself, in place of the login page."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, JsonResponse
from django.urls import URLPattern, URLResolver, path, re_path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from metrics.api import api
from metrics.api.methods import View, answering_methods

DESCRIPTIONS = ("openapi-json", "openapi-view")
"""Names of the addresses that describe the API, which would answer any method."""


@login_not_required
@csrf_exempt
def no_such_address(request: HttpRequest) -> JsonResponse:
    """404 in the API's own shape, for every address below /api/ that is none."""
    detail = f"there is no address {request.path} here; /api/docs shows those there are"
    return JsonResponse({"detail": detail}, status=404)


def _addresses() -> tuple[list[URLPattern | URLResolver], str, str]:
    patterns, app_name, namespace = api.urls
    for pattern in patterns:
        if isinstance(pattern, URLPattern) and pattern.callback is not None:
            pattern.callback = _asking_itself(pattern.name, pattern.callback)
    return [*patterns, re_path("", no_such_address)], app_name, namespace


def _asking_itself(name: str | None, view: View) -> View:
    if name == "api-root":  # ninja's own, from which it forms the others' addresses
        return no_such_address
    if name in DESCRIPTIONS:
        view = csrf_exempt(require_safe(view))
    return login_not_required(answering_methods(view))


urlpatterns = [path("", _addresses())]
