"""Middleware of the whole house."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone

from hmm.health import healthz
from hmm.installation import installation, one_installation


class HeadMiddleware:
    """Answers HEAD without the body that GET would have: the server would drop it, and warn of it each time."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if request.method != "HEAD":
            return response
        if isinstance(response, StreamingHttpResponse):
            response.streaming_content = ()
        elif isinstance(response, HttpResponse):
            response.content = b""
        return response


class HealthMiddleware:
    """Answers /healthz before anything asks by which name the house was called, whether by https, and who is there.

    A load balancer or a container runtime knows its address and port, and no more.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return healthz(request) if request.path_info == "/healthz" else self.get_response(request)


class InstallationTimeZoneMiddleware:
    """Show times in the installation's zone, whatever the server's own is; zone and currency stay for the request."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with one_installation():
            if request.path == "/metrics":  # asked often, shows no local time
                return self.get_response(request)
            with timezone.override(installation().zone):
                return self.get_response(request)
