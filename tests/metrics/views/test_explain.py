"""Explain this number: from a figure of the store to the readings it came from."""

import re
import shlex
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
from django.core.management import call_command
from django.template import Context, Template
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from hmm.installation import installation
from metrics.explain import parts
from metrics.explain.figure import FigureRef, figure_ref
from metrics.explain.parts import miner_key
from metrics.query import described_types, get_metric
from metrics.types import metric_types
from miners.models import Miner
from pools.models import Pool, PoolReading
from tests.metrics.fleet_at_work import TEN_MINUTES, publish, report, working_miners
from tests.metrics.store_helpers import use_zone
from tests.pages import words_of

NOW = datetime(2026, 6, 1, 12, 10, tzinfo=UTC)  # 13:10 in London
SLOT = NOW.replace(hour=11, minute=30)
MIDNIGHT = datetime(2026, 5, 31, 23, tzinfo=UTC)
IN_PANEL = {"HX-Request": "true"}

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "now", lambda: NOW)


@pytest.fixture
def miner() -> Miner:
    (made,) = working_miners(1, NOW)  # 18 W from 11:10 to 12:10 UTC
    publish([10, 20, 30], NOW.replace(hour=11, minute=0))
    return made


def said(member: Client, ref: FigureRef, status: int = 200) -> str:
    response = member.get(ref.url)
    assert response.status_code == status
    return words_of(response)


def cost(miner: Miner, period: str = "slot", start: datetime = SLOT, key: str = "cost_gbp") -> FigureRef:
    return FigureRef("energy_cost", key, "miner", miner.pk, period, start)


def test_a_slot_of_a_miner_names_its_formula_readings_and_price(member: Client, miner: Miner) -> None:
    page = said(member, cost(miner))
    assert "Cost miner gamma-1 0.18 p slot 12:30–13:00, Mon 1 Jun 2026" in page
    assert "(r.cost_pence / 100) It adds up" in page
    assert metric_types["energy_cost"].description in page
    assert "Measured 100 % of the time, by 3 readings" in page
    assert ", and stored" in page
    assert "12:30:00–12:40:00 18.0 W 1.20 TH/s 58.0 °C 199 + 1" in page
    assert "12:30–13:00 20.0 p" in page
    stored = get_metric(
        metric_type="energy_cost", entity_type="miner", entity_id=miner.pk, period="slot", timestamp=SLOT
    )
    assert stored is not None
    assert f"Exactly {stored.value_json['cost_gbp']}" in page


def test_a_reading_that_reaches_in_is_among_them(member: Client, miner: Miner) -> None:
    report(miner, NOW + TEN_MINUTES / 2)  # it stands for 12:10 to 12:15 UTC
    page = said(member, cost(miner, start=SLOT - timedelta(minutes=30)))
    assert "12:00:00–12:10:00" not in page  # nothing before the first reading
    assert page.count("18.0 W") == 2
    assert "0.06 p" in page  # 10 p for 20 of its 30 minutes
    assert "67 % of the time" in page


def test_the_command_it_names_computes_it_anew(member: Client, miner: Miner) -> None:
    page = said(member, cost(miner))
    command = re.search(r"manage\.py (backfill_metrics .*? --recompute)", page)
    assert command
    name, *options = shlex.split(command[1])
    assert options[1:4] == ["energy_cost", "--period", "slot"]
    call_command(name, *options)
    assert "0.18 p" in said(member, cost(miner))


def test_a_day_leads_to_its_hours_and_a_slot_of_the_system_to_its_miners(
    member: Client, miner: Miner
) -> None:
    day = FigureRef("energy_cost", "total_cost_gbp", "system", None, "daily", MIDNIGHT)
    page = member.get(day.url).text
    hour = re.search(r'href="([^"]*period=hourly[^"]*)"', page)
    assert hour
    assert f"at={NOW.replace(hour=11):%Y-%m-%dT%H}:00Z" in unescape(hour[1])
    slot = FigureRef("energy_cost", "total_cost_gbp", "system", None, "slot", SLOT)
    assert "gamma-1 0.180 p 3 100 %" in said(member, slot)
    assert f"key=cost_gbp&amp;entity_type=miner&amp;entity_id={miner.pk}" in member.get(slot.url).text


def test_an_open_period_says_that_it_goes_up_to_now(member: Client, miner: Miner) -> None:
    page = said(member, cost(miner, "daily", MIDNIGHT))
    assert "not over yet, up to now" in page
    assert "just now: what is stored, and the rest straight from the readings" in page


