"""What a figure was made of: shorter periods, miners, readings, prices; each a table of the panel."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from energy.models import Tariff
from energy.prices import prices_between
from hmm.lib.buckets import MADE_OF, Bucket
from hmm.lib.local_times import clock_span
from metrics.column_words import words_of_column
from metrics.engine.state import State
from metrics.explain.figure import FigureRef
from metrics.figure_words import in_words
from metrics.query import MetricRow, metrics_in_range
from metrics.query.aggregate import MOMENT
from metrics.templatetags.hmm_format import decimal, hashrate, percent, power, price
from metrics.types import metric_types
from miners.models import Miner, Telemetry
from miners.telemetry.overlapping import rows_overlapping
from pools.coin_history import read_history
from pools.models import PoolReading

MOST = 100
"""So many lines of a table are shown; how many more there are is said."""

READING_COLUMNS = ("Stands for", "Power", "Hashrate", "Temperature", "Shares")

PERIOD_WORDS = {"slot": "slots", "hourly": "hours", "daily": "days", "weekly": "weeks", "monthly": "months"}


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a table; `url` leads to the explanation of what it says."""

    cells: Sequence[str]
    url: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """What a figure was made of; `note` says how many lines more there are, or why there is none."""

    title: str
    columns: Sequence[str]
    lines: list[Line]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Setting:
    """When and where a figure is explained."""

    now: datetime
    zone: ZoneInfo
    currency: str
    state: State


def tables(ref: FigureRef, bucket: Bucket, records: int, at: Setting) -> Iterator[Table]:
    """Yield what the figure of `ref` over `bucket` came from."""
    if child := child_of(ref):
        yield _periods(ref, child, bucket, at)
    if ref.entity_type == "system" and ref.end is None:
        yield _miners(ref, bucket, at)
    if ref.period != "slot" or ref.end is not None or ref.entity_id is None:
        return
    if ref.entity_type == "miner":
        yield _readings(ref.entity_id, bucket, records, at)
        yield from _worth(ref, ref.entity_id, bucket, at)
    elif ref.entity_type == "pool":
        yield _checks(ref.entity_id, bucket, at)


def child_of(ref: FigureRef) -> str | None:
    """Return the period that it is merged from: of a range its own."""
    return ref.period if ref.end else MADE_OF.get(ref.period)


def _periods(ref: FigureRef, child: str, bucket: Bucket, at: Setting) -> Table:
    rows = metrics_in_range(
        metric_type=ref.metric_type,
        period=child,
        start=bucket.start,
        end=bucket.end,
        entity_type=ref.entity_type,
        entity_id=ref.entity_id,
        limit=MOST + 1,
        now=at.now,
    )
    lines = [
        Line(
            [_when(row.timestamp, child, at), *figures],
            replace(ref, period=child, start=row.timestamp, end=None).url,
        )
        for row, figures in _figures(rows[:MOST], ref.key, at)
    ]
    return Table(
        f"The {PERIOD_WORDS[child]} it is merged from{_how_many(rows)}",
        ["Begins", "Figure", "Readings", "Measured"],
        lines,
        _more(rows, "in this range nothing was measured"),
    )


def _miners(ref: FigureRef, bucket: Bucket, at: Setting) -> Table:
    if "miner" not in metric_types[ref.metric_type].entities:
        return Table("The miners it is merged from", ["Miner"], [], "it has no figure of single miners")
    key = miner_key(ref.metric_type, ref.key, at.currency)
    rows = metrics_in_range(
        metric_type=ref.metric_type,
        period=ref.period,
        start=bucket.start,
        end=bucket.start + MOMENT,
        entity_type="miner",
        limit=MOST + 1,
        now=at.now,
    )
    names = dict(Miner.objects.filter(pk__in=[row.entity_id for row in rows]).values_list("pk", "name"))
    lines = [
        Line(
            [names.get(row.entity_id or 0, ""), *figures],
            replace(ref, key=key, entity_type="miner", entity_id=row.entity_id).url,
        )
        for row, figures in _figures(rows[:MOST], key, at)
    ]
    return Table(
        f"The miners it is merged from{_how_many(rows)}",
        ["Miner", "Figure", "Readings", "Measured"],
        lines,
        _more(rows, "none was measured"),
    )


def miner_key(metric_type: str, key: str, currency: str) -> str:
    """Return the key of a miner that means what `key` means of the system: the one of the same formula, or name."""
    metric = metric_types[metric_type]
    formula = metric.formulas("system", currency)[key]
    own = metric.formulas("miner", currency)
    if key in own:
        return key
    return next((name for name, sql in own.items() if sql == formula), "coverage")


