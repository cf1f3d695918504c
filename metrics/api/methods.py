"""What an address of the API answers to methods: HEAD as GET, without a body; to those it has not, in the API's own shape."""

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse

View = Callable[..., HttpResponse]


def answering_methods(view: View) -> View:
    """Return `view` so that it answers HEAD as GET, and 405 as JSON with `Allow` to what it does not take."""

    @wraps(view)
    def answering(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = _head_as_get(view, request, *args, **kwargs)
        if isinstance(response, HttpResponseNotAllowed):
            return _not_allowed(request, {method.strip() for method in response["Allow"].split(",")})
        return response

    return answering


def _head_as_get(view: View, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    if request.method != "HEAD":
        return view(request, *args, **kwargs)
    request.method = "GET"
    try:
        return view(request, *args, **kwargs)
    finally:
        request.method = "HEAD"  # by which whoever sends the answer leaves out its body


def _not_allowed(request: HttpRequest, methods: Iterable[str]) -> HttpResponse:
    allowed = ", ".join(sorted({*methods, *(["HEAD"] if "GET" in methods else [])}))
    detail = f"{request.method} is not allowed here; there is: {allowed}"
    return JsonResponse({"detail": detail}, status=405, headers={"Allow": allowed})
