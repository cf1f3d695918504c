from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from energy.models import Tariff
from energy.points import Rate
from energy.providers import octopus_agile, providers
from energy.providers.base import Charge, ProviderError
from hmm.door import books
from hmm.door.source import host_of
from tests.energy.servers import Reply, canned_prices, page, rate, simulated_prices

UK = ZoneInfo("Europe/London")
TARIFF = Tariff(name="Agile", provider="octopus_agile", product="AGILE-24-10-01", region="C")
FLEXIBLE = Tariff(name="Flexible", provider="octopus_agile", product="VAR-22-11-01", region="C")
DAY = datetime(2025, 1, 15, tzinfo=UTC)
NOON = DAY.replace(hour=12)
agile = providers["octopus_agile"]


def fetch(base_url: str, start: datetime = DAY, end: datetime = DAY + timedelta(days=1), tariff=TARIFF):
    return agile.fetch(tariff, start, end, base_url)


def refusal(rates, **kwargs) -> ProviderError:
    with canned_prices(rates, **kwargs) as service, pytest.raises(ProviderError) as caught:
        fetch(service.url)
    return caught.value


def test_a_day_of_the_simulated_service_is_48_half_hours():
    with simulated_prices(NOON) as (url, _):
        found = fetch(url)
    rates = sorted(found.rates)
    assert [r.start for r in rates] == [DAY + n * timedelta(minutes=30) for n in range(48)]
    assert all(r.end == r.start + timedelta(minutes=30) for r in rates)
    assert found.warning == ""


@pytest.mark.parametrize(
    ("day", "half_hours"), [((2025, 3, 30), 46), ((2025, 10, 26), 50), ((2025, 7, 1), 48)]
)
def test_a_local_day_has_its_own_number_of_half_hours(day, half_hours):
    start = datetime(*day, tzinfo=UK)
    end = (start + timedelta(days=1)).astimezone(UTC)
    with simulated_prices(end + timedelta(days=2)) as (url, _):
        rates = sorted(fetch(url, start.astimezone(UTC), end).rates)
    assert len(rates) == half_hours
    assert (rates[0].start, rates[-1].end) == (start, end)


def test_pages_are_followed_to_the_end():
    with simulated_prices(NOON, days=100) as (url, _):
        rates = fetch(url, DAY - timedelta(days=90)).rates
    assert len({r.start for r in rates}) == len(rates) == 91 * 48


def test_the_next_page_is_asked_of_the_configured_address():
    def rates(query):
        if query.get("page") == "2":
            return page(rate("2025-01-15T00:00:00Z", "2025-01-15T00:30:00Z", 1))
        link = "https://api.octopus.example/elsewhere/?page=2&period_from=2025-01-15T00:00Z"
        return page(rate("2025-01-15T00:30:00Z", "2025-01-15T01:00:00Z", 2), following=link)

    with canned_prices(rates) as service:
        found = fetch(service.url)
    assert [r.pence_per_kwh for r in sorted(found.rates)] == [1, 2]
    first, second = service.rates_asked()
    assert first == {
        "period_from": "2025-01-15T00:00:00Z",
        "period_to": "2025-01-16T00:00:00Z",
        "page_size": "1500",
    }
    assert second == {"page": "2", "period_from": "2025-01-15T00:00Z"}


def test_a_row_that_moved_to_the_next_page_counts_once():
    row = rate("2025-01-15T00:00:00Z", "2025-01-15T00:30:00Z", 1)
    with canned_prices(lambda q: page(row, following=None if "page" in q else "?page=2")) as service:
        assert fetch(service.url).rates == [Rate(DAY, DAY + timedelta(minutes=30), 1.0)]


def test_pages_that_go_round_in_circles_are_given_up():
    assert "circles" in refusal(page(following="?page=2")).reason


def test_pages_without_end_are_given_up(monkeypatch):
    monkeypatch.setattr(octopus_agile, "MAX_PAGES", 20)

    def rates(query):
        return page(following=f"?page={int(query.get('page', 1)) + 1}")

    assert "more than 20 pages" in refusal(rates).reason


