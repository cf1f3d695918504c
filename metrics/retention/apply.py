"""Deletes what is too old, class by class, and says what it did or would do."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet

from hmm.jobs import KEEP_RUNS
from hmm.lib.locks import lock
from hmm.models import JobRun
from metrics.engine.run import LOCK
from metrics.models import StoreForm
from metrics.retention.limits import earliest_dirty, filled, slots_limit, telemetry_limit
from metrics.retention.outside import delete_coin_prices, delete_pool_readings
from metrics.store.dropping import drop_months, months_before
from miners.models import SetAside, StateChange
from miners.telemetry.packed.dropping import days_before, drop_day, rows_before
from miners.telemetry.packed.store import midnight

KEEP_ASIDE = timedelta(days=90)
KEEP_EVENTS = timedelta(days=400)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What went, or with a dry run would go, of a class of data, and before when it had been."""

    what: str
    rows: int
    before: datetime | None


def apply_retention(now: datetime, *, dry_run: bool = False) -> list[Outcome]:
    """Delete what is older than its class is kept; with `dry_run` only say what that is.

    Call it outside a transaction: telemetry goes a day, slots and hours a month at a time. What is not rolled up yet,
    or has a dirty range over it, stays for the next run.
    """
    return [
        Outcome(what, rows, before)
        for what, work in (
            ("telemetry", _telemetry),
            ("slots and hours", _slots),
            ("checks of pools", delete_pool_readings),
            ("coin prices", delete_coin_prices),
            ("rows set aside", _aside),
            ("state changes", _events),
            ("job runs", _runs),
        )
        for rows, before in [work(now, dry_run)]
    ]


Done = tuple[int, datetime | None]


def _telemetry(now: datetime, dry_run: bool) -> Done:
    if not filled():
        return 0, None
    limit = telemetry_limit(now, settings.RETENTION_RAW_DAYS, filled(), earliest_dirty())
    before = midnight(limit)
    if dry_run:
        return rows_before(limit), before
    return sum(_drop_day(day, now) for day in days_before(limit)), before


def _drop_day(day: date, now: datetime) -> int:
    with transaction.atomic():
        lock(LOCK)  # no run is in the middle of it
        limit = telemetry_limit(now, settings.RETENTION_RAW_DAYS, filled(), earliest_dirty())
        return drop_day(day) if day < limit else 0


def _slots(now: datetime, dry_run: bool) -> Done:
    if not filled():
        return 0, None
    limit = slots_limit(now, settings.RETENTION_SLOT_DAYS, filled(), earliest_dirty())
    months = months_before(limit)
    rows, before = sum(month.rows for month in months), months[-1].end if months else limit
    if dry_run or not months:
        return rows, before
    with transaction.atomic():
        lock(LOCK)
        if slots_limit(now, settings.RETENTION_SLOT_DAYS, filled(), earliest_dirty()) < before:
            return 0, None
        # From here on the engine makes nothing anew of what is about to go, also where a month could not be locked.
        StoreForm.objects.filter(Q(slots_from=None) | Q(slots_from__lt=before)).update(slots_from=before)
    drop_months(months)
    return rows, before


def _aside(now: datetime, dry_run: bool) -> Done:
    return _delete(SetAside.objects.filter(received_at__lt=now - KEEP_ASIDE), dry_run), now - KEEP_ASIDE


def _events(now: datetime, dry_run: bool) -> Done:
    return _delete(StateChange.objects.filter(at__lt=now - KEEP_EVENTS), dry_run), now - KEEP_EVENTS


def _runs(now: datetime, dry_run: bool) -> Done:
    return _delete(JobRun.objects.filter(started_at__lt=now - KEEP_RUNS), dry_run), now - KEEP_RUNS


def _delete(old: QuerySet[Any], dry_run: bool) -> int:
    return old.count() if dry_run else old.delete()[0]
