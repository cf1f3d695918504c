"""The dashboard's blocks: what each reads, and what its template is given."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.safestring import SafeString

from metrics.dashboard import read
from metrics.dashboard.fleet import FleetSummary, PriceNow, summarise
from metrics.dashboard.miner_table import MinerTable, miner_rows, silence_notice
from metrics.dashboard.prices import PriceRow, legend, outlook, outlook_words, price_chart, price_rows
from metrics.dashboard.shown import Present as Present  # whoever has a block made asks for it here
from metrics.dashboard.shown import Shown
from metrics.query.conditions import Condition
from metrics.query.today import energy_of_system
from metrics.templatetags.hmm_format import SYMBOLS, clock


@dataclass(frozen=True, slots=True)
class PriceBlock:
    """One tariff's prices as the page shows them; without a chart when none is published."""

    tariff_id: int
    title: str
    sentence: str
    published: str
    fetch_error: str
    unit: str
    legend: list[tuple[str, str]]
    chart: SafeString | None
    rows: list[PriceRow]


def fleet_summary(shown: Shown) -> FleetSummary | None:
    """Return the summary of the fleet; None without any miner."""
    at, fleet, sites = shown.at, shown.fleet, shown.sites
    if not fleet.size:
        return None
    today = energy_of_system(shown.today, at.currency)
    main = shown.glance.main_site if len(sites) > 1 else next((site.site_id for site in sites), None)
    price_now = _price_now(sites, main, at.now)
    return summarise(fleet, price_now, today, now=at.now, zone=at.zone, currency=at.currency)


def price_bars(shown: Shown) -> list[PriceBlock]:
    """Return the prices of each tariff in use, once however many sites are on it."""
    by_tariff = {site.tariff.pk: site for site in reversed(shown.sites)}
    return [_price_block(site, shown.at) for site in reversed(by_tariff.values())]


def miner_table(shown: Shown) -> MinerTable:
    """Return one page of the table of miners."""
    now, table = shown.at.now, shown.table
    rejects = shown.today.rejects_percent if table.miners else {}
    notice = silence_notice(shown.fleet.counts.get(Condition.SILENT, 0))
    rows = miner_rows(table.miners, shown.glance.lines, rejects, now)
    return MinerTable(rows, notice, table.page, table.found, shown.fleet.size)


def _price_now(sites: list[read.SitePrices], site_id: int | None, now: datetime) -> PriceNow | None:
    found = next((site for site in sites if site.site_id == site_id), None)
    if found is None:
        return None
    tariff = found.tariff
    return PriceNow(tariff.name, tariff.currency, outlook(found.prices, now), tariff.pk)


def _price_block(site: read.SitePrices, at: Present) -> PriceBlock:
    view = outlook(site.prices, at.now)
    currency = site.tariff.currency
    until = f"published until {clock(view.published_until, at.now, at.zone)}" if view.published_until else ""
    return PriceBlock(
        tariff_id=site.tariff.pk,
        title=site.tariff.name,
        sentence=outlook_words(view, at.now, at.zone, currency),
        published=until,
        fetch_error=site.tariff.fetch_error,
        unit=SYMBOLS[currency][1],
        legend=legend(currency),
        chart=price_chart(site.prices, at.now, at.zone, currency) if view.published_until else None,
        rows=price_rows(site.prices, at.now, at.zone, currency, site.tariff.pk),
    )