def test_a_range_is_explained_as_the_store_merges_it(member: Client, miner: Miner) -> None:
    ref = FigureRef(
        "energy_cost",
        "kwh",
        "miner",
        miner.pk,
        "slot",
        SLOT - timedelta(minutes=30),
        SLOT + timedelta(minutes=30),
    )
    page = said(member, ref)
    assert "0.01 kWh Mon 1 Jun 2026, 12:00 to Mon 1 Jun 2026, 13:00" in page
    assert "merged from the sums of the store" in page
    assert "The slots it is merged from" in page


def test_where_nothing_was_measured_it_says_that_missing_is_not_zero(member: Client, miner: Miner) -> None:
    page = said(member, cost(miner, start=MIDNIGHT))
    assert "Missing is not zero" in page
    assert "– slot 00:00–00:30" in page


def test_what_cannot_be_formed_says_so_beside_its_formula(member: Client, miner: Miner) -> None:
    page = said(member, FigureRef("earnings", "profit_gbp", "miner", miner.pk, "slot", SLOT))
    assert "It cannot be formed from what is known" in page
    assert "r.revenue_s >= r.hashrate_s" in page
    assert "A bitcoin –" in page


def test_readings_that_are_no_longer_kept_are_said_to_be_so(
    member: Client, miner: Miner, monkeypatch: pytest.MonkeyPatch
) -> None:
    said(member, cost(miner))
    monkeypatch.setattr(parts, "rows_overlapping", lambda *_: [])
    assert "Its 3 readings are no longer kept: what is made of them is." in said(member, cost(miner))


def test_long_tables_say_that_there_is_more(
    member: Client, miner: Miner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "MOST", 2)
    assert "The first 2; there are more." in said(member, cost(miner))


def test_a_pools_slot_leads_to_its_checks(member: Client) -> None:
    pool = Pool.objects.create(name="Home pool", client="stratum", url="stratum+tcp://192.0.2.9:3333")
    for n in (1, 2):
        PoolReading.objects.create(
            pool=pool, timestamp=SLOT + n * TEN_MINUTES, covered_s=600, reachable=True, response_time_ms=40
        )
    ref = FigureRef("pool_health", "response_time_ms", "pool", pool.pk, "slot", SLOT)
    assert "pool Home pool" in said(member, ref)
    assert "12:40:00 reached 40 ms" in said(member, ref)


def test_the_days_of_a_clock_change_say_how_long_they_are(
    member: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timezone, "now", lambda: datetime(2026, 3, 30, 12, tzinfo=UTC))
    (made,) = working_miners(1, datetime(2026, 3, 29, 12, tzinfo=UTC))
    assert "Sun 29 Mar 2026, 23 hours" in said(member, cost(made, "daily", datetime(2026, 3, 29, tzinfo=UTC)))


def test_every_key_of_every_type_has_an_explanation(member: Client, miner: Miner) -> None:
    ids = {"miner": miner.pk, "site": 1, "pool": Pool.objects.create(name="Solo").pk, "system": None}
    asked = 0
    for described in described_types():
        for key in described.keys:
            for entity_type in key.formula:
                ref = FigureRef(described.name, key.key, entity_type, ids[entity_type], "hourly", SLOT)
                assert described.description in said(member, ref), ref
                assert key.formula[entity_type] in said(member, ref), ref
                asked += 1
    assert asked > 60


@pytest.mark.parametrize("name", [name for name in metric_types.names() if name != "pool_health"])
def test_a_systems_key_is_looked_up_at_miners_by_its_formula(name: str) -> None:
    use_zone("Europe/London")
    metric = metric_types[name]
    if not {"miner", "system"} <= set(metric.entities):
        return
    for key in metric.formulas("system", "GBP"):
        assert miner_key(name, key, "GBP") in metric.formulas("miner", "GBP")
    assert miner_key("energy_cost", "total_cost_gbp", "GBP") == "cost_gbp"


def test_a_panel_is_a_fragment_whose_links_stay_in_it(member: Client, miner: Miner) -> None:
    page = member.get(cost(miner, "hourly", NOW.replace(hour=11, minute=0)).url, headers=IN_PANEL)
    assert "<html" not in page.text
    assert 'hx-target="#panel"' in page.text
    assert "HX-Request" in page["Vary"]
    assert 'method="dialog"' in page.text
    own = member.get(cost(miner).url).text
    assert "<html" in own
    assert 'method="dialog"' not in own


