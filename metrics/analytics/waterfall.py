"""What changed the cost: from that of the range before to that of this one, by energy and by price."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.html import escape
from django.utils.safestring import SafeString

from hmm.lib.svg import Tick
from hmm.lib.svg_steps import Step, step_chart
from hmm.lib.units import counted
from metrics.analytics.asked import Asked, same_key
from metrics.analytics.report import NOTHING_MEASURED, Column, Here, Report, formed_href
from metrics.analytics.sides import NOTHING_TO_COMPARE, Sides, sides
from metrics.analytics.whom import Whom
from metrics.column_words import money_unit
from metrics.explain.figure import FigureRef
from metrics.query import aggregate
from metrics.templatetags.hmm_format import SYMBOLS, money
from metrics.types.base import MINOR

RANGE_BEFORE, THIS_RANGE = "Range before", "This range"

TICKS = ("Before", "Energy", "Price", "Now")
"""The steps in words that fit beside each other on a phone."""


NOTHING_BEFORE = "Nothing with a price was measured in the range before."


@dataclass(frozen=True, slots=True)
class Energy:
    """What a range used that has a price, in kWh, and what that cost."""

    kwh: float
    cost: float


def waterfall(asked: Asked, here: Here) -> Report:
    """Return the steps from the first entity's cost of the range before to that of this range."""
    whom = asked.whom[0]
    both = sides(asked, here.now)
    now = _energy(asked, both.now, both.period, here) if both else None
    before = _energy(asked, both.before, both.period, here) if both else None
    title = f"What changed the cost, {whom.after}"
    hrefs: dict[str, str] = {}
    formed = formed_href(asked.query, "amount")
    columns = [
        Column("step", "", is_number=False),
        Column(
            f"amount_{here.currency.lower()}",
            "Amount",
            alike=lambda amounts: money_unit(amounts, here.currency).words,
            href=lambda row: hrefs.get(row[0]) or formed(row),
        ),
    ]
    if both is None or now is None or before is None:
        why = (
            "It needs the cost of this range and of the one before: a shorter range may have both."
            if both
            else NOTHING_TO_COMPARE
        )
        empty = NOTHING_BEFORE if now else NOTHING_MEASURED
        return Report(
            title, columns, [], notes=[why], empty=empty, instead=_later_half(asked) if now else None
        )
    hrefs |= {name: escape(_ref(whom, span, both.period, here).url) for name, span in _ends(both)}
    found = steps(before, now)
    return Report(
        title,
        columns,
        [[name, amount] for name, amount in found],
        chart=_chart(found, here),
        notes=[
            f"The range before is {counted(asked.days, 'day')} long and just before. More energy is counted at the price before, a dearer "
            "kWh at the energy of now: together they are the whole difference. Only energy that has a price counts.",
            *both.notes(here.zone),
        ],
    )


def steps(before: Energy, now: Energy) -> list[tuple[str, float]]:
    """Return the cost before, what more energy and a dearer kWh add to it, and the cost now: the first three sum to it."""
    price = before.cost / before.kwh if before.kwh else 0.0
    by_energy = (now.kwh - before.kwh) * price
    return [
        (RANGE_BEFORE, before.cost),
        ("More or less energy", by_energy),
        ("Dearer or cheaper kWh", now.cost - before.cost - by_energy),
        (THIS_RANGE, now.cost),
    ]


def _later_half(asked: Asked) -> tuple[str, str] | None:
    """Return the words and the query of the later half of the range, which has the earlier one before it; None of one day."""
    days = asked.days // 2
    if not days:
        return None
    first = asked.last - timedelta(days=days - 1)
    return f"Compare its later half with its earlier one, {counted(days, 'day')} each", asked.address(
        **{"from": first.isoformat()}
    )


def _energy(asked: Asked, span: tuple[datetime, datetime], period: str, here: Here) -> Energy | None:
    whom = asked.whom[0]
    found = aggregate(
        metric_type="energy_cost",
        period=period,
        start=span[0],
        end=span[1],
        entity_type=whom.entity_type,
        entity_id=whom.entity_id,
        now=here.now,
    )
    if not found:
        return None
    value = found[0].value_json
    cost = value[_cost_key(whom, here)]
    if cost is None or value[f"avg_price_{MINOR[here.currency]}"] is None:
        return None
    return Energy(value["priced_kwh"], cost)


def _cost_key(whom: Whom, here: Here) -> str:
    return same_key("energy_cost", f"cost_{here.currency.lower()}", whom.entity_type, here.currency)


def _ends(both: Sides) -> list[tuple[str, tuple[datetime, datetime]]]:
    return [(RANGE_BEFORE, both.before), (THIS_RANGE, both.now)]


def _ref(whom: Whom, span: tuple[datetime, datetime], period: str, here: Here) -> FigureRef:
    return FigureRef("energy_cost", _cost_key(whom, here), whom.entity_type, whom.entity_id, period, *span)


def _chart(found: list[tuple[str, float]], here: Here) -> SafeString:
    (_, before), (_, by_energy), _, (_, now) = found
    edges = [(0.0, before), (before, before + by_energy), (before + by_energy, now), (0.0, now)]
    drawn = [
        Step(low, high, _class(name, high - low), f"{name}: {money(amount, here.currency)}")
        for (low, high), (name, amount) in zip(edges, found, strict=True)
    ]
    ticks = [Tick((n + 0.5) / len(found), word) for n, word in enumerate(TICKS)]
    label = f"Cost from {money(before, here.currency)} to {money(now, here.currency)}. The same figures are in the table below."
    return step_chart(drawn, ticks, label=label, unit=SYMBOLS[here.currency][0])


def _class(name: str, change: float) -> str:
    if name in (RANGE_BEFORE, THIS_RANGE):
        return "bar series-1"
    return "bar band-high" if change > 0 else "bar band-low"
