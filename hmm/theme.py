"""Light, dark, or as the device has it: a choice of the browser's, in a cookie, so that pages come in it from the start."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

COOKIE = "hmm_theme"
KEPT_S = 60 * 60 * 24 * 365
AUTO = "auto"
THEMES = (AUTO, "light", "dark")


def theme_of(request: HttpRequest) -> str:
    """Return the theme that the browser has chosen; what the cookie does not say rightly is as if it said nothing."""
    told = request.COOKIES.get(COOKIE, AUTO)
    return told if told in THEMES else AUTO


def theme_context(request: HttpRequest) -> dict[str, object]:
    """Give every template the theme, and those there are."""
    return {"theme": theme_of(request), "themes": THEMES}


@login_not_required
@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Keep the choice, and go back to the page it was made on, as far as the browser tells it."""
    chosen, back = request.POST.get("theme", ""), request.headers.get("Referer", "")
    is_ours = url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure())
    response = redirect(back if is_ours else "/")
    if chosen in THEMES:
        response.set_cookie(
            COOKIE, chosen, max_age=KEPT_S, samesite="Lax", secure=request.is_secure(), httponly=True
        )
    return response
