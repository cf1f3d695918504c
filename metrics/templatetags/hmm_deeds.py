"""What a user may do to several miners at once, for the table of miners."""

from typing import Any

from django import template

from miners.control.together import Deed, deeds_of

register = template.Library()


@register.simple_tag(takes_context=True)
def deeds(context: dict[str, Any]) -> list[Deed]:
    """The deeds that the table offers to who looks at it; none where there is no request."""
    request = context.get("request")
    return deeds_of(request.user) if request is not None else []