def test_an_open_end_stays_open_and_direct_debit_counts():
    rows = [
        rate("2025-01-10T00:00:00Z", None, 30, "DIRECT_DEBIT"),
        rate("2025-01-10T00:00:00Z", None, 32, "NON_DIRECT_DEBIT"),
        rate("2024-10-01T00:00:00Z", "2025-01-10T00:00:00Z", 27, "NON_DIRECT_DEBIT"),
        rate("2024-10-01T00:00:00Z", "2025-01-10T00:00:00Z", 26, "DIRECT_DEBIT"),
    ]
    with canned_prices(page(*rows)) as service:
        found = sorted(fetch(service.url).rates)
    assert [(r.pence_per_kwh, r.end) for r in found] == [(26, datetime(2025, 1, 10, tzinfo=UTC)), (30, None)]


def test_another_payment_method_counts_where_it_is_alone():
    rows = [
        rate("2025-01-15T00:00:00Z", "2025-01-15T01:00:00Z", 5, "NON_DIRECT_DEBIT"),
        rate("2025-01-15T01:00:00Z", "2025-01-15T02:00:00Z", 6, "NON_DIRECT_DEBIT"),
        rate("2025-01-15T01:00:00Z", "2025-01-15T02:00:00Z", 7, "DIRECT_DEBIT"),
        rate("2025-01-15T01:30:00Z", "2025-01-15T02:30:00Z", 8, "NON_DIRECT_DEBIT"),
    ]
    with canned_prices(page(*rows)) as service:
        assert [r.pence_per_kwh for r in sorted(fetch(service.url).rates)] == [5, 7]


def test_the_older_form_without_payment_method_and_with_local_offset_is_read():
    row = rate("2025-07-15T01:00:00+01:00", "2025-07-15T01:30:00+01:00", -5.817)
    del row["payment_method"]
    with canned_prices(page(row)) as service:
        found = fetch(service.url, datetime(2025, 7, 15, tzinfo=UTC), datetime(2025, 7, 16, tzinfo=UTC))
    start = datetime(2025, 7, 15, tzinfo=UTC)
    assert found.rates == [Rate(start, start + timedelta(minutes=30), -5.817)]


def test_nothing_published_is_no_error():
    with canned_prices(page()) as service:
        assert fetch(service.url).rates == []


GOOD = rate("2025-01-15T00:00:00Z", "2025-01-15T00:30:00Z", 1)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ([], "no list of results"),
        ({"count": 1, "next": None}, "no list of results"),
        ({"error": "Product not found", "status": 404}, "no list of results"),
        ({"results": {"valid_from": "x"}}, "no list of results"),
        ({"results": [], "count": "many"}, "the count of results is 'many'"),
        ({"results": ["x"]}, "not a price"),
        ({"results": [None]}, "not a price"),
        ({"results": [{**GOOD, "value_inc_vat": None}]}, "not a price"),
        ({"results": [{**GOOD, "value_inc_vat": "12.5"}]}, "not a price"),
        ({"results": [{**GOOD, "value_inc_vat": True}]}, "not a price"),
        ({"results": [{**GOOD, "value_inc_vat": 1e9}]}, "not a price"),
        ({"results": [{"value_inc_vat": 1}]}, "not a price"),
        ({"results": [{**GOOD, "valid_from": None}]}, "not a price"),
        ({"results": [{**GOOD, "valid_from": "yesterday"}]}, "not a price"),
        ({"results": [{**GOOD, "valid_from": "2025-01-15T00:00:00"}]}, "not a price"),
        ({"results": [{**GOOD, "valid_to": GOOD["valid_from"]}]}, "not a price"),
        ({"results": [{**GOOD, "payment_method": 7}]}, "not a price"),
        ({"results": [], "next": 7}, "link to the next page"),
        ({"results": [], "next": "http://[/"}, "link to the next page"),
        ({"results": [], "next": "https://api.octopus.example/"}, "link to the next page"),
        (b"<html><body>Maintenance</body></html>", "answers HTML"),
        (b'{"results": [', "cut off"),
        (b'{"results": [{"value_inc_vat": 1e999}]}', "not a price"),
    ],
)
def test_an_answer_of_the_wrong_shape_is_refused_and_is_the_last_error_of_its_source(body, reason):
    with canned_prices(Reply(body)) as service, pytest.raises(ProviderError) as caught:
        fetch(service.url)
    assert reason in caught.value.reason
    assert reason in books().last_errors["octopus", host_of(service.url)]


def test_a_retired_product_is_said_to_be_one():
    with simulated_prices(NOON) as (url, _), pytest.raises(ProviderError) as caught:
        fetch(url, tariff=Tariff(product="AGILE-18-02-21", region="C"))
    assert "has no tariff E-1R-AGILE-18-02-21-C" in caught.value.reason
    assert "retired" in caught.value.reason
    assert caught.value.retry_after_s == 3600


