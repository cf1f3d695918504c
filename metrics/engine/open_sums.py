"""What sites did since the stored slots end, summed part by part, so that pages of a large fleet need not do that.

`sum_open` is a run of the engine: the caller holds its lock. It reads the dirty ranges that begin in the open slot
before it reads telemetry, sums anew from the first part on that one of them names, and deletes exactly those ranges
together with writing: so a range that is there says that something is not in the sums yet. Whoever moves the end of
the stored slots, or takes away such ranges otherwise, has the sums forgotten.
"""

from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import Any

from django.db import connection
from django.db.models import Q

from energy.prices import PricePoint
from hmm.installation import installation
from hmm.lib.buckets import Bucket
from hmm.models import DirtyRange
from metrics.engine.belonging import Span
from metrics.engine.farm import Farm
from metrics.engine.grid import Grid
from metrics.engine.pieces import Pieces
from metrics.engine.slots import SlotWindow, by_price, segment_params, segments_of, select_plain_slots
from metrics.engine.valued import read_valued
from metrics.models import OpenPart, OpenSums
from metrics.sketches.cells import ENTITY_OF, NUMBER_OF, of_telemetry
from metrics.store.columns import MERGED
from miners.models import LatestReading
from miners.telemetry.read import VALUES
from pools.coin_history import Worth

PART_S = 300
"""How long parts are: dirty ranges of telemetry are rounded to as much."""

LASTS = timedelta(seconds=10)
"""For so long sums are shown, as of their end, although more has been told since."""

END_OF_TIME_S = 2**40

OF_SITES = f"""
WITH piece AS MATERIALIZED (
    SELECT piece.*, who.party FROM ({{pieces}}) piece
    JOIN unnest(%(who_miner)s::int[], %(who_party)s::int[]) AS who(miner_id, party) ON who.miner_id = piece.miner_id
), site AS (
    SELECT party.site_id AS entity_id, part.timestamp, {MERGED}
    FROM ({{slots}}) part JOIN unnest(%(span_miner)s::int[], %(party_site)s::int[]) AS party(party, site_id)
        ON party.party = part.entity_id
    GROUP BY 1, 2
)
SELECT (SELECT json_agg(site) FROM site),
       (SELECT json_agg(json_build_array({ENTITY_OF}, {NUMBER_OF}, bucket, seconds)) FROM ({{cells}}) cell),
       (SELECT json_agg(json_build_array(party, miner_ids)) FROM (
            SELECT party, array_agg(DISTINCT miner_id) AS miner_ids FROM piece GROUP BY party) present)
"""

ALL_CELLS = """
SELECT coalesce(json_agg(site_id), '[]'), coalesce(json_agg(bucket), '[]'), coalesce(json_agg(seconds), '[]') FROM (
    SELECT part.site_id, cell.bucket::int, sum(cell.seconds::bigint)::bigint AS seconds
    FROM metrics_openpart part CROSS JOIN LATERAL ROWS FROM (
        jsonb_array_elements_text(part.cells->0), jsonb_array_elements_text(part.cells->1)) AS cell(bucket, seconds)
    GROUP BY 1, 2 ORDER BY 1, 2
) cell
"""

ALL_PARTS = f"""
SELECT coalesce(json_agg(site), '[]') FROM (
    SELECT part.entity_id, %(start)s::timestamptz AS timestamp, {MERGED}
    FROM metrics_openpart stored CROSS JOIN LATERAL jsonb_populate_record(NULL::metrics_rollup, stored.row) part
    WHERE stored.row IS NOT NULL GROUP BY 1
) site
"""


FORGET = "WITH parts AS (DELETE FROM metrics_openpart) DELETE FROM metrics_opensums"


@dataclass(frozen=True, slots=True)
class _OfParties(Pieces):
    """Pieces that are already cut and named `piece`, of miners that share a site and a tariff as if they were one."""

    def all(self) -> str:
        return f"SELECT party AS miner_id, n, begins, sec, {VALUES} FROM piece"


