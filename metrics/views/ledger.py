"""The half-hour ledger: a page to lay beside the supplier's bill, and the same as a file."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.text import slugify
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from hmm.installation import installation
from metrics.files import csv_response
from metrics.ledger import csv_file
from metrics.ledger.asked import ledger_asked
from metrics.ledger.read import LedgerReader
from metrics.ledger.shown import shown
from metrics.query import as_stored_meanwhile
from metrics.views.refusals import says_why
from miners.models import Miner

SUGGESTED = 200
"""So many names of miners are offered; any other may be typed."""


@require_safe
@never_cache
@says_why("Ledger")
def ledger(request: HttpRequest) -> HttpResponse:
    """A page of a day's ledger, asked with `day`, and `miner` or `of=together`."""
    with as_stored_meanwhile() as meanwhile:
        reader = _reader(request)
        page = reader.page()
    context = {
        "now": reader.now,
        "ledger": page,
        "being_computed": meanwhile.words,
        "shown": shown(page, reader.zone, reader.currency),
        "kept_days": settings.RETENTION_SLOT_DAYS,
        "names": Miner.objects.filter(retired_at=None).values_list("name", flat=True)[:SUGGESTED],
    }
    return render(request, "metrics/ledger.html", context)


@require_safe
@never_cache
@says_why("Ledger")
def ledger_csv(request: HttpRequest) -> StreamingHttpResponse:
    """All lines of the day that `ledger` shows page by page, with the figures unrounded; 503 while they are not right."""
    reader = _reader(request)
    asked = reader.asked
    whose = slugify(reader.name) if not asked.is_of_each else "every-miner"
    return csv_response(
        f"hmm-ledger-{asked.day}-{whose or reader.miner_id}",
        csv_file.header(reader.currency),
        csv_file.rows(reader.lines(), reader.zone),
    )


def _reader(request: HttpRequest) -> LedgerReader:
    now, here = timezone.now(), installation()
    asked = ledger_asked(request.GET.dict(), now.astimezone(here.zone).date())
    return LedgerReader(asked, now, here.zone, here.currency)