@pytest.mark.parametrize(
    ("reply", "reason", "wait_s"),
    [
        (Reply({}, 429, {"Retry-After": "120"}), "HTTP 429", 120),
        (Reply({}, 429), "HTTP 429", 900),
        (Reply({}, 503, {"Retry-After": "30"}), "HTTP 503", 30),
        (Reply({}, 500), "HTTP 500", None),
        (Reply({}, 302, {"Location": "http://127.0.0.1:1/"}), "redirects", None),
    ],
)
def test_a_refusing_service_is_told_of_with_how_long_to_wait(reply, reason, wait_s):
    error = refusal(reply)
    assert reason in error.reason
    assert error.retry_after_s == wait_s


def test_a_service_that_is_not_there_is_an_error():
    with pytest.raises(ProviderError, match="connection refused"):
        fetch("http://127.0.0.1:1")


@pytest.mark.parametrize(
    "base_url", ["", "api.octopus.energy", "ftp://x", "http://", "http://[x", "http://x/?a=b"]
)
def test_a_base_address_that_is_none_is_an_error(base_url, settings):
    settings.OCTOPUS_BASE_URL = base_url
    with pytest.raises(ProviderError, match="not an address"):
        fetch(base_url)


def test_a_base_address_may_have_a_path():
    with canned_prices(page(GOOD)) as service:
        assert len(fetch(f"{service.url}/proxy/octopus/").rates) == 1


def test_standing_charges_come_with_the_rates():
    with simulated_prices(datetime(2025, 5, 1, 12, tzinfo=UTC), days=60) as (url, _):
        april = datetime(2025, 3, 31, 23, tzinfo=UTC)
        charges = fetch(url, april - timedelta(days=1), april + timedelta(days=1)).charges
    assert [(c.start, c.end) for c in charges] == [
        (datetime(2024, 3, 31, 23, tzinfo=UTC), april),
        (april, None),
    ]
    assert all(40 < c.pence_per_day < 60 for c in charges)


def test_standing_charges_by_direct_debit_count():
    rows = [
        rate("2025-01-01T00:00:00Z", None, 50, "DIRECT_DEBIT"),
        rate("2025-01-01T00:00:00Z", None, 55, "NON_DIRECT_DEBIT"),
    ]
    with canned_prices(page(GOOD), charges=page(*rows)) as service:
        assert fetch(service.url).charges == [Charge(datetime(2025, 1, 1, tzinfo=UTC), None, 50.0)]


@pytest.mark.parametrize(
    ("charges", "warning"),
    [
        (Reply({}, 404), ""),
        (Reply({}, 500), "standing charges: "),
        (page(GOOD), "standing charges: one holds for less than a day"),
        (Reply(b"<html>"), "standing charges: "),
    ],
)
def test_rates_count_even_where_standing_charges_cannot_be_read(charges, warning):
    with canned_prices(page(GOOD), charges=charges) as service:
        found = fetch(service.url)
    assert len(found.rates) == 1
    assert found.charges is None
    assert found.warning.startswith(warning)
    assert bool(found.warning) == bool(warning)


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ((2025, 1, 15, 15, 59), (2025, 1, 15, 23)),
        ((2025, 1, 15, 16, 0), (2025, 1, 16, 23)),
        ((2025, 7, 15, 14, 59), (2025, 7, 15, 22)),
        ((2025, 7, 15, 15, 0), (2025, 7, 16, 22)),
        ((2025, 3, 29, 16, 0), (2025, 3, 30, 22)),
        ((2025, 10, 25, 15, 0), (2025, 10, 26, 23)),
    ],
)
def test_tomorrow_is_due_from_16_00_uk_time(now, until):
    assert agile.published_until(datetime(*now, tzinfo=UTC)) == datetime(*until, tzinfo=UTC)
    assert agile.ask_until(datetime(*now, tzinfo=UTC)) >= datetime(*until, tzinfo=UTC)


@pytest.mark.parametrize("region", ["", "I", "O", "Q", "c", "AB", "1"])
def test_a_region_that_is_none_is_a_problem(region):
    assert set(agile.problems(Tariff(product="AGILE-24-10-01", region=region))) == {"region"}


def test_a_tariff_without_product_is_a_problem():
    assert set(agile.problems(Tariff(region="C"))) == {"product"}
    with pytest.raises(ProviderError, match="product code"):
        fetch("http://127.0.0.1:1", tariff=Tariff(region="C"))
