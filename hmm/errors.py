"""What a page shows when it could not be made: there is none, the database is away, or the fault is HMM's own."""

import sys

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponsePermanentRedirect
from django.shortcuts import render
from django.urls import is_valid_path
from django.utils import timezone
from django.views.defaults import page_not_found as no_such_page
from django.views.defaults import server_error as fault_of_our_own

from hmm.spool_state import read_states

RETRY_AFTER_S = 10


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404, but an address that was typed with a slash too many leads to its page."""
    address = request.path_info.rstrip("/")
    typed = request.method in ("GET", "HEAD") and request.resolver_match is None
    if not (typed and address != request.path_info and is_valid_path(address)):
        return no_such_page(request, exception)
    query = request.META.get("QUERY_STRING", "")
    return HttpResponsePermanentRedirect(f"{address}?{query}" if query else address)


def server_error(request: HttpRequest) -> HttpResponse:
    """503 with what the collector keeps meanwhile when the database is away, else Django's 500.

    Like `/healthz` it is for everyone, and tells no more: who is asking cannot be known without the database.
    """
    if not isinstance(sys.exc_info()[1], OperationalError | InterfaceError):
        return fault_of_our_own(request)
    now = timezone.now()
    spools = [state for state in read_states(settings.DATA_DIR) if state.since is not None]
    context = {"spools": [(state, state.is_fresh(now)) for state in spools]}
    response = render(None, "503.html", context, status=503)
    response["Retry-After"] = str(RETRY_AFTER_S)
    return response
