"""A house of which analytics tells: two miners, three days, two prices."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from django.test import Client
from django.urls import reverse

from tests.metrics.fleet_at_work import publish, report, working_miners
from tests.pages import words_of

NOW = datetime(2026, 6, 3, 11, 10, tzinfo=UTC)  # 12:10 in London
DAY = timedelta(days=1)
TWO_DAYS = {"from": "2026-06-02", "to": "2026-06-03"}

Ask = Callable[..., dict[str, Any]]


def fill() -> None:
    """Have both at work in the last hour with 18 W and 1.2 TH/s, and on the days before."""
    first, second = working_miners(2, NOW)
    for ago, hashrate_ghs in ((1, 600.0), (2, 900.0)):
        report(first, NOW - ago * DAY, rows=12, hashrate_ghs=hashrate_ghs)
    report(second, NOW - 2 * DAY, rows=6)
    publish([10.0] * 48 + [30.0] * 200, datetime(2026, 5, 31, 23, tzinfo=UTC))


def asks(member: Client) -> Ask:
    """Return what answers with the JSON of a view."""

    def answer(**asked: Any) -> dict[str, Any]:
        response = member.get(reverse("metrics:analytics_json"), asked)
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.json()
        return found

    return answer


def said(member: Client, status: int = 200, **asked: Any) -> str:
    """Return the words of the page."""
    response = member.get(reverse("metrics:analytics"), asked)
    assert response.status_code == status
    return words_of(response)
