"""The record of each run of a job, and what is forgotten."""

from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.utils import timezone
from django_q.models import Failure, Task

from hmm.health import last_beat
from hmm.jobs import KEEP_FAILURES, KEEP_RUNS, LONGEST_ERROR, forget_before, heartbeat, recorded_job, rows_in
from hmm.models import JobRun

pytestmark = pytest.mark.django_db


def test_function_is_recorded_with_its_rows():
    @recorded_job("count")
    def count(upto: int) -> int:
        return upto

    assert count(7) == 7
    run = JobRun.objects.get()
    assert (run.name, run.rows, run.success, run.error) == ("count", 7, True, "")
    assert 0 <= run.duration_s < 60


def test_failure_is_recorded_and_passed_on():
    @recorded_job("broken")
    def broken() -> None:
        raise ValueError("no prices " + "x" * 2 * LONGEST_ERROR)

    with pytest.raises(ValueError, match="no prices"):
        broken()
    run = JobRun.objects.get()
    assert not run.success
    assert run.error.startswith("ValueError: no prices")
    assert len(run.error) == LONGEST_ERROR


def test_block_says_its_rows_itself():
    with recorded_job("block") as run:
        run.rows = 3
    assert JobRun.objects.get().rows == 3


def test_runs_of_one_function_do_not_share_their_rows():
    @recorded_job("twice")
    def twice(result: object) -> object:
        return result

    twice(5)
    twice(None)
    assert list(JobRun.objects.order_by("pk").values_list("rows", flat=True)) == [5, None]


@pytest.mark.parametrize(("result", "rows"), [(0, 0), (12, 12), (None, None), (True, None), ("9", None)])
def test_only_a_number_is_a_count(result, rows):
    assert rows_in(result) == rows


def test_heartbeat_is_a_sign_of_life_of_the_worker():
    began = timezone.now()
    heartbeat()
    assert last_beat("worker") >= began


def test_old_records_are_forgotten_and_young_ones_kept():
    now, moment = timezone.now(), timedelta(seconds=1)
    for age in (KEEP_RUNS - moment, KEEP_RUNS + moment):
        JobRun.objects.create(name="job", started_at=now - age, duration_s=1, success=True)
    for n, age in enumerate((KEEP_FAILURES - moment, KEEP_FAILURES + moment)):
        Task.objects.create(
            id=str(n), name="t", func="f", started=now - age, stopped=now - age, success=False
        )
    for n, age in enumerate((-moment, moment)):
        Session.objects.create(session_key=str(n), session_data="", expire_date=now - age)
    assert forget_before(now) == 3
    assert [JobRun.objects.count(), Failure.objects.count(), Session.objects.count()] == [1, 1, 1]
