"""What a page answers when it cannot be made as it was asked for: the reason, in place of the page."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render

from metrics.query import BeingComputed, NotComputedYet, Refused

View = Callable[..., HttpResponseBase]


def says_why(title: str) -> Callable[[View], View]:
    """Have a view answer 422 to what is asked wrongly, 409 to what is not computed, 503 while that is being done."""

    def around(view: View) -> View:
        @wraps(view)
        def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            try:
                return view(request, *args, **kwargs)
            except Refused as refusal:
                return _page(request, title, f"{refusal.field}: {refusal}", 422)
            except NotComputedYet as reason:
                return _page(request, title, str(reason), status_of(reason))

        return answer

    return around


def status_of(reason: NotComputedYet) -> int:
    """Return 503 for what is being computed just now, else 409."""
    return 503 if isinstance(reason, BeingComputed) else 409


def _page(request: HttpRequest, title: str, reason: str, status: int) -> HttpResponseBase:
    context = {"title": title, "reason": reason, "is_wrong": status == 422}
    return render(request, "metrics/refusal.html", context, status=status)
