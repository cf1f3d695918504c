"""Every recurring job of the house, in one table, and how it gets into django-q2's schedules.

Minutes are those of the installation's time zone. A job runs each hour, or more often, and decides by its
watermark whether there is something to do: the day is merged at 00:30 local time, and at 01:30 if that
failed. So the clock change, a computer that slept at midnight and a failed run all need nothing special.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connections
from django.utils import timezone
from django_q.models import Schedule

from hmm.installation import installation

OURS = "hmm: "
"""Begins the name of each schedule made here; others are the user's own."""


@dataclass(frozen=True)
class Recurring:
    """A function, named by its dotted path, and the minutes of the hour at which it runs."""

    func: str
    minutes: tuple[int, ...]
    save: bool = True
    """Keep the result of a successful run in the queue's own log."""
    is_due_at_once: bool = False
    """Run it as soon as it is stored for the first time, and not only at its next minute."""

    @property
    def name(self) -> str:
        return OURS + self.func


EACH_MINUTE = tuple(range(60))
EACH_TEN_MINUTES = tuple(range(0, 60, 10))

RECURRING = (
    Recurring("hmm.jobs.heartbeat", EACH_MINUTE, save=False),
    Recurring("energy.tasks.fetch_prices", EACH_TEN_MINUTES, is_due_at_once=True),
    Recurring("pools.tasks.check_pools", EACH_MINUTE, save=False),
    Recurring("pools.tasks.fetch_coins", EACH_TEN_MINUTES, is_due_at_once=True),
    Recurring("metrics.tasks.sum_open_slot", EACH_MINUTE, save=False),
    Recurring("metrics.tasks.run_hourly", (5,)),
    Recurring("metrics.tasks.run_daily", (30,)),
    Recurring("metrics.tasks.run_weekly", (40,)),
    Recurring("metrics.tasks.run_monthly", (45,)),
    Recurring("miners.tasks.make_partitions", (15,)),
    Recurring("miners.tasks.pack_telemetry", (20,)),
    Recurring("metrics.tasks.run_retention", (55,)),
    Recurring("miners.tasks.watch_commands", EACH_MINUTE, save=False),
    Recurring("miners.tasks.find_moved_miners", EACH_TEN_MINUTES, save=False),
    Recurring("hmm.jobs.tidy_up", (50,)),
    Recurring("hmm.system_metrics.tasks.keep_hours", (20,)),
    Recurring("miners.tasks.compress_telemetry", (25,)),
)

STEADY = (("metrics.tasks.freshen_open_slot", 4.0),)
"""What each worker does again after so many seconds, beside its queue: functions, named by their dotted paths."""


def utc_cron(minutes: tuple[int, ...], zone: ZoneInfo, now: datetime) -> str:
    """Return the cron expression, in UTC, of these minutes of each hour in `zone`.

    Only zones off the full hour (India, Nepal) differ from UTC in their minutes.
    """
    offset = zone.utcoffset(now.astimezone(zone))
    offset_minutes = int(offset.total_seconds()) // 60 if offset else 0
    if minutes == EACH_MINUTE:
        return "* * * * *"
    shifted = sorted((minute - offset_minutes) % 60 for minute in minutes)
    return f"{','.join(map(str, shifted))} * * * *"


def sync_schedules(now: datetime, zone: ZoneInfo, using: str = "default") -> None:
    """Make the stored schedules those of the table: add, change and remove; run it as often as you like."""
    stored = {
        schedule.name: schedule for schedule in Schedule.objects.using(using).filter(name__startswith=OURS)
    }
    for recurring in RECURRING:
        _store(stored.pop(recurring.name, None), recurring, utc_cron(recurring.minutes, zone, now), using)
    Schedule.objects.using(using).filter(pk__in=[schedule.pk for schedule in stored.values()]).delete()


def _store(schedule: Schedule | None, recurring: Recurring, cron: str, using: str) -> None:
    wanted = _fields(recurring, cron)
    if schedule is None:
        created = Schedule(name=recurring.name, **wanted)
        created.save(using=using)  # which makes it due at its next minute
        if recurring.is_due_at_once:
            _change(created, {}, using)
    elif any(getattr(schedule, field) != value for field, value in wanted.items()):
        _change(schedule, wanted, using)


def _fields(recurring: Recurring, cron: str) -> dict[str, Any]:
    options = None if recurring.save else "{'q_options': {'save': False}}"
    return {
        "func": recurring.func,
        "schedule_type": Schedule.CRON,
        "cron": cron,
        "repeats": -1,
        "kwargs": options,
    }


def _change(schedule: Schedule, wanted: dict[str, Any], using: str) -> None:
    for field, value in wanted.items():
        setattr(schedule, field, value)
    schedule.next_run = timezone.now()
    schedule.save(using=using)


def sync_after_migrate(**kwargs: Any) -> None:
    """Sync after each migrate, once the queue's tables are there."""
    using = kwargs["using"]
    if Schedule._meta.db_table in connections[using].introspection.table_names():
        sync_schedules(timezone.now(), installation().zone, using)