def _readings(miner_id: int, bucket: Bucket, records: int, at: Setting) -> Table:
    rows = rows_overlapping(miner_id, bucket.start, min(bucket.end, at.now))
    gone = (
        f"its {records} readings are no longer kept: what is made of them is" if records else "there is none"
    )
    return Table(
        "The readings in it",
        READING_COLUMNS,
        [Line(reading_cells(row, at.zone)) for row in rows[:MOST]],
        _more(rows, gone),
    )


def reading_cells(row: Telemetry, zone: ZoneInfo) -> list[str]:
    """Return a row of telemetry in words, by READING_COLUMNS."""
    ends = row.timestamp.astimezone(zone)
    start = ends - timedelta(seconds=row.covered_s)
    shares = (
        f"{row.accepted or 0} + {row.rejected or 0}" if (row.accepted, row.rejected) != (None, None) else "–"
    )
    return [
        f"{start:%H:%M:%S}–{ends:%H:%M:%S}",
        power(row.power_w),
        hashrate(row.hashrate_ghs),
        f"{decimal(row.temperature_c, 1)} °C",
        shares,
    ]


def _worth(ref: FigureRef, miner_id: int, bucket: Bucket, at: Setting) -> Iterator[Table]:
    if ref.metric_type in ("energy_cost", "earnings"):
        yield _prices(miner_id, bucket, at)
    if ref.metric_type == "earnings":
        yield _coins(bucket, at)


def _prices(miner_id: int, bucket: Bucket, at: Setting) -> Table:
    spans = [s for s in at.state.farm.spans(bucket.start, bucket.end) if s.miner_id == miner_id]
    tariffs = Tariff.objects.in_bulk({span.tariff_id for span in spans})
    lines = [
        Line(
            [
                clock_span(point.start, point.end, at.zone),
                price(point.pence_per_kwh, tariff.currency),
                tariff.name,
            ]
        )
        for tariff in tariffs.values()
        for point in prices_between(tariff.pk, bucket.start, bucket.end)
    ]
    note = "" if lines else "no price is known for it" if tariffs else "its site had no tariff then"
    return Table("The price of its energy", ["Holds", "Price a kWh", "Tariff"], lines, note)


def _coins(bucket: Bucket, at: Setting) -> Table:
    worth = read_history(bucket.start, bucket.end).worth(bucket.start, bucket.end)
    pence = worth.pence_per_btc
    lines = [
        Line(["Expected for 1 PH", "–" if worth.btc_per_gh is None else f"{1e6 * worth.btc_per_gh:.3e} BTC"]),
        Line(
            [
                "A bitcoin",
                in_words("earnings", f"revenue_{at.currency.lower()}", pence and pence / 100, at.currency),
            ]
        ),
    ]
    return Table("What its work could expect to earn", ["What", "Then"], lines)


def _checks(pool_id: int, bucket: Bucket, at: Setting) -> Table:
    rows = PoolReading.objects.filter(pool_id=pool_id, timestamp__gt=bucket.start, timestamp__lte=bucket.end)
    lines = [
        Line(
            [
                f"{row.timestamp.astimezone(at.zone):%H:%M:%S}",
                "reached" if row.reachable else row.error or "not reached",
                f"{decimal(row.response_time_ms, 0)} ms",
            ]
        )
        for row in rows.order_by("timestamp")[:MOST]
    ]
    return Table(
        "The checks in it", ["At", "Answer", "Response"], lines, "" if lines else "they are no longer kept"
    )


def _figures(rows: Sequence[MetricRow], key: str, at: Setting) -> Iterator[tuple[MetricRow, list[str]]]:
    """Yield each row with its figure, all in one unit, its readings and its coverage, in words."""
    if not rows:
        return
    values = [row.value_json.get(key) for row in rows]
    say = words_of_column(rows[0].metric_type, key, at.currency, values)
    for row, value in zip(rows, values, strict=True):
        yield row, [say(value), f"{row.value_json['records']:,}", percent(row.value_json["coverage"])]


def _how_many(rows: Sequence[MetricRow]) -> str:
    """Return how many lines there are to scroll through; of more than are shown the note says it."""
    return f" ({len(rows)})" if 1 < len(rows) <= MOST else ""


def _when(moment: datetime, period: str, at: Setting) -> str:
    local = moment.astimezone(at.zone)
    day = f"{local:%a} {local.day} {local:%b %Y}"
    return f"{day}, {local:%H:%M}" if period in ("slot", "hourly") else day


def _more(rows: Sequence[object] | Iterable[object], nothing: str) -> str:
    found = list(rows)
    if not found:
        return nothing
    return f"the first {MOST}; there are more" if len(found) > MOST else ""
