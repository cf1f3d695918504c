"""Octopus Energy's public price API: Agile, and any other import tariff with one register.

Rates come newest first in pages, in pence per kWh with VAT, `valid_to` exclusive and null where open. A UK
day ends at 23:00 UTC in summer. Tomorrow's rates are published at about 16:00 UK time, now and then hours
later, and reach to 23:00 UK time.
"""

import time
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit
from zoneinfo import ZoneInfo

from django.conf import settings

from energy.models import Tariff
from energy.points import Rate, is_possible
from energy.providers import providers
from energy.providers.base import Charge, ProviderError, Published
from hmm.door import Source, ask
from hmm.lib.http import BadAnswer, HttpError, Reply
from hmm.lib.times import local_midnight

UK = ZoneInfo("Europe/London")
REGIONS = "ABCDEFGHJKLMNP"
PAGE_SIZE = 1500
MAX_PAGES = 1000
OCTOPUS = Source("octopus", fresh_s=0, pace_s=36, burst=100, timeout_s=30, stands_in_s=0)
"""It is asked only for what is not stored yet, so nothing is cached; it allows about 100 questions an hour."""

FETCH_LIMIT_S = 600.0
SHORTEST_CHARGE = timedelta(hours=23)
"""A standing charge is by the day, and a day of the spring clock change has 23 hours."""

ASK_AGAIN_S = {404: 3600.0, 429: 900.0}
"""How long to leave the service alone where it does not say so itself."""

NO_END = datetime.max.replace(tzinfo=UTC)
METHOD_RANK = {"DIRECT_DEBIT": 0, "": 1, "NON_DIRECT_DEBIT": 2}
"""Which price counts where there is one for each payment method."""


class OctopusAgile:
    """Half-hourly prices of a product and a region."""

    name = "octopus_agile"
    correction_window = timedelta(days=2)

    def problems(self, tariff: Tariff) -> dict[str, str]:
        """See PriceProvider."""
        found = {}
        if not tariff.product.strip():
            found["product"] = "Octopus needs a product code, such as AGILE-24-10-01."
        if len(tariff.region) != 1 or tariff.region not in REGIONS:
            found["region"] = "Octopus needs a region: a letter A to P, without I and O."
        return found

    def published_until(self, now: datetime) -> datetime:
        """See PriceProvider: 23:00 UK time of today, from 16:00 on of tomorrow."""
        here = now.astimezone(UK)
        day = here.date() + timedelta(days=1 if here.hour >= 16 else 0)
        return datetime(day.year, day.month, day.day, 23, tzinfo=UK).astimezone(UTC)

    def ask_until(self, now: datetime) -> datetime:
        """See PriceProvider: the end of tomorrow, UK time."""
        return local_midnight(now.astimezone(UK).date() + timedelta(days=2), UK)

    def fetch(self, tariff: Tariff, start: datetime, end: datetime, base_url: str | None = None) -> Published:
        """See PriceProvider. Standing charges that cannot be read are a warning, the rates still count."""
        if problems := self.problems(tariff):
            raise ProviderError(" ".join(problems.values()))
        service = _Service(tariff, start, end, base_url or settings.OCTOPUS_BASE_URL)
        rates = [Rate(p.start, p.end, p.value) for p in _one_per_moment(service.read("standard-unit-rates"))]
        charges, warning = service.charges()
        return Published(rates, charges, warning)


@dataclass(frozen=True, slots=True)
class Priced:
    """One row of the API: a value that holds over [start, end), `end` None where open."""

    start: datetime
    end: datetime | None
    value: float
    method: str


