"""Rows that were pushed: each judged by itself, all that are believable stored in one transaction."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from django.db import transaction

from miners.collector.figures import MOST_INTERVALS, covered_s
from miners.models import LatestReading, Miner
from miners.push.body import GivenRow
from miners.push.liveness import note_pushes
from miners.telemetry.aside import Aside, set_aside
from miners.telemetry.latest import hold_latest_readings
from miners.telemetry.lines import Line, LineRefused, object_parser
from miners.telemetry.neighbours import NOBODY, neighbours
from miners.telemetry.packed.late import Stretch, make_room, reasons_dropped
from miners.telemetry.partitions import ensure_days, seeing_partitions
from miners.telemetry.rows import TelemetryRow
from miners.telemetry.write import merge_rows

SOURCE = "push"
LONGEST_RAW = 4000


class Verdict(StrEnum):
    """What became of a row."""

    STORED = "stored"
    REPEATED = "repeated"
    CONFLICTING = "conflicting"
    REFUSED = "refused"


class Judged(NamedTuple):
    """A row's number, what became of it, and for a conflicting or refused one why."""

    number: int
    verdict: Verdict
    reason: str = ""


CONFLICT = "another row is stored for that second of that miner; this one is kept aside"


Believed = tuple[GivenRow, Miner, Line]
"""A believable row as it was given, its miner, and what it says."""


@dataclass
class _Push:
    """Rows on their way: the believable ones with their miner, and what has been said of the others."""

    lines: list[Believed] = field(default_factory=list)
    judged: list[Judged] = field(default_factory=list)
    asides: list[Aside] = field(default_factory=list)

    def refuse(self, given: GivenRow, reason: str) -> None:
        self.judged.append(Judged(given.number, Verdict.REFUSED, reason))
        self.asides.append(_aside(given, reason))


def accept(rows: Sequence[GivenRow], now: datetime) -> list[Judged]:
    """Store what is believable of `rows`, keep the rest aside, and say of each, in order, what became of it.

    One transaction. The same rows again change nothing, and are called repeated.
    """
    return seeing_partitions(lambda: _accept(rows, now))


def _accept(rows: Sequence[GivenRow], now: datetime) -> list[Judged]:
    push = _sort_out(rows, now)
    ensure_days({_time(line).date() for _, _, line in push.lines})
    with transaction.atomic():
        _store(push, now)
        if push.asides:
            set_aside(SOURCE, push.asides)
    return sorted(push.judged)


def _sort_out(rows: Sequence[GivenRow], now: datetime) -> _Push:
    push, parse = _Push(), object_parser(now)
    parsed = [(given, _parsed(given, parse)) for given in rows]
    names = {line.miner for _, line in parsed if isinstance(line, Line)}
    miners = {miner.name: miner for miner in Miner.objects.select_related("site").filter(name__in=names)}
    for given, line in parsed:
        if isinstance(line, str):
            push.refuse(given, line)
        elif (miner := miners.get(line.miner)) is None:
            push.refuse(given, f"no miner is called {line.miner!r}")
        elif miner.retired_at and miner.retired_at < _time(line):
            push.refuse(given, f"{line.miner} was retired before that")
        else:
            push.lines.append((given, miner, line))
    return push


def _parsed(given: GivenRow, parse: Callable[[dict[str, Any]], Line]) -> Line | str:
    if given.problem:
        return given.problem
    try:
        return parse(given.values)
    except LineRefused as error:
        return str(error)


def _store(push: _Push, now: datetime) -> None:
    miners = {miner.pk: miner for _, miner, _ in push.lines}
    if not miners:
        return
    hold_latest_readings(miners)
    _refuse_dropped(push, now)
    make_room(_stretches(push.lines), {_time(line).date() for _, _, line in push.lines}, now)
    latest = LatestReading.objects.in_bulk(miners)
    rows = _rows(push.lines, {pk: reading.timestamp for pk, reading in latest.items()})
    merged = merge_rows(rows, source=SOURCE, now=now)
    stored: list[TelemetryRow] = []
    for ordinal, (row, (given, _, _)) in enumerate(zip(rows, push.lines, strict=True), 1):
        if ordinal in merged.conflicting:
            push.judged.append(Judged(given.number, Verdict.CONFLICTING, CONFLICT))
        elif ordinal in merged.repeated:
            push.judged.append(Judged(given.number, Verdict.REPEATED))
        else:
            push.judged.append(Judged(given.number, Verdict.STORED))
            stored.append(row)
    note_pushes(miners, latest, stored, now)


def _refuse_dropped(push: _Push, now: datetime) -> None:
    gone = reasons_dropped([(miner.pk, _time(line)) for _, miner, line in push.lines], now)
    for place, reason in gone.items():
        push.refuse(push.lines[place][0], reason)
    push.lines = [line for place, line in enumerate(push.lines) if place not in gone]


def _stretches(lines: Iterable[Believed]) -> list[Stretch]:
    """Return from when to when each miner has rows on each UTC day, and when the first may begin at the earliest."""
    spans: dict[tuple[int, date], list[tuple[datetime, datetime]]] = defaultdict(list)
    for _, miner, line in lines:
        at, usual_s = _time(line), MOST_INTERVALS * miner.site.poll_interval_s
        spans[miner.pk, at.date()].append((at - timedelta(seconds=line.covered_s or usual_s), at))
    return [
        Stretch(miner_id, min(begins), min(ends), max(ends))
        for (miner_id, _), (begins, ends) in ((key, zip(*span, strict=True)) for key, span in spans.items())
    ]


def _rows(lines: Sequence[Believed], latest: Mapping[int, datetime | None]) -> list[TelemetryRow]:
    covered = _covered(lines, latest)
    return [
        TelemetryRow(miner.pk, _time(line), line.covered_s or covered[miner.pk, line.at], *line[3:])
        for _, miner, line in lines
    ]


def _covered(lines: Iterable[Believed], latest: Mapping[int, datetime | None]) -> dict[tuple[int, int], int]:
    """Return the seconds that each row stands for which does not say so itself: by the rule for live rows.

    For a second that has a row it is what that one stands for, so that the same row again is no other one.
    """
    by_miner: dict[Miner, dict[int, datetime]] = defaultdict(dict)
    for _, miner, line in lines:
        by_miner[miner][line.at] = _time(line)
    late = [
        (miner.pk, at)
        for miner, times in by_miner.items()
        for at in times.values()
        if not _is_newer(at, latest[miner.pk])
    ]
    beside = neighbours(late)
    found: dict[tuple[int, int], int] = {}
    for miner, times in by_miner.items():
        previous: datetime | None = None
        for second, at in sorted(times.items()):
            newer = _is_newer(at, latest[miner.pk])
            there = beside.get((miner.pk, at), NOBODY)
            stored_before = latest[miner.pk] if newer else there.before
            before = max(filter(None, (previous, stored_before)), default=None)
            found[miner.pk, second] = there.covered_s or covered_s(at, before, miner.site.poll_interval_s)
            previous = at
    return found


def _is_newer(at: datetime, latest: datetime | None) -> bool:
    return latest is None or at > latest


def _time(line: Line) -> datetime:
    return datetime.fromtimestamp(line.at, UTC)


def _aside(given: GivenRow, reason: str) -> Aside:
    name = given.values.get("miner") if isinstance(given.values, dict) else None
    return Aside(name if isinstance(name, str) else "", reason, {"row": _raw(given.values)})


def _raw(values: object) -> str:
    try:
        text = values if isinstance(values, str) else json.dumps(values, ensure_ascii=False)
    except RecursionError:
        text = "(nested too deeply to be shown)"
    return text[:LONGEST_RAW]
