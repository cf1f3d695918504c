"""The figures on a page that open their explanations, and what these say."""

import html
import re
from urllib.parse import parse_qsl, urlsplit

from django.test import Client

LINK = re.compile(r'<a [^>]*class="explained" href="([^"]+)"[^>]*>([^<]*)</a>')

Asked = dict[str, str]


def figures(page: str) -> list[tuple[str, Asked]]:
    """Return each figure's text and what its link asks for."""
    return [
        (html.unescape(text), dict(parse_qsl(urlsplit(html.unescape(href)).query)))
        for href, text in LINK.findall(page)
    ]


def of_store(page: str) -> list[tuple[str, Asked]]:
    """Return those of `figures` that the store has."""
    return [(text, asked) for text, asked in figures(page) if "type" in asked]


def asked_by(page: str, metric_type: str, key: str) -> list[Asked]:
    """Return what the links of one key ask for besides it, in the order of the page."""
    return [
        {word: given for word, given in asked.items() if word not in ("type", "key")}
        for _, asked in figures(page)
        if (asked.get("type"), asked.get("key")) == (metric_type, key)
    ]


def all_explained(client: Client, page: str) -> int:
    """Open every figure's explanation: each has to say what it is of. Return how many there are."""
    found = figures(page)
    for text, asked in found:
        panel = client.get("/explain", asked, headers={"HX-Request": "true"})
        assert panel.status_code == 200, (text, asked)
        assert panel["HX-Push-Url"] == "false"
        assert '<p class="explained-figure">' in panel.text, (text, asked)
    return len(found)


def ids_of(page: str) -> list[str]:
    """Return every id of a page."""
    return re.findall(r'\sid="([^"]+)"', page)
