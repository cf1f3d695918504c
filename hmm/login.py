"""The way in."""

from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import resolve_url
from django.utils.decorators import method_decorator
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails


@method_decorator(login_not_required, name="dispatch")
class Login(LoginView):
    """A plain form; what a block of a page would fetch instead of its figures sends the whole page here."""

    template_name = "hmm/login.html"
    redirect_authenticated_user = True

    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        """Send a block's request to the login as a whole page, and from there back to the page it is on."""
        htmx = HtmxDetails(request)
        return to_login(htmx.current_url_abs_path) if htmx else super().dispatch(request, *args, **kwargs)


def to_login(came_from: str | None) -> HttpResponse:
    """Return the answer that makes the browser leave for the login, and come back to `came_from` after it."""
    query = QueryDict(mutable=True)
    query["next"] = came_from or "/"
    return HttpResponseClientRedirect(f"{resolve_url('login')}?{query.urlencode(safe='/')}")
