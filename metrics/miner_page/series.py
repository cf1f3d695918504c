"""The lines of a miner's charts: one value a bucket, and nothing where nothing was measured."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from math import gcd
from typing import Any
from zoneinfo import ZoneInfo

from hmm.lib.buckets import DEFAULT_SLOT_S, Bucket, buckets
from hmm.lib.times import EPOCH
from hmm.lib.units import hashrate_unit
from metrics.explain.average_power import AveragePowerRef
from metrics.explain.figure import FigureRef
from metrics.query import MetricRow
from metrics.store.columns import JOULES_PER_KWH
from miners.models import Telemetry


@dataclass(frozen=True, slots=True)
class Span:
    """How far back a chart goes, and in buckets of which period; None: every reading."""

    title: str
    length: timedelta
    period: str | None


SPANS = {
    "3h": Span("3 h", timedelta(hours=3), None),
    "24h": Span("24 h", timedelta(hours=24), "slot"),
    "7d": Span("7 d", timedelta(days=7), "hourly"),
    "30d": Span("30 d", timedelta(days=30), "hourly"),
}
USUAL_SPAN = "24h"


@dataclass(frozen=True, slots=True)
class Quantity:
    """What a chart draws: a key of a reading, and how a figure of a period says the same."""

    title: str
    metric_type: str
    of_figure: Callable[[Mapping[str, Any], int], float | None]
    of_reading: Callable[[Telemetry], float | None]
    unit: str
    digits: int
    from_zero: bool = True


def average_power_w(value: Mapping[str, Any], elapsed_s: int) -> float | None:
    """Return the average power (W) of the measured part of a period, from a `value_json` of energy_cost."""
    measured_s = (value["coverage"] or 0) * elapsed_s
    if value["kwh"] is None or measured_s <= 0:
        return None
    return float(value["kwh"]) * JOULES_PER_KWH / measured_s


QUANTITIES = {
    "hashrate": Quantity(
        "Hashrate", "hashrate", lambda value, _: value["avg"], lambda row: row.hashrate_ghs, "GH/s", 2
    ),
    "power": Quantity("Power", "energy_cost", average_power_w, lambda row: row.power_w, "W", 1),
    "temperature": Quantity(
        "Temperature",
        "temperature",
        lambda value, _: value["avg"],
        lambda row: row.temperature_c,
        "°C",
        1,
        from_zero=False,
    ),
}


@dataclass(frozen=True, slots=True)
class Line:
    """Moments, and the value from each on; None is a gap."""

    moments: list[datetime]
    values: list[float | None]


def line_of_figures(
    quantity: Quantity, span: Span, rows: Sequence[MetricRow], now: datetime, zone: ZoneInfo
) -> Line:
    """Return a value for each bucket of the span up to `now`, None where it has no figure."""
    by_start = {row.timestamp: row.value_json for row in rows}
    found = [bucket for bucket in _buckets(span, rows, now, zone) if bucket.start < now]
    return Line([bucket.start for bucket in found], [_value(quantity, by_start, b, now) for b in found])


def line_of_readings(quantity: Quantity, readings: Sequence[Telemetry]) -> Line:
    """Return each reading's value at its moment; where readings do not adjoin, a gap before the later one begins."""
    moments: list[datetime] = []
    values: list[float | None] = []
    for reading in readings:
        begins = reading.timestamp - timedelta(seconds=reading.covered_s)
        if moments and begins > moments[-1]:
            moments.append(begins)
            values.append(None)
        moments.append(reading.timestamp)
        values.append(quantity.of_reading(reading))
    return Line(moments, values)


def chart_json(
    quantity: Quantity,
    line: Line,
    marks: Sequence[tuple[datetime, str]],
    zone: ZoneInfo,
    ends: tuple[datetime, datetime],
) -> dict[str, Any]:
    """Return what chart.js draws (docs/design-language.md); hashrates in the unit that suits the greatest. `ends` are those of the axis."""
    scale, unit = 1.0, quantity.unit
    if quantity.metric_type == "hashrate":
        scale, unit = hashrate_unit(max((value or 0.0 for value in line.values), default=0.0))
    shown = [None if value is None else round(value / scale, quantity.digits + 1) for value in line.values]
    if all(value is None for value in shown):
        line, shown = Line([], []), []
    return {
        "zone": zone.key,
        "start": int(ends[0].timestamp()),
        "end": int(ends[1].timestamp()),
        "t": [int(moment.timestamp()) for moment in line.moments],
        "from_zero": quantity.from_zero,
        "series": [{"label": quantity.title, "unit": unit, "digits": quantity.digits, "values": shown}],
        "marks": [{"t": int(at.timestamp()), "label": label} for at, label in marks],
    }


def explained_from(quantity: str, span: Span, miner_id: int) -> str:
    """Return the address that explains a figure of the chart, but for its start, which ends it; "" where it is of readings."""
    if span.period is None:
        return ""
    if quantity == "power":
        what = AveragePowerRef("miner", miner_id, EPOCH, None, span.period).what
    else:
        what = FigureRef(QUANTITIES[quantity].metric_type, "avg", "miner", miner_id, span.period, EPOCH).what
    return f"{what}&at="


def _buckets(span: Span, rows: Sequence[MetricRow], now: datetime, zone: ZoneInfo) -> list[Bucket]:
    if span.period != "slot":
        return buckets(span.period or "", now - span.length, now, zone, 0)
    slot_s = reduce(gcd, (int(row.timestamp.timestamp()) for row in rows), DEFAULT_SLOT_S)
    return buckets("slot", now - span.length, now, zone, slot_s)


def _value(
    quantity: Quantity, by_start: Mapping[datetime, Mapping[str, Any]], bucket: Bucket, now: datetime
) -> float | None:
    value = by_start.get(bucket.start)
    elapsed_s = Bucket(bucket.start, min(bucket.end, now.replace(microsecond=0))).length_s
    return None if value is None else quantity.of_figure(value, elapsed_s)
