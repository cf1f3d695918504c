"""Addresses of the API. Each asks for a token or a session itself, in place of the login page."""

from django.contrib.auth.decorators import login_not_required
from django.urls import URLPattern, URLResolver, path

from metrics.api import api


def _without_login_page() -> tuple[list[URLPattern | URLResolver], str, str]:
    patterns, app_name, namespace = api.urls
    for pattern in patterns:
        if isinstance(pattern, URLPattern) and pattern.callback is not None:
            login_not_required(pattern.callback)
    return patterns, app_name, namespace


urlpatterns = [path("", _without_login_page())]
