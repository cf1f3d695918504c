"""The store follows the installation: another time zone merges it anew, another currency renames its figures."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.db import DEFAULT_DB_ALIAS, connection

from energy.points import floor_to_slot
from hmm.dirty import mark_miners_dirty
from hmm.installation import forget_installation, installation
from hmm.lib.batches import batched
from hmm.lib.buckets import DEFAULT_SLOT_S, MADE_OF, Bucket, buckets, slot_length_s
from hmm.lib.times import local_midnight
from hmm.models import Installation
from metrics.engine.belonging import known_miners
from metrics.engine.farm import Farm, read_farm
from metrics.engine.grid import BEGINNING, Grid, tariff_slots_s
from metrics.engine.marks import move_marks, read_marks
from metrics.engine.merge import merge_fleet, merge_longer
from metrics.engine.pool_rows import mark_pool_past, merge_pools
from metrics.engine.retained import leave_before_slots
from metrics.models import SlotGrid, StoreForm
from metrics.sketches.write import SHORTEST, forget_sketches, write_sketches
from metrics.store.days import first_slot
from metrics.store.kept import Batch
from metrics.store.view import create_view
from miners.telemetry.packed.reading import unpacked
from miners.telemetry.read import first_telemetry

HOURS_AT_ONCE = 7 * 24
"""Of so many hours the packed telemetry is unpacked at a time."""

FORGET = """
DELETE FROM metrics_rollup WHERE (period <> 'slot' OR entity_type NOT IN ('miner', 'pool'))
  AND timestamp >= coalesce((SELECT slots_from FROM metrics_storeform), '-infinity')
"""
"""What began before the oldest slots cannot be merged anew: it stays as the zone of its time had it."""


def follow_installation(now: datetime) -> int:
    """Bring the store into the installation's time zone and currency; return the rows merged anew.

    The caller holds the engine's lock. Everything is merged from the miners' and the pools' slots. Marked to be computed are,
    where the zone needs finer slots than there are, those that telemetry can still make, and what a move puts under another tariff.
    """
    forget_installation()  # What another process has just changed holds here too, or the store would mix two zones.
    wanted = installation()
    form, is_new = StoreForm.objects.get_or_create(
        pk=1, defaults={"time_zone": wanted.time_zone, "currency": wanted.currency}
    )
    rows = 0
    if form.time_zone != wanted.time_zone and not is_new:
        rows = _merge_anew(ZoneInfo(form.time_zone), _finer_grid(wanted, now), now)
    if form.currency != wanted.currency:
        create_view(DEFAULT_DB_ALIAS, wanted.currency)
    if (form.time_zone, form.currency) != (wanted.time_zone, wanted.currency):
        StoreForm.objects.update(time_zone=wanted.time_zone, currency=wanted.currency)
    return rows


def _finer_grid(wanted: Installation, now: datetime) -> Grid:
    steps = tuple(SlotGrid.objects.order_by("start").values_list("start", "slot_s"))
    slot_s = slot_length_s(wanted.zone, tariff_slots_s(), now)
    # Each step, not the last or the finest: a tariff, or a reader who was first, may have made but the days to come finer.
    if any(slot_length_s(wanted.zone, [], now) % step_s for _, step_s in steps):
        SlotGrid.objects.all().delete()
        SlotGrid.objects.create(start=BEGINNING, slot_s=slot_s)
        steps = ((BEGINNING, slot_s),)
        _mark_telemetry(wanted)
    return Grid(wanted.zone, steps or ((BEGINNING, slot_s),))


def _mark_telemetry(wanted: Installation) -> None:
    first, marks = first_telemetry(), read_marks()
    if first and marks:
        since = floor_to_slot(
            first, DEFAULT_SLOT_S
        )  # the longest slot that there may be of before, all of which must go
        miners = known_miners(read_farm(wanted.zone).spans(since, marks["slot"]))
        mark_miners_dirty(miners, since, marks["slot"])
    if marks:
        mark_pool_past(BEGINNING, marks["slot"], marks["slot"])


def _merge_anew(before: ZoneInfo, cut: Grid, now: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute(FORGET)
    marks, first, floor = read_marks(), first_slot(), leave_before_slots()
    if not marks:
        return 0
    filled_to = marks["slot"]
    kept = _same_hours(before, cut.zone, first, marks["hourly"]) if first else []
    forget_sketches(kept)
    farm, batch, rows = read_farm(cut.zone), Batch(), 0
    spans = farm.spans(BEGINNING, now)
    miners, standing = known_miners(spans), farm.standing
    _mark_moves(before, farm, miners, filled_to)
    if first:
        merge_fleet("slot", cut.buckets("slot", first, filled_to), spans, standing, now, batch)
    for period in MADE_OF:
        closed = cut.last_boundary(period, filled_to)
        if first and first < closed:
            found = [b for b in cut.buckets(period, first, closed) if b.start >= (floor or b.start)]
            for part in batched(found, HOURS_AT_ONCE if period == SHORTEST else len(found)):
                told = [(b.start, b.end) for b in part if b not in kept] if period == SHORTEST else []
                with unpacked(told, miners, now):
                    write_sketches(period, part, miners, spans, cut, everyone=True, batch=batch, kept=kept)
                    batch.sent()
            merge_longer(period, found, miners, spans, standing, cut, now, everyone=True, batch=batch)
            rows += merge_pools(period, found, now)
        move_marks({period: closed})
    return rows + batch.sent()


def _mark_moves(before: ZoneInfo, farm: Farm, miners: Sequence[int], filled_to: datetime) -> None:
    """Have computed anew what lies between the two zones' midnights on each day of a move or of another tariff.

    A miner's slots are priced by the tariff of where it was, and in the other zone those days begin at another time.
    """
    concerned: dict[date, set[int]] = defaultdict(set)
    for miner_id, day, _ in farm.miner_sites:
        concerned[day].add(miner_id)
    for _, day, _ in farm.site_tariffs:
        concerned[day].update(miners)
    for day, who in concerned.items():
        if day > BEGINNING.date():
            start, end = sorted((local_midnight(day, before), local_midnight(day, farm.zone)))
            mark_miners_dirty(who, start, min(end, filled_to))


def _same_hours(before: ZoneInfo, after: ZoneInfo, start: datetime, end: datetime) -> list[Bucket]:
    """Return the stored hours that are hours in both zones: their sketches need no telemetry, which may be gone."""
    stored = [b for b in buckets("hourly", start, end, before, 0) if b.end <= end]
    return sorted({*stored} & {*buckets("hourly", start, end, after, 0)})