class _Service:
    """The API, asked about one tariff and one stretch of time within one time limit."""

    def __init__(self, tariff: Tariff, start: datetime, end: datetime, base_url: str) -> None:
        self.code = f"E-1R-{tariff.product}-{tariff.region}"
        self.base_url = _checked_base_url(base_url)
        self.url = (
            f"{self.base_url}/v1/products/{quote(tariff.product, safe='')}"
            f"/electricity-tariffs/{quote(self.code, safe='')}"
        )
        self.period = {"period_from": _utc(start), "period_to": _utc(end), "page_size": str(PAGE_SIZE)}
        self.ends_at = time.monotonic() + FETCH_LIMIT_S

    def read(self, what: str) -> list[Priced]:
        """Return every row of `standard-unit-rates` or `standing-charges`, each once."""
        rows = {row for page in self._pages(f"{self.url}/{what}/") for row in page.rows}
        return list(rows)

    def charges(self) -> tuple[list[Charge] | None, str]:
        """Return the standing charges, None where there are none to have, and a warning if something is wrong."""
        try:
            found = _one_per_moment(self.read("standing-charges"))
        except ProviderError as error:
            return None, "" if _is_missing(error) else f"standing charges: {error.reason}"
        if any(row.end and row.end - row.start < SHORTEST_CHARGE for row in found):
            return None, "standing charges: one holds for less than a day"
        return [Charge(row.start, row.end, row.value) for row in found], ""

    def _pages(self, url: str) -> "Iterator[Page]":
        params, seen = self.period, set()
        for _ in range(MAX_PAGES):
            page = self._page(url, params)
            yield page
            if page.next_query is None:
                return
            if page.next_query in seen:
                raise ProviderError(f"{self.base_url}: its pages go round in circles")
            seen.add(page.next_query)
            params = dict(parse_qsl(page.next_query))
        raise ProviderError(f"{self.base_url}: more than {MAX_PAGES} pages")

    def _page(self, url: str, params: dict[str, str]) -> "Page":
        left_s = self.ends_at - time.monotonic()
        if left_s <= 0:
            raise ProviderError(f"{self.base_url}: not done within {FETCH_LIMIT_S:.0f} s")
        try:
            return ask(OCTOPUS, url, read_page, params=params, within_s=left_s, use_cache=False).value
        except HttpError as error:
            raise self._explained(error) from error

    def _explained(self, error: HttpError) -> ProviderError:
        wait_s = error.retry_after_s
        if wait_s is None and error.status is not None:
            wait_s = ASK_AGAIN_S.get(error.status)
        if error.status == 404:
            return ProviderError(
                f"{self.base_url} has no tariff {self.code}: the product may be retired;"
                " give the tariff a current product code",
                wait_s,
            )
        return ProviderError(f"{self.base_url}: {error.reason}", wait_s)


def _checked_base_url(base_url: str) -> str:
    try:
        parts = urlsplit(base_url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good or parts.query or parts.fragment:
        raise ProviderError(f"{base_url!r} is not an address such as https://api.octopus.energy")
    return base_url.rstrip("/")


def _is_missing(error: ProviderError) -> bool:
    return isinstance(error.__cause__, HttpError) and error.__cause__.status == 404


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the API, and the query of the link to the next one."""

    rows: list[Priced]
    next_query: str | None


def read_page(reply: Reply) -> Page:
    """Return the page that a reply is. Raises BadAnswer unless each of its results is a price."""
    page = reply.json()
    if not isinstance(page, dict) or not isinstance(page.get("results"), list):
        raise BadAnswer("answer has no list of results", 200)
    if not isinstance(page.get("count", 0), int):
        raise BadAnswer(f"the count of results is {str(page['count'])[:80]!r}", 200)
    return Page(list(_rows(page)), _next_query(page))


def _next_query(page: dict[str, Any]) -> str | None:
    """Return the query of the link to the next page. Its host is not ours to follow: it may be another."""
    link = page.get("next")
    if link is None:
        return None
    try:
        query = urlsplit(link).query if isinstance(link, str) else ""
    except ValueError:
        query = ""
    if not query:
        raise BadAnswer(f"the link to the next page is {str(link)[:200]!r}", 200)
    return query


def _rows(page: dict[str, Any]) -> Iterator[Priced]:
    for row in page["results"]:
        try:
            yield _row(row)
        except (KeyError, TypeError, ValueError, OverflowError):
            raise BadAnswer(f"a result is not a price: {str(row)[:200]}", 200) from None


def _row(row: Any) -> Priced:
    start, until = _instant(row["valid_from"]), row["valid_to"]
    end = None if until is None else _instant(until)
    value, method = row["value_inc_vat"], row.get("payment_method") or ""
    if isinstance(value, bool) or not is_possible(value) or not isinstance(method, str):
        raise ValueError(value)
    if end is not None and end <= start:
        raise ValueError(until)
    return Priced(start, end, float(value), method)


def _instant(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(text)
    return moment.astimezone(UTC)


def _one_per_moment(rows: Iterable[Priced]) -> list[Priced]:
    """Return the rows in order of time; where payment methods overlap, that of the best rank alone."""
    chosen: list[Priced] = []
    for _, group in groupby(sorted(rows, key=_rank), key=_rank):
        starts = [row.start for row in chosen]
        chosen += [row for row in group if not _is_taken(row, chosen, starts)]
        chosen.sort(key=lambda row: row.start)
    return chosen


def _rank(row: Priced) -> tuple[int, str]:
    return METHOD_RANK.get(row.method, len(METHOD_RANK)), row.method


def _is_taken(row: Priced, chosen: list[Priced], starts: list[datetime]) -> bool:
    at = bisect_right(starts, row.start)
    runs_on = at > 0 and (chosen[at - 1].end or NO_END) > row.start
    return runs_on or (at < len(starts) and starts[at] < (row.end or NO_END))


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


providers.register(OctopusAgile.name, OctopusAgile())