def sum_open(marks: Mapping[str, datetime], now: datetime, grid: Grid, farm: Farm) -> None:
    """Have the sums say what every site did from where the stored slots and hours end, by `marks`, up to `now`.

    Where a price changes within a part there are none: then readers sum for themselves.
    """
    hour, start, end = marks["hourly"], marks["slot"], now.replace(microsecond=0)
    news = list(_news(start, end))
    known = OpenSums.objects.first()
    if known and not _is_of(known, (hour, start, version_of(farm)), end):
        forget_open()
        known = None
    if known and (known.end > end or not (news or known.reaches_on)):
        return
    since = _since(news, start, known.end if known else start)
    OpenPart.objects.filter(end__gt=since).delete()
    found = _Summed() if since == end else _sites(Bucket(since, end), PART_S, grid, farm)
    if found is None:
        forget_open()
        return
    OpenPart.objects.bulk_create(_parts(found, Bucket(since, end), PART_S))
    if known is None and hour < start:
        told = Bucket(hour, start)
        earlier = _sites(told, told.length_s, grid, farm, priced=False)
        OpenPart.objects.bulk_create(
            _parts(earlier, told, told.length_s, cells_alone=True) if earlier else []
        )
    miners = together(_bits(known.miners) if known else {}, found.miners)
    _write(hour, Bucket(start, end), miners, version_of(farm))
    DirtyRange.objects.filter(pk__in=[each.pk for each in news]).delete()


def version_of(farm: Farm) -> str:
    """Return what tells who was where, and in which zone and currency, from any other."""
    here = installation()
    return f"{farm.version} {here.time_zone} {here.currency}"


def _is_of(known: OpenSums, made_of: tuple[datetime, datetime, str], end: datetime) -> bool:
    """Return whether these sums can be brought up to `end`: not if a clock has gone back since."""
    return (known.hour, known.start, known.farm) == made_of and known.end - end <= LASTS


def forget_open() -> None:
    """Delete the sums: what they were made of has changed."""
    with connection.cursor() as cursor:
        cursor.execute(FORGET)


def _news(start: datetime, end: datetime) -> Iterable[DirtyRange]:
    """Return the ranges that begin in the open slot; those of pools concern no site."""
    return DirtyRange.objects.filter(~Q(kind=DirtyRange.Kind.POOL), start__gte=start, start__lt=end)


