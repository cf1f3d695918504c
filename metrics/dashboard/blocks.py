"""The dashboard's blocks: what each reads, and what its template is given."""

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.utils.safestring import SafeString

from metrics.dashboard import read
from metrics.dashboard.fleet import FleetSummary, PriceNow, summarise
from metrics.dashboard.miner_table import MinerTable, miner_rows, silence_notice
from metrics.dashboard.prices import PriceRow, legend, outlook, outlook_words, price_chart, price_rows
from metrics.dashboard.table_page import TablePage
from metrics.query.conditions import Condition
from metrics.query.fleet_sql import fleet_now, main_site_now, some_miners
from metrics.query.today import energy_today
from metrics.templatetags.hmm_format import SYMBOLS, clock


@dataclass(frozen=True, slots=True)
class Present:
    """The moment a page is made for, and where: the installation's zone and currency."""

    now: datetime
    zone: ZoneInfo
    currency: str

    @property
    def today(self) -> date:
        """The local day."""
        return self.now.astimezone(self.zone).date()


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


def fleet_summary(at: Present) -> FleetSummary | None:
    """Return the summary of the fleet; None without any miner."""
    fleet = fleet_now(at.now)
    if not fleet.size:
        return None
    sites = read.site_prices(at.today, at.now)
    today = energy_today(at.now, at.currency)
    main = main_site_now() if len(sites) > 1 else next((site.site_id for site in sites), None)
    price_now = _price_now(sites, main, at.now)
    return summarise(fleet, price_now, today, now=at.now, zone=at.zone, currency=at.currency)


def price_bars(at: Present) -> list[PriceBlock]:
    """Return the prices of each tariff in use, once however many sites are on it."""
    by_tariff = {site.tariff.pk: site for site in reversed(read.site_prices(at.today, at.now))}
    return [_price_block(site, at) for site in reversed(by_tariff.values())]


def miner_table(at: Present, asked: TablePage) -> MinerTable:
    """Return one page of the table of miners."""
    fleet = fleet_now(at.now)
    miners, found = some_miners(asked.asked(), at.now)
    rejects = read.reject_rates_today(at.now, [miner.id for miner in miners]) if miners else {}
    slots = read.hashrate_slots(at.now, [miner.id for miner in miners]) if miners else []
    notice = silence_notice(fleet.counts.get(Condition.SILENT, 0))
    return MinerTable(miner_rows(miners, slots, rejects, at.now), notice, asked, found, fleet.size)


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
