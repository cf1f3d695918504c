from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command

from energy.models import PriceSlot, Tariff
from hmm.models import DirtyRange
from tests.energy.servers import Reply, canned_prices, page, rate, simulated_prices
from tests.factories import TariffFactory

pytestmark = pytest.mark.django_db

NOW = datetime.now(UTC).replace(microsecond=0)


def run(capsys, **options) -> str:
    call_command("fetch_prices", **options)
    return capsys.readouterr().out


def refusal(**options) -> str:
    with pytest.raises(CommandError) as caught:
        call_command("fetch_prices", **options)
    assert caught.value.returncode == 2
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_fresh_database_fetches_at_once_and_again_without_harm(capsys):
    with simulated_prices(NOW) as (url, _):
        first = run(capsys, base_url=url)
        marks = DirtyRange.objects.count()
        second = run(capsys, base_url=url)
    assert first.startswith("Octopus Agile (tariff 1), ")
    added = PriceSlot.objects.filter(tariff_id=1).count()
    assert added > 7 * 48
    assert f": {added} added, 0 changed, 0 unchanged" in first
    assert ": 0 added, 0 changed, " in second
    assert DirtyRange.objects.count() == marks > 0


def test_dates_are_local_days_and_the_last_is_included(capsys):
    with simulated_prices(datetime(2025, 11, 1, tzinfo=UTC), days=300) as (url, _):
        out = run(capsys, tariff=1, start="2025-03-30", end="2025-03-30", base_url=url)
        assert "2025-03-30T00:00Z to 2025-03-30T23:00Z: 46 added" in out
        out = run(capsys, tariff=1, start="2025-10-26", end="2025-10-27T00:00Z", base_url=url)
        assert "2025-10-25T23:00Z to 2025-10-27T00:00Z: 50 added" in out


def test_a_stretch_in_the_past_does_not_move_the_ends(capsys):
    with simulated_prices(NOW, days=40) as (url, _):
        run(capsys, base_url=url)
        last = PriceSlot.objects.latest("start")
        begin = (NOW - timedelta(days=30)).date()
        assert "48 added" in run(
            capsys, start=f"{begin}T00:00Z", end=f"{begin + timedelta(days=1)}T00:00Z", base_url=url
        )
    assert PriceSlot.objects.latest("start") == last


def test_one_tariff_that_fails_is_named_and_the_others_are_fetched(capsys):
    fixed = TariffFactory(name="Standard", active=True)
    with canned_prices(Reply({}, 404)) as service:
        said = refusal(base_url=service.url)
    assert said.startswith("Octopus Agile (tariff 1): ")
    assert "retired" in said
    assert PriceSlot.objects.filter(tariff=fixed).exists()
    assert "retired" in Tariff.objects.get(pk=1).fetch_error


def test_nothing_published_is_no_failure(capsys):
    with canned_prices(page()) as service:
        assert "0 added, 0 changed, 0 unchanged" in run(capsys, base_url=service.url)


def test_a_warning_is_said_and_the_prices_are_stored(capsys):
    row = rate("2025-01-15T00:00:00Z", "2025-01-15T00:30:00Z", 1)
    with canned_prices(page(row), charges=Reply({}, 500)) as service:
        call_command("fetch_prices", start="2025-01-15", end="2025-01-15", base_url=service.url)
    said = capsys.readouterr()
    assert "1 added" in said.out
    assert "standing charges: " in said.err


def test_an_inactive_tariff_is_fetched_by_its_number_alone(capsys):
    tariff = TariffFactory(name="Resting")
    Tariff.objects.update(active=False)
    assert "Resting" in run(capsys, tariff=tariff.pk)
    assert "no tariff is active" in refusal()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"tariff": 4711}, "there is no tariff 4711; there are: 1 (Octopus Agile)"),
        ({"start": "yesterday"}, "--from: 'yesterday' is neither a date"),
        ({"end": "2025-03-30T12:00"}, "--to: '2025-03-30T12:00' has no UTC offset"),
        ({"start": "0001-01-01T00:00+02:00"}, "--from: "),
        ({"end": "9999-12-31"}, "--to: "),
        (
            {"start": "2025-03-30", "end": "2025-03-20"},
            "the range ends (--to 2025-03-20) before it begins (--from 2025-03-30)",
        ),
        ({"start": "2025-03-30T00:00Z", "end": "2025-03-30T00:00Z"}, "the range is empty"),
        ({"end": "2025-03-30"}, "where what is due begins; say with --from where to begin"),
        ({"start": "2099-03-30"}, "where what is due ends; say with --to where to end"),
        ({"start": "2005-01-01"}, "longer than ten years"),
        ({"base_url": "nowhere"}, "'nowhere' is not an address"),
        ({"base_url": "http://127.0.0.1:1"}, "connection refused"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_changes_no_price(options, reason):
    assert reason in refusal(**options)
    assert not PriceSlot.objects.exists()
