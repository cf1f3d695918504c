"""The parts that pages are made of, as template tags (docs/design-language.md). Their markup is in templates/components/.

Parts without a body need no tag: `{% include "components/stat.html" with label="Power" number="3.1" unit="kW" %}`.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from django import template
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

from hmm.lib.ages import age_words

register = template.Library()

UNITS = "p|ct|¢|%|°C|s|min|h|days?|m?W|kW|MW|kWh|MWh|J/TH|[MGTPE]?H/s|sat|BTC|rpm|ms|MHz|mV"
BEFORE_UNIT = re.compile(rf"(?<=\d) (?=(?:{UNITS})(?![\w/]))")
"""The space between a number and its unit."""

UNBROKEN = "\N{NO-BREAK SPACE}"
KEPT_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2} UTC")


@register.simple_block_tag
def card(content: str, title: str = "", aside: str = "", note: str = "") -> SafeString:
    """A box with a heading; `aside` is said small beside it, `note` stands at the end of its line."""
    return _part("card", content, title=title, aside=aside, note=note)


@register.simple_block_tag
def empty_state(content: str, title: str = "") -> SafeString:
    """What is said in place of figures that are not there, and what to do about it."""
    return _part("empty_state", content, title=title)


@register.simple_block_tag
def dialog(content: str, dialog_id: str, title: str) -> SafeString:
    """A dialog that a `<button data-dialog="its id">` opens."""
    return _part("dialog", content, dialog_id=dialog_id, title=title)


@register.simple_tag(takes_context=True)
def nav_link(context: dict[str, Any], name: str, text: str) -> SafeString:
    """A line of the menu: the page with that URL name, marked while one is on it."""
    found = context["request"].resolver_match if "request" in context else None
    here = mark_safe(' aria-current="page"') if found and found.view_name == name else ""
    return format_html('<li><a href="{}"{}>{}</a></li>', reverse(name), here, text)


@register.simple_tag
def ago(moment: datetime | None, absent: str = "never") -> SafeString | str:
    """A moment as its age ("8 min ago"), kept right by the page itself, with the local time as its title."""
    if moment is None:
        return absent
    local = timezone.localtime(moment)
    return format_html(
        '<time datetime="{}" title="{}" data-ago>{}</time>',
        local.isoformat(timespec="seconds"),
        f"{local:%a} {local.day} {local:%b %Y, %H:%M:%S}",
        age_words(timezone.now() - moment, past=True),
    )


@register.simple_tag
def lasting(since: datetime | None) -> SafeString | str:
    """How long something has lasted since a moment ("for 8 min"), kept right by the page itself."""
    if since is None:
        return ""
    local = timezone.localtime(since)
    return format_html(
        '<time datetime="{}" title="since {}" data-for>for {}</time>',
        local.isoformat(timespec="seconds"),
        f"{local:%a} {local.day} {local:%b, %H:%M}",
        age_words(timezone.now() - since),
    )


@register.filter(is_safe=True)
def unbroken(words: object) -> str:
    """Words, or markup, in which no line ends between a number and its unit: 15.3 p."""
    return BEFORE_UNIT.sub(UNBROKEN, str(words))


@register.filter
def local_moments(words: str) -> str:
    """Words in which moments as they are kept, 2026-06-01 12:00:00 UTC, are local ones: 1 Jun 2026, 13:00:00."""
    return KEPT_MOMENT.sub(_local_moment, words)


@register.filter
def breakable(name: str) -> SafeString:
    """A name such as database_size_bytes, which a narrow column breaks behind an underscore and nowhere else."""
    return mark_safe(escape(name).replace("_", "_<wbr>"))


@register.filter
def heading(columns: Sequence[tuple[str, bool]], place: int) -> str:
    """The title of the column at that place, for the label that a cell has where its line is a card."""
    return columns[place][0]


def _local_moment(found: re.Match[str]) -> str:
    try:
        moment = datetime.strptime(found[0], "%Y-%m-%d %H:%M:%S UTC").replace(tzinfo=UTC)
    except ValueError:  # looks like one, and is none
        return found[0]
    local = timezone.localtime(moment)
    return f"{local.day} {local:%b %Y, %H:%M:%S}"


def _part(name: str, content: str, **context: str) -> SafeString:
    return render_to_string(f"components/{name}.html", {"content": content, **context})
