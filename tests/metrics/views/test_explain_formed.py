"""What pages form from several figures explains itself, and no figure of a table is left without an explanation."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
from django.test import Client
from django.utils import timezone

from miners.models import Miner
from tests.metrics.fleet_at_work import publish, report, working_miners
from tests.pages import words_of

NOW = datetime(2026, 6, 3, 11, 10, tzinfo=UTC)  # 12:10 in London
RANGE = "from=2026-06-02&to=2026-06-03"
PAGES = [
    "/",
    "/prices",
    "/ledger?day=2026-06-03",
    "/ledger?day=2026-06-03&of=together",
    "/miners/{miner}",
    f"/analytics?metric=hashrate.avg&of=all&of=gamma-1&compare=1&{RANGE}",
    f"/analytics?view=calendar&{RANGE}",
    f"/analytics?view=distribution&metric=temperature.avg&{RANGE}",
    f"/analytics?view=ranking&{RANGE}",
    f"/analytics?view=bands&{RANGE}",
    "/analytics?view=waterfall&from=2026-06-03&to=2026-06-03",
]
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _house(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two miners on two days of 20 p and 30 p, and what is known of tomorrow."""
    monkeypatch.setattr(timezone, "now", lambda: NOW)
    first, _ = working_miners(2, NOW, hours=2)
    report(first, NOW - timedelta(days=1), rows=12)
    publish([20.0] * 48 + [30.0] * 96, datetime(2026, 6, 1, 23, tzinfo=UTC))


def cells(page: str) -> list[str]:
    return re.findall(r'<td [^>]*class="num[^>]*>.*?</td>|<td class="num">.*?</td>', page, re.S)


@pytest.mark.parametrize("address", PAGES)
def test_every_figure_of_a_table_leads_to_its_explanation(address: str, member: Client) -> None:
    page = member.get(address.format(miner=Miner.objects.get(name="gamma-1").pk)).text
    found = [cell for cell in cells(page) if re.search(r"\d", re.sub("<[^>]+>", "", cell))]
    assert found
    bare = [cell for cell in found if "/explain?" not in cell and 'data-label="Reading"' not in cell]
    if "view=distribution" in address:  # the upper ends of classes
        bare = bare[len(found) // 3 :]
    assert bare == []


def explained(member: Client, href: str) -> str:
    response = member.get(unescape(href))
    assert response.status_code == 200
    return words_of(response)


def link(page: str, part: str) -> str:
    found = re.search(rf'href="([^"]*{part}[^"]*)"', page)
    assert found, page
    return found[1]


def test_the_average_power_of_the_day_is_its_energy_by_its_time(member: Client) -> None:
    page = member.get("/blocks/fleet-yesterday").text
    shown = re.search(r'formed=power[^>]*>([\d.]+)</a> <span class="unit">W', page)
    assert shown
    said = explained(member, link(page, "formed=power"))
    energy = re.search(r"Energy ([\d.]+) kWh Time ([\d,]+) s Exactly ([\d.]+) W", said)
    assert energy, said
    seconds = int(energy[2].replace(",", ""))
    assert seconds == 12 * 3600
    assert float(energy[3]) == pytest.approx(float(shown[1]), abs=0.06)
    assert float(energy[1]) * 3_600_000 / seconds == pytest.approx(float(energy[3]), rel=0.1)
    assert "The hours it is merged from" in said


@pytest.mark.parametrize(("quantity", "title"), [("power", "Average power"), ("hashrate", "Hashrate")])
def test_a_figure_of_a_miners_chart_explains_itself(quantity: str, title: str, member: Client) -> None:
    miner = Miner.objects.get(name="gamma-1")
    chart = member.get(f"/miners/{miner.pk}/series/{quantity}?span=24h").json()
    (series,) = chart["series"]
    place = next(n for n, value in enumerate(series["values"]) if value is not None)
    said = explained(
        member, f"{chart['explained']}{datetime.fromtimestamp(chart['t'][place], UTC):%Y-%m-%dT%H:%MZ}"
    )
    assert f"{title} miner gamma-1 {series['values'][place]:.{series['digits']}f} {series['unit']}" in said
    assert member.get(f"/miners/{miner.pk}/series/{quantity}?span=3h").json()["explained"] == ""


def test_a_price_band_names_the_slots_that_it_came_from(member: Client) -> None:
    page = member.get(f"/analytics?view=bands&{RANGE}").text
    middling, dear = (
        explained(member, re.findall(r'href="([^"]*column=kwh[^"]*)"', page)[band]) for band in (3, 4)
    )
    assert "Energy: 20–30 p Energy by price, all miners 0.04 kWh" in middling
    slots = re.findall(r"Tue 2 Jun 2026, \d\d:\d\d 0.0\d kWh 20.0 p", middling)
    assert f"in {len(slots)} slots, by 12 readings" in middling
    assert "30.0 p" not in middling  # a price on an edge is in the band above it
    assert "Wed 3 Jun 2026, 11:30 0.02 kWh 30.0 p" in dear


def test_a_class_and_a_step_say_their_formula_and_the_view_that_they_are_of(member: Client) -> None:
    distribution = member.get(f"/analytics?view=distribution&metric=temperature.avg&{RANGE}").text
    said = explained(member, link(distribution, "column=hours"))
    assert re.search(r"Hours: [\d.]+ to [\d.]+ °C", said)
    assert "÷ 3,600" in said
    steps = member.get(f"/analytics?view=waterfall&{RANGE.replace('06-02', '06-03')}").text
    said = explained(member, link(steps, "line=More%20or%20less%20energy"))
    assert "(kWh now − kWh before) × average price before" in said


def test_the_cheapest_hours_say_which_slots_were_chosen(member: Client) -> None:
    page = member.get("/prices?hours=2&stretch=60&ceiling=35").text
    said = explained(member, link(page, "formed=cheapest"))
    assert "Cheapest hours Octopus Agile 30.0 p/kWh" in said
    assert "Found 2.00 of 2.00 hours" in said
    assert "Wed 3 Jun 2026, 12:30–14:30 2.00 30.00" in said
    assert "No stretch that is known is like that" in explained(
        member, "/explain?formed=cheapest&tariff=1&ceiling=1"
    )


@pytest.mark.parametrize(
    ("asked", "status", "why"),
    [
        ("formed=magic", 422, "formed: 'magic' is unknown"),
        ("formed=power&entity_type=pool&at=2026-06-03", 422, "entity_type"),
        ("formed=power&entity_type=system&at=2026-06-03", 422, "from: is needed, and to"),
        (
            "formed=power&entity_type=miner&entity_id=9999&from=2026-06-02&to=2026-06-03",
            404,
            "There is no miner 9999",
        ),
        ("formed=cheapest&tariff=77", 404, "There is no tariff 77"),
        ("formed=cheapest&tariff=1&hours=-1", 422, "hours"),
        (f"formed=view&view=bands&column=magic&line=x&{RANGE}", 422, "column"),
        (f"formed=view&view=series&column=kwh&line=x&{RANGE}", 422, "column"),
        (f"formed=view&view=bands&column=kwh&line=x&{RANGE}", 404, "There is no 'x' in this view"),
        (f"formed=view&view=bands&column=kwh&{RANGE}", 404, "There is no"),
    ],
)
def test_what_there_is_not_is_refused_with_the_reason(
    asked: str, status: int, why: str, member: Client
) -> None:
    response = member.get(f"/explain?{asked}")
    assert response.status_code == status
    assert why in words_of(response)
