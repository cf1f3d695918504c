"""The table of miners: one line each, troubled ones first, with its last 24 hours."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache, reduce
from math import gcd

from django.urls import reverse
from django.utils.safestring import SafeString

from hmm.lib.svg import sparkline
from hmm.lib.units import UNKNOWN, j_per_th
from metrics.dashboard.table_page import Column, Pages, TablePage, columns, pages
from metrics.query.conditions import Condition, MinerNow, condition_of, is_known, since
from metrics.query.fleet_lines import SlotHashrate as SlotHashrate  # what the lines are drawn of
from metrics.templatetags.hmm_format import age, decimal, hashrate

SPARK_SPAN = timedelta(hours=24)
LONGEST_STEP_S = 1800
AT_A_GLANCE = 8
"""So many miners need no search."""

ORDER = {condition: place for place, condition in enumerate(Condition)}
TONES = {
    Condition.UNREACHABLE: "bad",
    Condition.SILENT: "bad",
    Condition.NOT_HASHING: "warn",
    Condition.HASHING: "good",
}


@dataclass(frozen=True, slots=True)
class MinerRow:
    """One line as the page shows it; "–" where a figure is not known now."""

    id: int
    key: str
    name: str
    href: str
    model: str
    state: str
    tone: str
    since: str
    reason: str
    hashrate: str
    power_w: str
    temperature_c: str
    is_hot: bool
    efficiency_j_per_th: str
    rejects_percent: str
    spark: SafeString
    reading_age: str


@dataclass(frozen=True, slots=True)
class MinerTable:
    """The lines of one page, what concerns them all, and what was asked for."""

    rows: list[MinerRow]
    notice: str
    asked: TablePage
    found: int
    fleet_size: int

    @property
    def can_be_searched(self) -> bool:
        """Whether it is long enough for that, or has been."""
        return self.fleet_size > AT_A_GLANCE or bool(self.asked.search or self.asked.state)

    @property
    def columns(self) -> list[Column]:
        """The columns, each with where a click on it leads."""
        return columns(self.asked)

    @property
    def pages(self) -> Pages:
        """Which page this is, and where those beside it are."""
        return pages(self.asked, self.found)


def miner_rows(
    miners: Sequence[MinerNow],
    slots: Iterable[SlotHashrate],
    rejects_percent: Mapping[int | None, float | None],
    now: datetime,
) -> list[MinerRow]:
    """Return the lines of `miners` at `now`, in their order."""
    series = spark_series(slots, now)
    return [_row(miner, series.get(miner.id, []), rejects_percent.get(miner.id), now) for miner in miners]


def in_order(miners: Iterable[MinerNow], now: datetime) -> list[MinerNow]:
    """Return what needs attention first, then by name as people order names."""
    return sorted(miners, key=lambda miner: (ORDER[condition_of(miner, now)], natural_key(miner.name)))


def silence_notice(silent: int) -> str:
    """Return what to look at when so many miners stay silent although nothing failed to reach them, else ""."""
    return (
        f"{silent} without readings, and no failed poll either: is the collector running?" if silent else ""
    )


def natural_key(name: str) -> str:
    """Return a sorting key by which rig-2 comes before rig-10: what `miners.models.NaturalKey` makes in SQL."""
    return re.sub("[0-9]+", lambda number: number[0].zfill(18)[-18:], name.lower())


def spark_series(slots: Iterable[SlotHashrate], now: datetime) -> dict[int | None, list[float | None]]:
    """Return each miner's last 24 hours up to the last slot that is over, equally spaced; no row is a gap."""
    found = list(slots)
    step_s = reduce(gcd, (slot.start_s for slot in found), LONGEST_STEP_S)
    length = int(SPARK_SPAN.total_seconds()) // step_s
    first = int(now.timestamp()) // step_s - length
    series: dict[int | None, list[float | None]] = {}
    for slot in found:
        place = slot.start_s // step_s - first
        if 0 <= place < length:
            series.setdefault(slot.miner_id, [None] * length)[place] = slot.hashrate_ghs
    return series


@lru_cache(maxsize=10_000)
def miner_address(miner_id: int) -> str:
    """Return the address of a miner's page: looking it up takes as long as the rest of its line."""
    return reverse("metrics:miner", args=[miner_id])


def _row(miner: MinerNow, series: list[float | None], rejects: float | None, now: datetime) -> MinerRow:
    condition = condition_of(miner, now)
    known = is_known(miner, now)
    moment = since(miner, condition)
    return MinerRow(
        id=miner.id,
        key=str(miner.id),  # a number in a template would be written by the rules of the language
        name=miner.name,
        href=miner_address(miner.id),
        model=miner.model or "model not known",
        state=condition.value,
        tone=TONES.get(condition, "muted"),
        since=f"for {age(now - moment)}" if moment else "",
        reason="" if condition in (Condition.HASHING, Condition.SILENT) else miner.state_reason,
        hashrate=hashrate(miner.hashrate_ghs if known else None),
        power_w=_watts(miner.power_w if known else None),
        temperature_c=decimal(miner.temperature_c if known else None, 0),
        is_hot=known and _is_hot(miner),
        efficiency_j_per_th=decimal(j_per_th(miner.power_w, miner.hashrate_ghs) if known else None, 1),
        rejects_percent=decimal(rejects, 2),
        spark=sparkline(series, label=_spark_label(series)),
        reading_age=age(now - miner.reading_at) if miner.reading_at else UNKNOWN,
    )


def _watts(power_w: float | None) -> str:
    return decimal(power_w, 1 if power_w is not None and power_w < 100 else 0)


def _is_hot(miner: MinerNow) -> bool:
    limit = miner.max_temperature_c
    return limit is not None and miner.temperature_c is not None and miner.temperature_c > limit


def _spark_label(series: Sequence[float | None]) -> str:
    found = [value for value in series if value is not None]
    if not found:
        return "Hashrate over 24 hours: nothing measured"
    words = f"Hashrate over 24 hours: {hashrate(min(found))} to {hashrate(max(found))}"
    share = 100 * (1 - len(found) / len(series))
    return f"{words}, {share:.0f} % not measured" if share >= 1 else words
