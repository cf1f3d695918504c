"""The simulated price service: what it answers to a path and a query, at a given time. No sockets here."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode

from energy.simulator.prices import SLOT, pence_exc_vat, pence_inc_vat, published_until
from energy.simulator.terms import (
    FLEXIBLE,
    POSTCODE_AREAS,
    PRODUCTS,
    REGIONS,
    flexible_rates,
    standing_charges,
)

DEFAULT_PAGE_SIZE = 100
MAX_PAGE_SIZE = 1500

Row = dict[str, Any]


class Refused(Exception):
    """A request that is answered with an error status and the body the real service sends."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(body)
        self.status = status
        self.body = body


@dataclass(frozen=True, slots=True)
class PriceService:
    """Prices of `days` days before now up to what is published, the same for the same seed."""

    seed: int
    days: int

    def answer(self, url: str, path: str, query: str, now: datetime) -> tuple[int, Any]:
        """Return status and JSON of a GET of `path`; `url` is the address without query, for page links."""
        try:
            return 200, self._answer(url, path, dict(parse_qsl(query)), now)
        except Refused as refused:
            return refused.status, refused.body

    def _answer(self, url: str, path: str, query: dict[str, str], now: datetime) -> Any:
        match path.strip("/").split("/"):
            case ["v1", "products"]:
                return {"count": len(PRODUCTS), "next": None, "previous": None, "results": PRODUCTS}
            case ["v1", "industry", "grid-supply-points"]:
                return _grid_supply_points(query.get("postcode", ""))
            case ["v1", "products", code]:
                return _product(code)
            case ["v1", "products", code, "electricity-tariffs", tariff, what]:
                return _page(url, self._rows(code, _region(code, tariff), what, query, now), query)
        raise Refused(404, {"detail": "Not found."})

    def _rows(self, code: str, region: str, what: str, query: dict[str, str], now: datetime) -> "_Rows":
        start, end = _moment(query, "period_from"), _moment(query, "period_to")
        start = max(filter(None, (start, self._earliest(now))))
        if what == "standing-charges":
            return _listed(standing_charges(self._earliest(now), now), start, end)
        if what != "standard-unit-rates":
            raise Refused(404, {"detail": "Not found."})
        if code == FLEXIBLE:
            return _listed(flexible_rates(self._earliest(now), now), start, end)
        return self._half_hours(region, start, min(filter(None, (end, published_until(self.seed, now)))))

    def _half_hours(self, region: str, start: datetime, end: datetime) -> "_Rows":
        first, behind = int(start.timestamp()) // 1800, -(-int(end.timestamp()) // 1800)

        def row(index: int) -> Row:
            return self._half_hour(region, datetime.fromtimestamp((behind - 1 - index) * 1800, UTC))

        return _Rows(max(0, behind - first), row)

    def _half_hour(self, region: str, start: datetime) -> Row:
        exc_vat = pence_exc_vat(self.seed, region, start)
        return {
            "value_exc_vat": exc_vat,
            "value_inc_vat": pence_inc_vat(exc_vat),
            "valid_from": _utc(start),
            "valid_to": _utc(start + SLOT),
            "payment_method": None,
        }

    def _earliest(self, now: datetime) -> datetime:
        return now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(self.days)


@dataclass(frozen=True, slots=True)
class _Rows:
    """`count` rows, newest first, each made when it is asked for."""

    count: int
    row: Callable[[int], Row]


def _listed(rows: Sequence[Row], start: datetime, end: datetime | None) -> _Rows:
    since, until = _utc(start), _utc(end) if end else None
    found = [
        row
        for row in rows
        if (row["valid_to"] is None or row["valid_to"] > since) and (not until or row["valid_from"] < until)
    ]
    return _Rows(len(found), found.__getitem__)


def _page(url: str, rows: _Rows, query: dict[str, str]) -> dict[str, Any]:
    size = min(_positive(query, "page_size", DEFAULT_PAGE_SIZE), MAX_PAGE_SIZE)
    number = _positive(query, "page", 1)
    first, last = (number - 1) * size, min(number * size, rows.count)
    if number > 1 and first >= rows.count:
        raise Refused(404, {"detail": "Invalid page."})
    return {
        "count": rows.count,
        "next": _link(url, query, number + 1) if last < rows.count else None,
        "previous": _link(url, query, number - 1) if number > 1 else None,
        "results": [rows.row(index) for index in range(first, last)],
    }


def _link(url: str, query: dict[str, str], page: int) -> str:
    return f"{url}?{urlencode({**query, 'page': page})}"


def _positive(query: dict[str, str], name: str, default: int) -> int:
    text = query.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and 0 < int(text) < 10**6 else default


def _grid_supply_points(postcode: str) -> dict[str, Any]:
    area = re.match("[A-Z]*", postcode.strip().upper())
    found = [region for region, areas in POSTCODE_AREAS.items() if area and area[0] in areas]
    results = [{"group_id": f"_{region}"} for region in found]
    return {"count": len(results), "next": None, "previous": None, "results": results}


def _product(code: str) -> dict[str, Any]:
    for product in PRODUCTS:
        if product["code"] == code:
            return product
    raise Refused(404, {"detail": "No EnergyProduct matches the given query."})


def _region(code: str, tariff: str) -> str:
    _product(code)
    prefix, _, region = tariff.rpartition("-")
    if prefix != f"E-1R-{code}" or region not in REGIONS:
        raise Refused(404, {"detail": "No ElectricityTariff matches the given query."})
    return region


def _moment(query: dict[str, str], name: str) -> datetime | None:
    """Return the instant a filter names; one without offset is UTC."""
    if name not in query:
        return None
    try:
        moment = datetime.fromisoformat(query[name])
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Refused(400, {name: ["Enter a valid date/time."]}) from None


def _utc(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
