"""Counts and times every request, outside all other middleware."""

import time
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from hmm.system_metrics.statistics import web


class RequestStatisticsMiddleware:
    """Of an answer that streams, the time until it begins counts."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        started_s = time.perf_counter()
        response = self.get_response(request)
        web.duration_ms.observe((time.perf_counter() - started_s) * 1000)
        web.requests.add()
        if response.status_code >= 500:
            web.errors.add()
        return response
