"""While another connection's run of the engine is at work: pages show what is stored, the API what is right."""

import re
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connections, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from hmm.lib.locks import try_lock
from metrics.dashboard.blocks import Present
from metrics.engine.run import LOCK, run
from metrics.models.token import create_token
from metrics.query import as_stored_meanwhile, prepared
from metrics.query.meanwhile import A_MOMENT_S, goes_without, patience_of
from metrics.strategies.figures import site_figures
from metrics.views import fleet_blocks
from metrics.views import miner as views
from tests.metrics.fleet_at_work import report, working_miners
from tests.pages import words_of

NOW = datetime(2026, 6, 1, 12, 10, tzinfo=UTC)  # 13:10 in London
YESTERDAY = NOW - timedelta(days=1)
NOTICE = "are being computed just now by a long run; until then they are shown as they are stored"


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepared, "PATIENCE_S", 0.05)
    monkeypatch.setattr(timezone, "now", lambda: NOW)
    for each in (views, fleet_blocks):
        monkeypatch.setattr(each, "_present", lambda: Present(NOW, ZoneInfo("Europe/London"), "GBP"))


def in_another_connection(work: Callable[[], Any]) -> Any:
    found: list[Any] = []

    def job() -> None:
        try:
            found.append(work())
        finally:
            connections.close_all()

    thread = threading.Thread(target=job)
    thread.start()
    thread.join(60)
    return found[0]


@pytest.mark.django_db(transaction=True)
def test_what_is_stored_is_shown_and_what_is_right_is_told(member: Client) -> None:
    (miner,) = working_miners(1, NOW, hours=60)
    run(NOW)
    report(miner, YESTERDAY + timedelta(minutes=5))
    headers = {"Authorization": f"Bearer {create_token('a program')}"}

    def page() -> str:
        return words_of(member.get(reverse("metrics:miner", args=[miner.pk])))

    def analysed() -> str:
        asked = {
            "view": "series",
            "metric": "energy_cost.total_kwh",
            "from": "2026-05-31",
            "to": "2026-05-31",
        }
        return words_of(member.get(reverse("metrics:analytics"), asked))

    def api(day: datetime) -> tuple[int, str | None]:
        asked = {"type": "hashrate", "period": "daily", "from": f"{day:%Y-%m-%d}", "to": f"{day:%Y-%m-%d}"}
        response = Client().get("/api/metrics", asked, headers=headers)
        return response.status_code, response.headers.get("Retry-After")

    with transaction.atomic():
        assert try_lock(LOCK)
        told = in_another_connection(page)
        assert re.search(rf"Figures from 2026-05-31 13:\d\d to 13:\d\d {NOTICE}", told), told
        assert "Cost and earnings" in told
        assert NOTICE in in_another_connection(analysed)
        assert in_another_connection(lambda: api(YESTERDAY)) == (503, "5")
        assert in_another_connection(lambda: api(YESTERDAY - timedelta(days=1))) == (200, None)
    assert NOTICE not in page()
    assert api(YESTERDAY) == (200, None)


FIGURE = "type=energy_cost&key=total_kwh&entity_type=system&period=daily"
SHOWN = {
    "a day's ledger": "/ledger?day=2026-05-31",
    "one miner's ledger": "/ledger?day=2026-05-31&miner=gamma-1",
    "today against yesterday": "/blocks/fleet-yesterday",
    "an explanation": f"/explain?{FIGURE}&at=2026-05-31",
    "an explanation of a range": f"/explain?{FIGURE}&from=2026-05-30&to=2026-05-31",
    "a miner's chart": "/miners/{miner}/series/power?span=24h",
    "a chart of analytics": "/analytics.json?metric=hashrate.avg&of=all&period=daily&from=2026-05-30&to=2026-05-31&chart=1",
}
"""What people look at; each is of yesterday too."""
FILES = ("/ledger.csv?day=2026-05-31", "/analytics.csv?metric=hashrate.avg&from=2026-05-30&to=2026-05-31")


@pytest.mark.django_db(transaction=True)
def test_whatever_people_look_at_is_shown_and_files_wait_until_they_are_right(member: Client) -> None:
    (miner,) = working_miners(1, NOW, hours=60)
    run(NOW)
    report(miner, YESTERDAY + timedelta(minutes=5))

    def answers() -> dict[str, tuple[int, bool]]:
        found = {what: member.get(address.format(miner=miner.pk)) for what, address in SHOWN.items()}
        return {what: (answer.status_code, NOTICE in answer.text) for what, answer in found.items()}

    def statuses() -> list[int]:
        return [member.get(address).status_code for address in FILES]

    with transaction.atomic():
        assert try_lock(LOCK)
        assert in_another_connection(answers) == dict.fromkeys(SHOWN, (200, True))
        assert in_another_connection(statuses) == [503, 503]
    assert answers() == dict.fromkeys(SHOWN, (200, False))
    assert statuses() == [200, 200]


@pytest.mark.django_db(transaction=True)
def test_who_asks_for_what_is_stored_waits_for_no_run_of_a_later_time(member: Client) -> None:
    """The half-hour that has just closed is nobody's matter who asks for the day before."""
    (miner,) = working_miners(1, NOW - timedelta(hours=1), hours=40)
    run(NOW - timedelta(hours=1))
    report(miner, NOW, rows=6)
    ranked = site_figures(1, NOW - timedelta(hours=1))

    def uptimes() -> list[float | None]:
        with as_stored_meanwhile() as meanwhile:
            found = [each.uptime for each in site_figures(1, NOW)]
        assert NOTICE in meanwhile.words
        return found

    def day() -> int:
        headers = {"Authorization": f"Bearer {token}"}
        asked = {"type": "hashrate", "period": "hourly", "from": "2026-05-31", "to": "2026-05-31"}
        return Client().get("/api/metrics", asked, headers=headers).status_code

    token = create_token("a program")
    with transaction.atomic():
        assert try_lock(LOCK)
        assert in_another_connection(day) == 200
        # Of the 24 hours that are stored, and not of 24 of which the last are missing.
        assert in_another_connection(uptimes) == [each.uptime for each in ranked]


def test_a_page_waits_once_and_says_from_when_to_when(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    zone = ZoneInfo("Europe/London")
    monkeypatch.setattr("metrics.query.meanwhile.installation", lambda: Present(NOW, zone, "GBP"))
    assert (patience_of(2.0), goes_without(YESTERDAY, NOW)) == (2.0, False)
    with as_stored_meanwhile() as meanwhile:
        assert (patience_of(2.0), patience_of(0.0), meanwhile.words) == (A_MOMENT_S, 0.0, "")
        assert goes_without(NOW, NOW + timedelta(minutes=30))
        assert "from 2026-06-01 13:10 to 13:40 are" in meanwhile.words
        assert goes_without(YESTERDAY, NOW)
        assert "from 2026-05-31 13:10 to 2026-06-01 13:40 are" in meanwhile.words
        assert patience_of(2.0) == 0
    assert patience_of(2.0) == 2.0
