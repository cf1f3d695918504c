"""What an empty page says to do: `{% what_to_do %}`."""

from typing import Any

from django import template
from django.http import HttpRequest

from miners.models import Miner

register = template.Library()


@register.inclusion_tag("metrics/_what_to_do.html", takes_context=True)
def what_to_do(context: dict[str, Any]) -> dict[str, Any]:
    """Where there is no miner yet: how to get one. One query; for pages that have nothing to show."""
    request: HttpRequest | None = context.get("request")
    return {"no_miner": not Miner.objects.exists(), "user": request.user if request else None}
