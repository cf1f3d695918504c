"""The simulated service's products, and the prices of theirs that change with the seasons only."""

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from energy.simulator.weather import chance
from hmm.lib.times import local_midnight

UK = ZoneInfo("Europe/London")
AGILE = "AGILE-24-10-01"
FLEXIBLE = "VAR-22-11-01"
REGIONS = tuple("ABCDEFGHJKLMNP")
POSTCODE_AREAS = {
    "A": ("CB", "NR", "IP", "PE"),
    "B": ("DE", "NG", "LE", "LN"),
    "C": ("E", "EC", "N", "NW", "SE", "SW", "W", "WC"),
    "E": ("B", "CV", "WS", "WV"),
    "F": ("NE", "DH", "SR"),
    "G": ("M", "BL", "OL", "PR"),
    "H": ("OX", "RG", "SO", "PO"),
    "J": ("BN", "CT", "ME", "TN"),
    "K": ("CF", "NP", "SA"),
    "L": ("BS", "EX", "PL", "TR"),
    "M": ("LS", "S", "YO", "HU"),
    "N": ("EH", "G"),
    "P": ("AB", "IV", "PH"),
}
"""Areas of postcodes that lie in one region for the most part."""

PAYMENT_MARKUP = (("DIRECT_DEBIT", 1.0), ("NON_DIRECT_DEBIT", 1.02))
DIRECT_DEBIT_ONLY = PAYMENT_MARKUP[:1]


def _product(code: str, full_name: str, display_name: str, available_from: str) -> dict[str, Any]:
    return {
        "code": code,
        "direction": "IMPORT",
        "full_name": full_name,
        "display_name": display_name,
        "description": f"{display_name}, simulated.",
        "is_variable": True,
        "is_green": True,
        "is_tracker": False,
        "is_prepay": False,
        "is_business": False,
        "is_restricted": False,
        "term": None,
        "available_from": available_from,
        "available_to": None,
        "links": [],
        "brand": "OCTOPUS_ENERGY",
    }


PRODUCTS = [
    _product(AGILE, "Agile Octopus October 2024 v1", "Agile Octopus", "2024-10-01T00:00:00+01:00"),
    _product(FLEXIBLE, "Flexible Octopus", "Flexible Octopus", "2022-11-01T00:00:00Z"),
]


def flexible_rates(earliest: datetime, now: datetime) -> list[dict[str, Any]]:
    """Return the flexible product's rates, newest first: a new one each quarter, the newest open-ended.

    Every quarter has one row for each payment method.
    """
    return _rows(_quarters(earliest, now), 24.5, PAYMENT_MARKUP, "flexible")


def standing_charges(earliest: datetime, now: datetime) -> list[dict[str, Any]]:
    """Return the standing charges in pence a day, newest first: a new one each April, the newest open-ended."""
    aprils = (date(year, 4, 1) for year in range(earliest.year - 1, now.year + 1))
    today = now.astimezone(UK).date()
    return _rows([day for day in aprils if day <= today], 47.0, DIRECT_DEBIT_ONLY, "standing")


def _rows(
    days: list[date], base: float, methods: tuple[tuple[str, float], ...], what: str
) -> list[dict[str, Any]]:
    """Return a row for each day on which a price begins and each payment method, newest first."""
    edges = [_utc(local_midnight(day, UK)) for day in days]
    spans = zip(days, edges, [*edges[1:], None], strict=True)
    return [
        _row(base * markup * (0.9 + 0.2 * chance(what, day)), start, end, method)
        for day, start, end in reversed(list(spans))
        for method, markup in methods
    ]


def _row(exc_vat: float, start: str, end: str | None, method: str) -> dict[str, Any]:
    return {
        "value_exc_vat": round(exc_vat, 4),
        "value_inc_vat": round(exc_vat * 1.05, 4),
        "valid_from": start,
        "valid_to": end,
        "payment_method": method,
    }


def _quarters(earliest: datetime, now: datetime) -> list[date]:
    first, last = earliest.astimezone(UK).date(), now.astimezone(UK).date()
    months = range((first.year * 12 + first.month - 1) // 3 * 3, last.year * 12 + last.month, 3)
    return [date(month // 12, month % 12 + 1, 1) for month in months]


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
