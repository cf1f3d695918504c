"""The explanation of a figure, read from the store and the registry of metric types."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.db.models import Model

from hmm.lib.buckets import Bucket
from hmm.lib.local_times import clock_span
from metrics.explain.figure import FigureRef, NotThere
from metrics.explain.parts import Setting, Table, tables
from metrics.figure_words import in_words, title_of
from metrics.query import (
    KeyDescription,
    Kind,
    TypeDescription,
    aggregate,
    described_types,
    get_metric,
    prepared_state,
)
from metrics.query.aggregate import stretches_of
from metrics.templatetags.hmm_format import percent
from miners.models import Miner, Site
from pools.models import Pool

NAMED: Mapping[str, type[Model]] = {"miner": Miner, "site": Site, "pool": Pool}

KIND_WORDS = {
    Kind.TOTAL: "It adds up: a longer time has the sum of the shorter ones.",
    Kind.MEAN: "Of a longer time it is formed anew from the sums; averages are never averaged.",
    Kind.EXTREME: "Of a longer time it is the least or greatest of the shorter ones.",
    Kind.WORD: "A word that goes with the figures.",
}

PERIODS = {"slot": "slot", "hourly": "hour", "daily": "day", "weekly": "week", "monthly": "month"}


@dataclass(frozen=True, slots=True)
class Explanation:
    """What the panel says of a figure. `value` is it as stored, null where there is none; times are aware.

    `measured_s` is how much of the time so far was measured, of all miners together their share of it.
    """

    ref: FigureRef
    title: str
    whose: str
    text: str
    value: object
    definition: str
    formula: str
    kind: str
    period: str
    coverage: str
    records: int
    is_partial: bool
    is_known: bool
    computed_at: datetime | None
    source: str
    command: str
    tables: list[Table]
    measured_s: float | None


@dataclass(frozen=True, slots=True)
class _Found:
    value: Mapping[str, object]
    source: str
    computed_at: datetime | None


NOTHING = _Found({}, "", None)


def explanation(ref: FigureRef, now: datetime, zone: ZoneInfo, currency: str) -> Explanation:
    """Return the explanation of `ref` at `now`. As many queries whatever the figure's size. Raises NotComputedYet, NotThere."""
    whose = _whose(ref)
    state = prepared_state(ref.period, ref.start, ref.end or ref.start, now)
    bucket = _bucket(ref, Setting(now, zone, currency, state))
    found = _found(ref, bucket, now)
    described, key = _described(ref)
    records = found.value.get("records", 0)
    assert isinstance(records, int)
    coverage = found.value.get("coverage")
    return Explanation(
        ref=ref,
        title=title_of(ref.metric_type, ref.key, currency),
        whose=whose,
        text=in_words(ref.metric_type, ref.key, found.value.get(ref.key), currency),
        value=found.value.get(ref.key),
        definition=described.description,
        formula=key.formula.get(ref.entity_type, ""),
        kind=KIND_WORDS[key.kind],
        period=_period(ref, bucket, zone),
        coverage=percent(coverage if isinstance(coverage, int | float) else None),
        records=records,
        is_partial=bool(found.value.get("partial")),
        is_known=found is not NOTHING,
        computed_at=found.computed_at,
        source=found.source,
        command=_command(ref, bucket, zone),
        tables=list(tables(ref, bucket, records, Setting(now, zone, currency, state))),
        measured_s=coverage * _elapsed_s(bucket, now) if isinstance(coverage, int | float) else None,
    )


def _bucket(ref: FigureRef, at: Setting) -> Bucket:
    """Return what the figure is of: the period that holds its start, or the range in whole periods."""
    cut = at.state.cut
    if ref.end is None:
        return cut.bucket_at(ref.period, ref.start)
    whole = stretches_of(cut, ref.period, ref.start, min(ref.end, at.now), None)
    return whole[0] if whole else Bucket(ref.start, ref.end)


def _elapsed_s(bucket: Bucket, now: datetime) -> float:
    return (min(bucket.end, now.replace(microsecond=0)) - bucket.start).total_seconds()


def _found(ref: FigureRef, bucket: Bucket, now: datetime) -> _Found:
    if ref.end is not None:
        figures = aggregate(
            metric_type=ref.metric_type,
            period=ref.period,
            start=ref.start,
            end=ref.end,
            entity_type=ref.entity_type,
            entity_id=ref.entity_id,
            now=now,
        )
        return _Found(figures[0].value_json, "merged", None) if figures else NOTHING
    row = get_metric(
        metric_type=ref.metric_type,
        entity_type=ref.entity_type,
        entity_id=ref.entity_id,
        period=ref.period,
        timestamp=bucket.start,
        now=now,
    )
    return _Found(row.value_json, row.source, row.computed_at) if row else NOTHING


def _described(ref: FigureRef) -> tuple[TypeDescription, KeyDescription]:
    described = next(each for each in described_types() if each.name == ref.metric_type)
    return described, next(key for key in described.keys if key.key == ref.key)


def _whose(ref: FigureRef) -> str:
    if ref.entity_id is None:
        return "all miners together"
    found = NAMED[ref.entity_type]._default_manager.filter(pk=ref.entity_id).values_list("name", flat=True)
    name = found.first()
    if name is None:
        raise NotThere("entity_id", f"there is no {ref.entity_type} {ref.entity_id}")
    return f"{ref.entity_type} {name}"


def _period(ref: FigureRef, bucket: Bucket, zone: ZoneInfo) -> str:
    start, end = bucket.start.astimezone(zone), bucket.end.astimezone(zone)
    day = f"{start:%a} {start.day} {start:%b %Y}"
    if ref.end is not None:
        return f"{day}, {start:%H:%M} to {end:%a} {end.day} {end:%b %Y}, {end:%H:%M}"
    if ref.period in ("slot", "hourly"):
        return f"{PERIODS[ref.period]} {clock_span(bucket.start, bucket.end, zone)}, {day}"
    hours = bucket.length_s / 3600
    if ref.period == "daily":
        return f"{day}" + (f", {hours:g} hours" if hours != 24 else "")
    return f"{PERIODS[ref.period]} from {day}, {hours:g} hours"


def _command(ref: FigureRef, bucket: Bucket, zone: ZoneInfo) -> str:
    start, end = (m.astimezone(zone).isoformat(timespec="minutes") for m in (bucket.start, bucket.end))
    return (
        f"manage.py backfill_metrics --type {ref.metric_type} --period {ref.period} "
        f"--from {start} --to {end} --recompute"
    )
