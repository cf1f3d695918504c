"""Energy by price band: how much was used when it was cheap, and how much when it was dear."""

from datetime import timedelta

from django.conf import settings
from django.utils.safestring import SafeString

from hmm.lib.svg import Bar, Tick, bar_chart
from metrics.analytics.asked import Asked
from metrics.analytics.report import Column, Here, Report, figure_column, formed_href
from metrics.dashboard.prices import BANDS, legend
from metrics.query.bands import EnergyByBand, energy_by_band
from metrics.templatetags.hmm_format import SYMBOLS, decimal, energy


def bands(asked: Asked, here: Here) -> Report:
    """Return the first entity's energy and cost by the price of each slot."""
    whom = asked.whom[0]
    found = energy_by_band(
        edges=[band.below for band in BANDS[:-1]],
        start=asked.start,
        end=asked.end,
        entity_type=whom.entity_type,
        entity_id=whom.entity_id,
        now=here.now,
    )
    names = [words for _, words in legend(here.currency)]
    total = sum(band.kwh for band in found.bands)
    return Report(
        f"Energy by price, {whom.after}",
        _columns(asked, here),
        [
            [name, band.kwh, band.kwh / total if total else None, band.cost]
            for name, band in zip(names, found.bands, strict=True)
        ],
        chart=_chart(found, names) if total else None,
        notes=_notes(asked, found, here),
    )


def _columns(asked: Asked, here: Here) -> list[Column]:
    hundredth, cost = SYMBOLS[here.currency][1], f"cost_{here.currency.lower()}"
    return [
        Column("band", f"Price, {hundredth} a kWh", is_number=False),
        figure_column("kwh", "Energy", "energy_cost", "kwh", here, formed_href(asked.query, "kwh")),
        Column(
            "share",
            "Share",
            lambda share: "–" if share is None else f"{decimal(100 * share, 1)} %",
            href=formed_href(asked.query, "share"),
        ),
        figure_column(cost, "Cost", "energy_cost", cost, here, formed_href(asked.query, "cost")),
    ]


def _notes(asked: Asked, found: EnergyByBand, here: Here) -> list[str]:
    notes = ["Of the slots that are over."]
    if asked.start < here.now - timedelta(days=settings.RETENTION_SLOT_DAYS):
        notes.append(f"Slots are kept for {settings.RETENTION_SLOT_DAYS} days: what is older is not in it.")
    if found.unpriced_kwh > 0:
        notes.append(f"{energy(found.unpriced_kwh)} more have no known price.")
    return notes


def _chart(found: EnergyByBand, names: list[str]) -> SafeString:
    count = len(found.bands)
    drawn = [
        Bar(
            n / count,
            (n + 1) / count,
            energy_of.kwh,
            f"bar {band.css_class}",
            f"{names[n]}: {energy(energy_of.kwh)}",
        )
        for n, (band, energy_of) in enumerate(zip(BANDS, found.bands, strict=True))
        if energy_of.kwh
    ]
    ticks = [
        Tick((n + 0.5) / count, name.replace(" and more", "+").replace("below ", "< "))
        for n, name in enumerate(names)
    ]
    return bar_chart(
        drawn,
        ticks,
        label="Energy by price band. The same figures are in the table below.",
        unit="kWh",
        now_at=None,
    )
