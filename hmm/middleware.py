"""Middleware of the whole house."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from hmm.installation import installation, one_installation


class InstallationTimeZoneMiddleware:
    """Show times in the installation's zone, whatever the server's own is; zone and currency stay for the request."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with one_installation():
            if request.path in ("/healthz", "/metrics"):  # asked often, show no local time
                return self.get_response(request)
            with timezone.override(installation().zone):
                return self.get_response(request)
