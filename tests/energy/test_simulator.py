import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings

from energy.simulator.prices import pence_exc_vat, pence_inc_vat, publication, published_until
from energy.simulator.service import PriceService

UK = ZoneInfo("Europe/London")
HALF_HOUR = timedelta(minutes=30)
NOW = datetime(2025, 11, 15, 12, tzinfo=UTC)
RATES = "/v1/products/AGILE-24-10-01/electricity-tariffs/E-1R-AGILE-24-10-01-C/standard-unit-rates/"


def ask(path: str = RATES, query: str = "", now: datetime = NOW, seed: int = 1, days: int = 400):
    return PriceService(seed, days).answer(f"http://here{path}", path, query, now)


def year(seed: int, region: str = "C", days: int = 365) -> list[tuple[datetime, float]]:
    start = datetime(2025, 1, 1, tzinfo=UTC)
    slots = (start + n * HALF_HOUR for n in range(days * 48))
    return [(slot, pence_inc_vat(pence_exc_vat(seed, region, slot))) for slot in slots]


def mean(prices: list[float]) -> float:
    return sum(prices) / len(prices)


@pytest.mark.parametrize("seed", [1, 2, 77])
def test_a_year_is_believable(seed):
    prices = [(slot.astimezone(UK), price) for slot, price in year(seed)]
    every = [price for _, price in prices]
    assert 12 < mean(every) < 25
    assert min(every) < -5
    assert 40 < max(every) <= 100
    assert 50 < sum(price < 0 for price in every) < 1200
    evening = mean([p for here, p in prices if 16 <= here.hour < 19])
    night = mean([p for here, p in prices if here.hour < 5])
    assert evening > night + 12
    winter = mean([p for here, p in prices if here.month in (12, 1, 2)])
    summer = mean([p for here, p in prices if here.month in (6, 7, 8)])
    assert winter > summer + 3
    weekend = mean([p for here, p in prices if here.weekday() >= 5])
    assert mean([p for here, p in prices if here.weekday() < 5]) > weekend
    sunny = [p for here, p in prices if here.month in (4, 5, 6, 7, 8) and 11 <= here.hour < 15]
    assert any(p < 0 for p in sunny)


def test_prices_depend_on_seed_region_and_slot_alone():
    assert year(5, days=10) == year(5, days=10)
    assert year(5, days=10) != year(6, days=10)
    assert year(5, days=10) != year(5, "A", days=10)


def test_a_slot_has_the_same_price_whenever_and_however_it_is_asked_for():
    _, whole = ask(query="page_size=1500&period_from=2025-11-01T00:00Z")
    by_start = {row["valid_from"]: row for row in whole["results"]}
    _, later = ask(query="page_size=7&page=3&period_from=2025-11-03", now=NOW + timedelta(hours=2))
    assert later["results"] == [by_start[row["valid_from"]] for row in later["results"]]


def test_rows_come_newest_first_without_a_gap_and_with_vat():
    _, page = ask(query="page_size=1500")
    rows = page["results"]
    assert len(rows) == 1500
    assert all(earlier["valid_to"] == later["valid_from"] for later, earlier in pairwise(rows))
    assert all(row["value_inc_vat"] == pytest.approx(row["value_exc_vat"] * 1.05, abs=0.006) for row in rows)


def test_pages_hold_every_slot_once():
    found, query = [], "period_from=2025-11-01T00:00Z&period_to=2025-11-08T00:00Z"
    while query:
        status, page = ask(query=query)
        assert (status, page["count"]) == (200, 336)
        found += [row["valid_from"] for row in page["results"]]
        assert len(page["results"]) <= 100
        query = page["next"].partition("?")[2] if page["next"] else ""
    assert len(set(found)) == len(found) == 336
    assert found == sorted(found, reverse=True)


def test_the_period_holds_what_overlaps_it():
    _, page = ask(query="period_from=2025-11-01T00:15Z&period_to=2025-11-01T01:15:00%2B00:00")
    assert [row["valid_from"][11:16] for row in page["results"]] == ["01:00", "00:30", "00:00"]
    assert ask(query="period_from=2025-11-02&period_to=2025-11-01")[1]["results"] == []