def _since(news: Sequence[DirtyRange], start: datetime, end: datetime) -> datetime:
    """Return from where on parts are to be summed, those up to `end` being there.

    A coin's price holds for all of the slot that it becomes known in.
    """
    if any(each.kind == DirtyRange.Kind.COIN for each in news):
        return start
    since_s = int(min([end, *(each.start for each in news)]).timestamp())
    return datetime.fromtimestamp(since_s // PART_S * PART_S, UTC)


@dataclass(frozen=True, slots=True)
class _Summed:
    """Rows of sites and parts, cells (site, part, bucket, seconds), and each site's miners as bits."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    cells: list[tuple[int, int, int, int]] = field(default_factory=list)
    miners: dict[int, int] = field(default_factory=dict)


def _sites(told: Bucket, part_s: int, grid: Grid, farm: Farm, *, priced: bool = True) -> _Summed | None:
    """Sum what sites did in parts of so many seconds; None where prices cut a part, if they are asked for."""
    spans = farm.spans(told.start, told.end)
    parties = sorted({(span.site_id, span.tariff_id) for span in spans})
    numbers = {party: n for n, party in enumerate(parties)}
    whole = told.start + _count(told, part_s) * timedelta(seconds=part_s)
    window = SlotWindow(told.start, whole, part_s, _reaching_on(told.end), _spans_of(parties), everyone=True)
    slot = grid.bucket_at("slot", told.start)
    valued = read_valued(replace(window, start=slot.start, end=slot.end))
    prices = valued.prices_between if priced else _no_prices
    plain, mixed = by_price(window, segments_of(window, prices))
    if mixed:
        return None
    params = segment_params(window, plain) | _worth(
        valued.coins.worth(slot.start, slot.end), _count(told, part_s)
    )
    params |= {
        "who_miner": [span.miner_id for span in spans],
        "who_party": [numbers[span.site_id, span.tariff_id] for span in spans],
        "party_site": [site_id for site_id, _ in parties],
    }
    with connection.cursor() as cursor:
        cursor.execute(_sql(told, part_s), params)
        rows, cells, present = cursor.fetchone()
    return _Summed(
        rows or [],
        [(parties[party][0], n, bucket, seconds) for party, n, bucket, seconds in cells or []],
        reduce(together, ({parties[party][0]: bits_of(ids)} for party, ids in present or []), {}),
    )


def _sql(told: Bucket, part_s: int) -> str:
    pieces = Pieces.between(told.start, told.end, part_s, everyone=True)
    of_parties = _OfParties(**asdict(pieces))
    return OF_SITES.format(
        pieces=pieces.all(),
        slots=select_plain_slots(of_parties, at_once=True),
        cells=of_telemetry(of_parties),
    )


def _parts(found: _Summed, told: Bucket, part_s: int, *, cells_alone: bool = False) -> list[OpenPart]:
    """Return the parts that were found, with their cells."""
    cells: dict[tuple[int, datetime], tuple[list[int], list[int]]] = {}
    for site_id, n, bucket, seconds in found.cells:
        buckets, sums = cells.setdefault((site_id, told.start + n * timedelta(seconds=part_s)), ([], []))
        buckets.append(bucket)
        sums.append(seconds)
    rows = {(row["entity_id"], datetime.fromisoformat(row["timestamp"])): row for row in found.rows}
    return [
        OpenPart(
            site_id=site_id,
            start=start,
            end=min(start + timedelta(seconds=part_s), told.end),
            row=None if cells_alone else row,
            cells=cells.get((site_id, start), ([], [])),
        )
        for (site_id, start), row in rows.items()
    ]


def _count(told: Bucket, part_s: int) -> int:
    """Return how many parts there are; the last one may not be over."""
    return -(-told.length_s // part_s)


def _no_prices(tariff_id: int, start: datetime, end: datetime) -> list[PricePoint]:
    return []


def _spans_of(parties: Sequence[tuple[int, int]]) -> list[Span]:
    """Return the parties as if each were a miner that never moves: within a slot nobody does."""
    return [Span(n, site_id, tariff_id, 0, END_OF_TIME_S) for n, (site_id, tariff_id) in enumerate(parties)]


def _worth(worth: Worth, count: int) -> dict[str, list[Any]]:
    """Return what hashes are worth in each part: what they are in its slot."""
    known = count if worth.btc_per_gh is not None else 0
    return {
        "worth_n": list(range(known)),
        "worth_btc": [worth.btc_per_gh] * known,
        "worth_pence": [worth.pence_per_btc] * known,
    }


def _reaching_on(end: datetime) -> list[int]:
    """Return the miners whose last reading tells of what is after `end` too."""
    return list(LatestReading.objects.filter(timestamp__gt=end).values_list("miner_id", flat=True))


def _write(hour: datetime, told: Bucket, miners: Mapping[int, int], version: str) -> None:
    """Merge the parts into the one row of sums."""
    with connection.cursor() as cursor:
        cursor.execute(ALL_PARTS, {"start": told.start})
        (sites,) = cursor.fetchone()
        cursor.execute(ALL_CELLS)
        cells = cursor.fetchone()
    OpenSums.objects.update_or_create(
        pk=1,
        defaults={
            "hour": hour,
            "start": told.start,
            "end": told.end,
            "farm": version,
            "reaches_on": bool(_reaching_on(told.end)),
            "sites": sites,
            "cells": cells,
            "miners": {site_id: as_text(bits) for site_id, bits in miners.items()},
        },
    )


def together(one: Mapping[int, int], other: Mapping[int, int]) -> dict[int, int]:
    """Return for each site the miners, as bits, that are in either."""
    return {site_id: one.get(site_id, 0) | other.get(site_id, 0) for site_id in one.keys() | other.keys()}


def bits_of(miner_ids: Sequence[int]) -> int:
    """Return the number in which the bit of each of these miners is set."""
    found = bytearray(max(miner_ids, default=0) // 8 + 1)
    for miner_id in miner_ids:
        found[miner_id >> 3] |= 1 << (miner_id & 7)
    return int.from_bytes(found, "little")


def as_text(bits: int) -> str:
    """Return the bits in base 64, those of the first miners first."""
    return b64encode(bits.to_bytes(bits.bit_length() // 8 + 1, "little")).decode()


def bits_in(text: str) -> int:
    """Return the bits that `as_text` wrote."""
    return int.from_bytes(b64decode(text), "little")


def _bits(miners: Mapping[str, str]) -> dict[int, int]:
    return {int(site_id): bits_in(text) for site_id, text in miners.items()}
