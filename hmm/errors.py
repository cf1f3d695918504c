"""What a page shows when it could not be made: the database is away, or the fault is HMM's own."""

import sys

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.defaults import server_error as fault_of_our_own

from hmm.spool_state import read_states

RETRY_AFTER_S = 10


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