def test_history_begins_so_many_days_ago():
    _, page = ask(query="period_from=2020-01-01", days=3)
    assert page["count"] == 4 * 48
    _, oldest = ask(query="period_from=2020-01-01&page=2", days=3)
    assert oldest["results"][-1]["valid_from"] == "2025-11-12T00:00:00Z"


@pytest.mark.parametrize(("day", "half_hours"), [((2025, 3, 30), 46), ((2025, 10, 26), 50)])
def test_the_days_of_the_clock_changes_have_their_length(day, half_hours):
    start = datetime(*day, tzinfo=UK)
    end = start + timedelta(days=1)
    _, page = ask(
        query=f"period_from={start.astimezone(UTC):%Y-%m-%dT%H:%MZ}&period_to={end.astimezone(UTC):%Y-%m-%dT%H:%MZ}"
    )
    assert page["count"] == half_hours


def test_tomorrow_is_published_at_about_16_00_and_sometimes_late():
    times = [publication(1, date(2025, 1, 1) + timedelta(days=n)).astimezone(UK) for n in range(365)]
    assert all(at.hour >= 16 for at in times)
    late = [at for at in times if at.hour > 16]
    assert 5 < len(late) < 60
    assert all(at.date() == date(2025, 1, 1) + timedelta(days=n) for n, at in enumerate(times))


@pytest.mark.parametrize(
    ("day", "end"), [((2025, 1, 15), (2025, 1, 17, 0)), ((2025, 7, 15), (2025, 7, 16, 23))]
)
def test_what_is_published_ends_with_a_local_day(day, end):
    out = publication(1, date(*day))
    assert published_until(1, out) == datetime(*end, tzinfo=UTC)
    assert published_until(1, out - timedelta(seconds=1)) == datetime(*end, tzinfo=UTC) - timedelta(days=1)
    assert ask(now=out)[1]["results"][0]["valid_to"] == f"{datetime(*end):%Y-%m-%dT%H:%M:%SZ}"


@pytest.mark.parametrize(
    ("path", "query", "status"),
    [
        ("/v1/products/", "", 200),
        ("/v1/products/AGILE-24-10-01/", "", 200),
        ("/v1/products/AGILE-18-02-21/", "", 404),
        ("/", "", 404),
        (RATES.replace("E-1R-AGILE-24-10-01-C", "E-1R-AGILE-24-10-01-I"), "", 404),
        (RATES.replace("E-1R-AGILE-24-10-01-C", "E-2R-AGILE-24-10-01-C"), "", 404),
        (RATES.replace("standard-unit-rates", "night-unit-rates"), "", 404),
        (RATES, "page=99999", 404),
        (RATES, "page_size=-1", 200),
        (RATES, "period_from=soon", 400),
    ],
)
def test_status_is_as_of_the_real_service(path, query, status):
    assert ask(path, query)[0] == status


def command(*args: str) -> subprocess.Popen:
    environment = {**os.environ, "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none"}
    return subprocess.Popen(
        [sys.executable, "manage.py", "simulate_prices", *args],
        cwd=settings.BASE_DIR,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.process
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_command_serves_without_a_database_and_ends_at_a_signal(number):
    with command("--port", "0", "--days", "3") as process:
        try:
            url = process.stdout.readline().split()[-1]
            with urllib.request.urlopen(f"{url}{RATES}?page_size=2", timeout=10) as answer:
                assert len(json.load(answer)["results"]) == 2
            process.send_signal(number)
            assert process.wait(20) == 0
        finally:
            process.kill()
        assert process.stderr.read() == ""


@pytest.mark.process
def test_a_port_in_use_is_one_line_and_status_2():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with command("--port", str(port)) as process:
            out, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert out == ""
    assert err.startswith(f"simulate_prices: cannot listen on 127.0.0.1:{port} (")
    assert err.count("\n") == 1


@pytest.mark.process
@pytest.mark.parametrize(
    "args", [("--port", "70000"), ("--days", "0"), ("--port", "x"), ("--host", "256.1.1.1")]
)
def test_a_wrong_option_is_one_line_and_status_2(args):
    with command(*args) as process:
        _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert err.count("\n") == 1
