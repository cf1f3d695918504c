"""Explain a price: whose tariff, from which provider, when it was fetched, and the slots that are published around it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from django.db.models import Q
from django.utils.safestring import SafeString

from energy.models import StandingCharge, Tariff
from energy.outlook import average_pence
from energy.points import PricePoint
from energy.prices import prices_between
from hmm.lib.local_times import clock_span, local_day
from hmm.templatetags.components import ago
from metrics.explain.account import Account, day_words, span_words
from metrics.explain.figure import NotThere, explain_address, id_in, times_in, written
from metrics.explain.parts import MOST, Line, Table
from metrics.templatetags.hmm_format import SYMBOLS, decimal, price
from miners.models import SiteTariff

OF_A_SLOT = (
    "What a kWh costs in this slot, as its provider publishes it. Energy that is used in the slot costs so much; "
    "below zero, who uses electricity is paid for it."
)
OF_A_RANGE = "The average price of a kWh in this time: each slot's price by how long it lasts."


@dataclass(frozen=True, slots=True)
class PriceRef:
    """The price of a tariff at `start`, or, with `end`, its average from then on."""

    tariff_id: int
    start: datetime
    end: datetime | None = None

    @property
    def url(self) -> str:
        """The address of its explanation."""
        when = (
            f"from={written(self.start)}&to={written(self.end)}" if self.end else f"at={written(self.start)}"
        )
        return f"{explain_address()}?price={self.tariff_id}&{when}"

    @property
    def anchor(self) -> str:
        """The id of its link: that of the price now has the same one in the next slot."""
        return f"figure-price-{self.tariff_id}"


def price_ref(given: Mapping[str, str], zone: ZoneInfo) -> PriceRef:
    """Return the price that an address asks for. Raises Refused naming what is wrong with it."""
    return PriceRef(id_in("price", given.get("price", "")), *times_in(given, zone))


def price_account(ref: PriceRef, now: datetime, zone: ZoneInfo) -> Account:
    """Return the explanation of a price. Four queries. Raises NotThere for a tariff that there is not."""
    tariff = Tariff.objects.filter(pk=ref.tariff_id).first()
    if tariff is None:
        raise NotThere("price", f"there is no tariff {ref.tariff_id}")
    return _PriceAccount(ref, tariff, now, zone).account()


class _PriceAccount:
    def __init__(self, ref: PriceRef, tariff: Tariff, now: datetime, zone: ZoneInfo) -> None:
        self.ref, self.tariff, self.now, self.zone = ref, tariff, now, zone
        self.day = local_day(ref.start.astimezone(zone).date(), zone)
        self.start, self.end = (ref.start, ref.end) if ref.end else (self.day.start, self.day.end)
        self.slots = prices_between(tariff.pk, self.start, self.end)

    def account(self) -> Account:
        """Return what is said of it."""
        pence, slot = self._figure()
        return Account(
            title="Average price" if self.ref.end else "Electricity price",
            whose=self.tariff.name,
            text=f"{price(pence, self.tariff.currency)}/kWh" if pence is not None else price(None),
            when=self._when(slot),
            definition=OF_A_RANGE if self.ref.end else OF_A_SLOT,
            notice="" if pence is not None else "No price is known for this time: energy then has no cost.",
            pairs=[*self._exactly(pence, slot), *self._source()],
            tables=[self._table()],
            command=self._command(),
            url=self.ref.url,
        )

    def _figure(self) -> tuple[float | None, PricePoint | None]:
        """Return the price, and the slot that has it."""
        if self.ref.end:
            return average_pence(self.slots, self.start, self.end), None
        slot = next((s for s in self.slots if s.start <= self.ref.start < s.end), None)
        return (slot.pence_per_kwh if slot else None), slot

    def _when(self, slot: PricePoint | None) -> str:
        if self.ref.end:
            return span_words(self.start, self.end, self.zone)
        if slot is None:
            return f"{day_words(self.ref.start, self.zone)}, {self.ref.start.astimezone(self.zone):%H:%M}"
        return "slot " + span_words(slot.start, slot.end, self.zone)

    def _exactly(self, pence: float | None, slot: PricePoint | None) -> list[tuple[str, str | SafeString]]:
        found: list[tuple[str, str | SafeString]] = []
        if pence is not None:
            found.append(("Exactly", f"{pence!r} {SYMBOLS[self.tariff.currency][1]}"))
        if slot is not None:
            found.append(("Holds", str(slot)))
        return found

    def _source(self) -> list[tuple[str, str | SafeString]]:
        tariff = self.tariff
        names = (tariff.provider, tariff.product, tariff.region and f"region {tariff.region}")
        found: list[tuple[str, str | SafeString]] = [
            ("Provider", ", ".join(name for name in names if name)),
            ("Fetched", ago(tariff.fetched_at, absent="never by itself: imported, or fixed")),
        ]
        if tariff.fetch_error:
            found.append(("Last fetch", f"failed: {tariff.fetch_error}"))
        if standing := self._standing():
            found.append(("Standing charge", standing))
        found.append(("Paid by", ", ".join(self._sites()) or "no site then"))
        return found

    def _standing(self) -> str:
        charges = StandingCharge.objects.filter(tariff=self.tariff, start__lte=self.ref.start)
        charge = charges.filter(Q(end=None) | Q(end__gt=self.ref.start)).order_by("-start").first()
        return (
            f"{decimal(charge.pence_per_day, 2)} {SYMBOLS[self.tariff.currency][1]} a day" if charge else ""
        )

    def _sites(self) -> Sequence[str]:
        """Return the sites that were on the tariff on that local day."""
        then: date = self.ref.start.astimezone(self.zone).date()
        on_tariff = SiteTariff.objects.filter(start_date__lte=then).order_by("site_id", "-start_date")
        latest = on_tariff.distinct("site_id").select_related("site")
        return [row.site.name for row in latest if row.tariff_id == self.tariff.pk]

    def _table(self) -> Table:
        minor = SYMBOLS[self.tariff.currency][1]
        lines = [
            Line(
                [self._slot_words(slot), decimal(slot.pence_per_kwh, 2)],
                PriceRef(self.tariff.pk, slot.start).url,
            )
            for slot in self.slots[:MOST]
        ]
        more = f"the first {MOST}; there are more" if len(self.slots) > MOST else ""
        return Table(
            "The slots it is the average of" if self.ref.end else "The slots that are published for this day",
            ["Slot", f"{minor}/kWh"],
            lines,
            more or ("" if lines else "none is known"),
        )

    def _slot_words(self, slot: PricePoint) -> str:
        is_it = self.ref.end is None and slot.start <= self.ref.start < slot.end
        is_now = slot.start <= self.now < slot.end
        said = ", ".join(word for word, holds in (("this one", is_it), ("now", is_now)) if holds)
        words = clock_span(slot.start, slot.end, self.zone)
        day = f"{slot.start.astimezone(self.zone):%a} " if self.ref.end else ""
        return f"{day}{words}" + (f" ({said})" if said else "")

    def _command(self) -> str:
        ends = (m.astimezone(UTC).strftime("%Y-%m-%dT%H:%MZ") for m in (self.start, self.end))
        start, end = ends
        return f"manage.py fetch_prices --tariff {self.tariff.pk} --from {start} --to {end}"
