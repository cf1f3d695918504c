"""Figures that explain themselves: `{% explained … %}£1.92{% endexplained %}` on any page (docs/pages.md)."""

from datetime import datetime

from django import template
from django.utils.safestring import SafeString, mark_safe

from metrics.explain.figure import OPENS, FigureRef
from metrics.explain.figure import explained as link

register = template.Library()


@register.simple_block_tag
def explained(
    content: str,
    metric_type: str,
    key: str,
    entity_type: str = "system",
    entity_id: int | None = None,
    period: str = "daily",
    at: datetime | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
    in_block: bool = False,
) -> SafeString:
    """The figure inside as a link to its explanation: of the `period` that begins `at`, or of all from `start` to `end`.

    Without a time it stays as it is. `in_block` where it stands once in a block that is refreshed.
    """
    text = mark_safe(content.strip())  # a block's content is escaped already
    begins = at or start
    if begins is None:
        return text
    ref = FigureRef(metric_type, key, entity_type, entity_id, period, begins, None if at else end)
    return link(text, ref, in_block=in_block)


@register.simple_tag
def opens_in_panel() -> SafeString:
    """The attributes of a table or list by which all links in it open in the panel."""
    return OPENS
