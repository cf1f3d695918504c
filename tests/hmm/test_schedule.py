"""The table of recurring jobs, and how it gets into the queue's schedules."""

import pydoc
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from croniter import croniter
from django.core.management import call_command
from django.utils import timezone
from django_q.models import Schedule

from hmm.schedule import EACH_MINUTE, OURS, RECURRING, sync_schedules, utc_cron

LONDON, KOLKATA, KATHMANDU = map(ZoneInfo, ["Europe/London", "Asia/Kolkata", "Asia/Kathmandu"])
NOW = datetime(2025, 7, 1, 12, tzinfo=UTC)


def ours() -> dict[str, Schedule]:
    """Return the stored schedules of the table by the function's name."""
    return {schedule.func: schedule for schedule in Schedule.objects.filter(name__startswith=OURS)}


@pytest.mark.parametrize("recurring", RECURRING, ids=lambda recurring: recurring.func)
def test_every_job_of_the_table_exists(recurring):
    assert callable(pydoc.locate(recurring.func))


@pytest.mark.parametrize("zone", [LONDON, KOLKATA, KATHMANDU, ZoneInfo("UTC"), ZoneInfo("America/St_Johns")])
@pytest.mark.parametrize("minute", [0, 5, 30])
def test_minute_of_the_hour_is_local(zone, minute):
    following = croniter(utc_cron((minute,), zone, NOW), NOW).get_next(datetime)
    assert following.astimezone(zone).minute == minute


def test_each_minute_is_the_same_everywhere():
    assert utc_cron(EACH_MINUTE, KATHMANDU, NOW) == "* * * * *"


@pytest.mark.django_db
def test_migrate_stores_the_table():
    Schedule.objects.all().delete()
    call_command("migrate", verbosity=0, interactive=False)
    assert ours().keys() == {recurring.func for recurring in RECURRING}
    assert ours()["metrics.tasks.run_hourly"].cron == "5 * * * *"


@pytest.mark.django_db
def test_a_new_house_has_its_prices_at_once_and_all_else_at_its_minutes():
    Schedule.objects.all().delete()
    sync_schedules(NOW, LONDON)
    stored = ours()
    for func in ("energy.tasks.fetch_prices", "pools.tasks.fetch_coins"):
        assert stored.pop(func).next_run <= timezone.now()
    assert all(
        schedule.next_run.time().second == 0 == schedule.next_run.microsecond for schedule in stored.values()
    )


@pytest.mark.django_db
def test_syncing_again_changes_nothing():
    sync_schedules(NOW, LONDON)
    before = list(Schedule.objects.order_by("pk").values())
    sync_schedules(NOW, LONDON)
    assert list(Schedule.objects.order_by("pk").values()) == before


@pytest.mark.django_db
def test_syncing_mends_removes_and_follows_the_zone():
    sync_schedules(NOW, LONDON)
    Schedule.objects.filter(func="metrics.tasks.run_daily").delete()
    Schedule.objects.filter(func="energy.tasks.fetch_prices").update(cron="0 0 1 1 *")
    Schedule.objects.create(name=OURS + "gone.job", func="gone.job")
    sync_schedules(NOW, KOLKATA)
    stored = ours()
    assert "gone.job" not in stored
    assert stored["metrics.tasks.run_daily"].cron == "0 * * * *"
    assert stored["energy.tasks.fetch_prices"].cron == "0,10,20,30,40,50 * * * *"
    assert stored["energy.tasks.fetch_prices"].next_run <= timezone.now()


@pytest.mark.django_db
def test_schedules_of_the_user_stay():
    mine = Schedule.objects.create(name="my own", func="builtins.print")
    sync_schedules(NOW, LONDON)
    assert Schedule.objects.filter(pk=mine.pk).exists()


@pytest.mark.django_db
def test_heartbeats_leave_no_results_behind():
    sync_schedules(NOW, LONDON)
    assert ours()["hmm.jobs.heartbeat"].kwargs == "{'q_options': {'save': False}}"
    assert ours()["energy.tasks.fetch_prices"].kwargs is None
