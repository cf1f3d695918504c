"""What is kept, how long, and how much of it there is: for those who run the house."""

from django.contrib import admin
from django.contrib.admin.views.decorators import staff_member_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from metrics.retention.classes import measure


@require_safe
@never_cache
@staff_member_required
def retention(request: HttpRequest) -> HttpResponse:
    """A table of the classes of data: rows, bytes, oldest, growth a day, and how long each is kept."""
    amounts = measure(timezone.now())
    context = admin.site.each_context(request) | {
        "title": "What is kept",
        "amounts": amounts,
        "total_bytes": sum(amount.size_bytes for amount in amounts),
        "total_bytes_a_day": sum(amount.bytes_a_day or 0 for amount in amounts),
    }
    return render(request, "metrics/retention.html", context)
