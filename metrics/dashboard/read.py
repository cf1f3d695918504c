"""What the dashboard needs from the database, each in one query however many miners there are."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef

from energy.models import PriceSlot, Tariff
from energy.points import PricePoint
from metrics.dashboard.miner_table import LONGEST_STEP_S, SPARK_SPAN, SlotHashrate
from metrics.dashboard.prices import SHOWN_AFTER, SHOWN_BEFORE
from metrics.models import Metric
from metrics.query import miners_now as miners_now  # the page and the terminal read it here
from metrics.query import open_metrics
from miners.models import SiteTariff


@dataclass(frozen=True, slots=True)
class SitePrices:
    """The tariff that a site is on, with its prices from a little before now to the end of what is published."""

    site_id: int
    tariff: Tariff
    prices: list[PricePoint]


def site_prices(today: date, now: datetime) -> list[SitePrices]:
    """Return what each site pays on the local day `today`, in order of the sites. One query."""
    slots = PriceSlot.objects.filter(
        tariff_id=OuterRef("tariff_id"), end__gt=now - SHOWN_BEFORE, start__lt=now + SHOWN_AFTER
    ).order_by("start")
    on_tariff = (
        SiteTariff.objects.filter(start_date__lte=today)
        .order_by("site_id", "-start_date")
        .distinct("site_id")
        .select_related("tariff")
        .annotate(
            starts=ArraySubquery(slots.values("start")),
            ends=ArraySubquery(slots.values("end")),
            pence=ArraySubquery(slots.values("pence_per_kwh")),
        )
    )
    return [
        SitePrices(
            row.site_id,
            row.tariff,
            [PricePoint(*slot) for slot in zip(row.starts, row.ends, row.pence, strict=True)],
        )
        for row in on_tariff
    ]


def reject_rates_today(now: datetime, miners: Sequence[int] | None = None) -> dict[int | None, float | None]:
    """Return every miner's, or these miners', reject rate (%) of the local day so far. Two queries."""
    figures = open_metrics(["reject_rate"], period="daily", entity_type="miner", miners=miners, now=now)
    return {miner_id: rows["reject_rate"].value_json["reject_rate"] for miner_id, rows in figures.items()}


def hashrate_slots(now: datetime, miners: Sequence[int] | None = None) -> list[SlotHashrate]:
    """Return every miner's, or these miners', average hashrate in each stored slot of the last 24 hours. One query.

    Reading a figure of the open day beforehand has the store filled up to the last slot that is over.
    """
    found = Metric.objects.filter(
        metric_type="hashrate",
        entity_type="miner",
        period="slot",
        timestamp__gte=now - SPARK_SPAN - timedelta(seconds=LONGEST_STEP_S),
        timestamp__lt=now,
    )
    if miners is not None:
        found = found.filter(entity_id__in=miners)
    return [SlotHashrate(*row) for row in found.values_list("entity_id", "timestamp", "value_json__avg")]
