"""Explain what the cheapest hours come to: the wish, and each slot that was chosen."""

from collections.abc import Mapping
from datetime import datetime
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from energy.cheapest import CheapestPlan, cheapest
from energy.models import Tariff
from hmm.lib.local_times import clock_span
from metrics.explain.account import Account, day_words
from metrics.explain.figure import NotThere, explain_address
from metrics.explain.parts import Line, Table
from metrics.explain.price import PriceRef
from metrics.prices.form import USUAL, CheapestForm
from metrics.prices.read import KnownPrices, known_prices
from metrics.query import Refused
from metrics.templatetags.hmm_format import SYMBOLS, decimal, price

ASKED = ("tariff", "hours", "stretch", "ceiling")


def plan_url(plan: CheapestPlan, known: KnownPrices) -> str:
    """Return the address that explains what a plan costs on average."""
    wish = plan.wish
    given = {
        "tariff": known.tariff.pk,
        "hours": f"{wish.wanted_s / 3600:g}",
        "stretch": wish.stretch_s // 60,
        "ceiling": "" if wish.ceiling_pence is None else f"{wish.ceiling_pence:g}",
    }
    return f"{explain_address()}?formed=cheapest&{urlencode(given)}"


def plan_account(given: Mapping[str, str], now: datetime, zone: ZoneInfo) -> Account:
    """Return the explanation of what the cheapest hours cost that are wished for at `now`. Raises Refused, NotThere."""
    form = CheapestForm(
        {**USUAL, **{name: given[name] for name in ASKED if name in given}},
        list(Tariff.objects.order_by("pk")),
    )
    if form.chosen is None:
        raise NotThere("tariff", f"there is no tariff {given.get('tariff', '')}")
    for field, errors in form.errors.items():
        raise Refused(field, str(errors[0]))
    known = known_prices(form.chosen, now, zone)
    plan = cheapest(known.within(now, known.tomorrow.end), form.wish, now)
    minor = SYMBOLS[known.tariff.currency][1]
    pence = plan.pence_per_kwh
    return Account(
        title="Cheapest hours",
        whose=known.tariff.name,
        text=price(None) if pence is None else f"{price(pence, known.tariff.currency)}/kWh",
        when=f"from {now.astimezone(zone):%H:%M}, {day_words(now, zone)}, on",
        definition="The average price of the cheapest stretches ahead that are as long as was wished for and nowhere "
        "dearer than the ceiling: of all choices the one that costs least at constant power, of equal ones the earliest.",
        notice="" if pence is not None else "No stretch that is known is like that.",
        pairs=[
            ("Formula", "sum of price × length ÷ sum of lengths, over the stretches below"),
            *([("Exactly", f"{pence!r} {minor}")] if pence is not None else []),
            ("Found", f"{decimal(plan.found_s / 3600, 2)} of {decimal(plan.wish.wanted_s / 3600, 2)} hours"),
        ],
        tables=[_stretches(plan, known, minor)],
        command="",
        url=plan_url(plan, known),
    )


def _stretches(plan: CheapestPlan, known: KnownPrices, minor: str) -> Table:
    lines = [
        Line(
            [
                f"{day_words(s.start, known.zone)}, {clock_span(s.start, s.end, known.zone)}",
                decimal(s.length.total_seconds() / 3600, 2),
                decimal(s.pence_per_kwh, 2),
            ],
            PriceRef(known.tariff.pk, s.start, s.end).url,
        )
        for s in plan.stretches
    ]
    return Table("The stretches", ["When", "Hours", f"{minor}/kWh"], lines, "" if lines else "there is none")