@pytest.mark.parametrize(
    ("change", "said_of_it"),
    [
        ({"type": ""}, "type: is needed"),
        ({"type": "happiness"}, "type: &#x27;happiness&#x27; is unknown"),
        ({"key": "joy"}, "key: &#x27;joy&#x27; is unknown"),
        ({"period": "yearly"}, "period: "),
        ({"entity_type": "planet"}, "entity_type: "),
        ({"entity_id": "x"}, "entity_id: "),
        ({"entity_id": "99999999999"}, "entity_id: "),
        ({"entity_id": ""}, "entity_id: is needed"),
        ({"at": "noon"}, "at: "),
        ({"at": ""}, "at: is needed"),
        ({"at": "", "from": "2026-06-02", "to": "2026-06-01"}, "to: must be after from"),
    ],
)
def test_what_is_asked_wrongly_is_named(change: dict[str, str], said_of_it: str, member: Client) -> None:
    asked = {
        "type": "energy_cost",
        "key": "kwh",
        "entity_type": "miner",
        "entity_id": "1",
        "period": "slot",
        "at": "2026-06-01",
    }
    response = member.get(reverse("metrics:explain"), asked | change)
    assert response.status_code == 422
    assert said_of_it in response.text


def test_what_is_not_computed_is_said_in_the_panel_too(
    member: Client, miner: Miner, monkeypatch: pytest.MonkeyPatch
) -> None:
    member.get(cost(miner).url)
    later = NOW + timedelta(days=5)
    report(miner, later, rows=6)
    monkeypatch.setattr(timezone, "now", lambda: later)
    ref = cost(miner, start=NOW + timedelta(days=2))
    assert "manage.py backfill_metrics" in said(member, ref, 409)
    panel = member.get(ref.url, headers=IN_PANEL)
    assert panel.status_code == 200
    assert "manage.py backfill_metrics" in panel.text


@pytest.mark.parametrize("count", [1, 12])
@pytest.mark.parametrize(("key", "period", "queries"), [("total_kwh", "daily", 7), ("total_kwh", "slot", 5)])
def test_queries_are_as_many_however_many_miners(
    key: str,
    period: str,
    queries: int,
    count: int,
    member: Client,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    working_miners(count, NOW)
    ref = FigureRef("energy_cost", key, "system", None, period, SLOT)
    member.get(ref.url)
    with django_assert_num_queries(queries):
        member.get(ref.url)


def test_a_stranger_is_sent_to_the_login(client: Client) -> None:
    assert client.get(reverse("metrics:explain"))["Location"].startswith(reverse("login"))


def test_an_address_leads_back_to_its_figure() -> None:
    use_zone("Europe/London")
    zone = installation().zone
    for ref in (
        FigureRef("energy_cost", "total_cost_gbp", "system", None, "daily", MIDNIGHT),
        FigureRef("hashrate", "p95", "miner", 7, "hourly", MIDNIGHT, NOW),
    ):
        query = dict(pair.split("=") for pair in ref.url.partition("?")[2].split("&"))
        assert figure_ref(query, zone) == ref


def rendered(source: str, **context: object) -> str:
    return Template("{% load hmm_explain %}" + source).render(Context(context))


def test_any_page_can_wrap_a_figure() -> None:
    link = rendered(
        '{% explained "energy_cost" "total_cost_gbp" period="daily" at=at %}£1.92 <b>{{ name }}</b>{% endexplained %}',
        at=MIDNIGHT,
        name="<i>",
    )
    assert (
        'class="explained" href="/explain?type=energy_cost&amp;key=total_cost_gbp&amp;entity_type=system'
        in link
    )
    assert "at=2026-05-31T23:00Z" in link
    assert ">£1.92 <b>&lt;i&gt;</b></a>" in link


def test_a_figure_without_a_time_stays_as_it_is() -> None:
    assert rendered('{% explained "energy_cost" "kwh" %}–{% endexplained %}') == "–"


def test_any_moment_of_a_period_explains_it(member: Client, miner: Miner) -> None:
    within = FigureRef("energy_cost", "total_cost_gbp", "system", None, "slot", SLOT + timedelta(minutes=7))
    assert "gamma-1 0.180 p 3 100 %" in said(member, within)
