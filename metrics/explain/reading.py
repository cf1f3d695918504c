"""Explain what is shown of now: which driver read it, when, and the rows as they are kept; of all miners, the sum."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.utils.safestring import SafeString

from hmm.lib.units import UNKNOWN, j_per_th
from hmm.templatetags.components import ago
from metrics.explain.account import Account, day_words
from metrics.explain.figure import NotThere, explain_address, id_in
from metrics.explain.parts import MOST, READING_COLUMNS, Line, Table, reading_cells
from metrics.query import Refused
from metrics.query.conditions import MinerNow, condition_of, is_known
from metrics.query.fleet import FleetTotals, miner_now
from metrics.query.fleet_sql import Asked, fleet_now, some_miners
from metrics.query.words import check_word
from metrics.templatetags.hmm_format import decimal, hashrate, power
from miners.models import LatestReading, Miner
from miners.telemetry.overlapping import rows_overlapping

ALL = "all"
BACK = timedelta(hours=1)
"""Rows of the last hour are shown beside a reading."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """Something that a miner tells, or that follows from it at once."""

    title: str
    definition: str
    of: Callable[[MinerNow], float | None]
    total: Callable[[FleetTotals], float | None] | None
    say: Callable[[float | None], str]
    unit: str = ""
    sort: str = ""


def _said(places: int, unit: str) -> Callable[[float | None], str]:
    return lambda number: UNKNOWN if number is None else f"{decimal(number, places)} {unit}"


TOLD = "What the device said when it was last read"
QUANTITIES: Mapping[str, Quantity] = {
    "hashrate": Quantity(
        "Hashrate now",
        f"{TOLD}: its own short average.",
        lambda m: m.hashrate_ghs,
        lambda t: t.hashrate_ghs,
        hashrate,
        "GH/s",
        "hashrate",
    ),
    "power": Quantity("Power now", f"{TOLD}.", lambda m: m.power_w, lambda t: t.power_w, power, "W", "power"),
    "efficiency": Quantity(
        "Efficiency now",
        "Power over hashrate of the last reading: J/TH = W ÷ (TH/s). Less is better.",
        lambda m: j_per_th(m.power_w, m.hashrate_ghs),
        lambda t: t.efficiency_j_per_th,
        _said(1, "J/TH"),
        "J/TH",
        "efficiency",
    ),
    "temperature": Quantity(
        "Temperature now",
        f"{TOLD}, of its chips.",
        lambda m: m.temperature_c,
        None,
        _said(0, "°C"),
        "°C",
        "temperature",
    ),
    "fan": Quantity("Fan now", f"{TOLD}.", lambda m: None, None, _said(0, "rpm"), "rpm"),
    "state": Quantity(
        "How the miners are",
        "Whether each is hashing, by its last reading and its last poll.",
        lambda m: None,
        None,
        str,
    ),
}


@dataclass(frozen=True, slots=True)
class ReadingRef:
    """A quantity as it is now: of one miner, or of all (`miner_id` null)."""

    quantity: str
    miner_id: int | None = None

    @property
    def url(self) -> str:
        """The address of its explanation."""
        return f"{explain_address()}?reading={self.quantity}&of={self.miner_id or ALL}"

    @property
    def anchor(self) -> str:
        """The id of its link."""
        return f"figure-now-{self.quantity}-{self.miner_id or ALL}"


def reading_ref(given: Mapping[str, str]) -> ReadingRef:
    """Return the reading that an address asks for. Raises Refused naming what is wrong with it."""
    quantity, of = given.get("reading", ""), given.get("of", "")
    check_word("reading", quantity, list(QUANTITIES))
    if of == ALL:
        if QUANTITIES[quantity].total is None and quantity != "state":
            raise Refused("of", f"there is no {quantity} of all miners together")
        return ReadingRef(quantity)
    if quantity == "state":
        raise Refused("of", f"how the miners are is told of {ALL!r}")
    return ReadingRef(quantity, id_in("of", of))


def reading_account(ref: ReadingRef, now: datetime, zone: ZoneInfo) -> Account:
    """Return the explanation of a reading. Raises NotThere for a miner that there is not."""
    return _of_all(ref, now, zone) if ref.miner_id is None else _of_miner(ref, ref.miner_id, now, zone)


def _of_miner(ref: ReadingRef, miner_id: int, now: datetime, zone: ZoneInfo) -> Account:
    found = Miner.objects.select_related("latest", "model", "site").filter(pk=miner_id).first()
    if found is None:
        raise NotThere("of", f"there is no miner {miner_id}")
    latest: LatestReading | None = getattr(found, "latest", None)
    as_now, quantity = miner_now(found), QUANTITIES[ref.quantity]
    value = latest.fan_rpm if ref.quantity == "fan" and latest else quantity.of(as_now)
    known = is_known(as_now, now)
    return Account(
        title=quantity.title,
        whose=f"miner {found.name}",
        text=quantity.say(value if known else None),
        when=_read_at(as_now.reading_at, zone),
        definition=quantity.definition,
        notice=_notice(as_now, value, now),
        pairs=[*_exactly(value, quantity.unit), *_source(found, latest)],
        tables=[_rows(miner_id, as_now.reading_at, now, zone), *_warnings(latest)],
        command=_probe(found),
        url=ref.url,
    )


def _of_all(ref: ReadingRef, now: datetime, zone: ZoneInfo) -> Account:
    fleet, quantity = fleet_now(now), QUANTITIES[ref.quantity]
    miners, _ = some_miners(
        Asked(sort=quantity.sort or "state", descending=bool(quantity.sort), limit=MOST), now
    )
    value = quantity.total(fleet.totals) if quantity.total else None
    is_state = ref.quantity == "state"
    return Account(
        title=quantity.title,
        whose="all miners together",
        text=f"{fleet.size} miners" if is_state else quantity.say(value),
        when=f"{now.astimezone(zone):%H:%M:%S}, {day_words(now, zone)}",
        definition=quantity.definition
        if is_state
        else f"{_sum_words(ref)} Readings that are too old to say how a miner is are left out.",
        pairs=_exactly(value, quantity.unit),
        tables=[_miners(ref, miners, fleet.size, now)],
        command="manage.py top --once",
        url=ref.url,
    )


def _sum_words(ref: ReadingRef) -> str:
    if ref.quantity == "efficiency":
        return "The power of all miners over their hashrate, of those that tell both: J/TH = W ÷ (TH/s)."
    return f"The sum of the {ref.quantity} that each miner told when it was last read."


def _miners(ref: ReadingRef, miners: Sequence[MinerNow], size: int, now: datetime) -> Table:
    quantity, is_state = QUANTITIES[ref.quantity], ref.quantity == "state"
    lines = [
        Line(
            [
                each.name,
                condition_of(each, now).value
                if is_state
                else quantity.say(quantity.of(each) if is_known(each, now) else None),
                ago(each.reading_at),
            ],
            ReadingRef("hashrate" if is_state else ref.quantity, each.id).url,
        )
        for each in miners
    ]
    note = f"the first {MOST} of {size:,}" if size > len(lines) else ""
    return Table("What each miner told", ["Miner", "State" if is_state else "Figure", "Read"], lines, note)


def _read_at(moment: datetime | None, zone: ZoneInfo) -> str:
    if moment is None:
        return "never read"
    return f"read {moment.astimezone(zone):%H:%M:%S}, {day_words(moment, zone)}"


def _notice(miner: MinerNow, value: float | None, now: datetime) -> str:
    if miner.reading_at is None:
        return "It has never told anything."
    if not is_known(miner, now):
        return f"Its last reading is too old to say how it is: {condition_of(miner, now).value}. Unknown is not zero."
    return "" if value is not None else "This device does not say it."


def _exactly(value: float | None, unit: str) -> list[tuple[str, str | SafeString]]:
    return [("Exactly", f"{value!r} {unit}")] if value is not None else []


def _source(miner: Miner, latest: LatestReading | None) -> list[tuple[str, str | SafeString]]:
    found: list[tuple[str, str | SafeString]] = [("Driver", miner.driver or "found out at its first poll")]
    if miner.host and miner.enabled:
        found.append(("Polled", f"each {miner.site.poll_interval_s} s"))
    if latest is None or latest.timestamp is None:
        return found
    found.append(("Read", ago(latest.timestamp)))
    if latest.pushed_at:
        found.append(("Pushed", ago(latest.pushed_at)))
    if latest.firmware:
        found.append(("Firmware", latest.firmware))
    return found


def _rows(miner_id: int, read_at: datetime | None, now: datetime, zone: ZoneInfo) -> Table:
    rows = rows_overlapping(miner_id, read_at - BACK, read_at + timedelta(seconds=1)) if read_at else []
    lines = [
        Line(reading_cells(row, zone))
        for row in sorted(rows, key=lambda row: row.timestamp, reverse=True)[:MOST]
    ]
    title = "The rows that are kept of its last hour, the newest first"
    return Table(title, READING_COLUMNS, lines, "" if lines else "none is kept")


def _warnings(latest: LatestReading | None) -> list[Table]:
    if latest is None or not latest.warnings:
        return []
    return [
        Table(
            "What was mended or left out of its answer",
            ["Warning"],
            [Line([str(w)]) for w in latest.warnings],
        )
    ]


def _probe(miner: Miner) -> str:
    if not miner.host:
        return ""
    at = f"{miner.host}:{miner.port}" if miner.port else miner.host
    return f"manage.py probe {at}" + (f" --driver {miner.driver}" if miner.driver else "")
