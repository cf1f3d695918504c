"""When a dead service is started again, and what counts as stalled."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hmm.supervisor.child import describe_failure, describe_status
from hmm.supervisor.decisions import Backoff, Limits, Sight, Verdict, Watch, look

LIMITS = Limits(ask_every_s=15, stalled_after_s=45, longest_look_s=5)
IDLE = Sight(progress=1, elapsed_s=1, busy=0, capacity=2)


def looks(watch: Watch, sight: Sight, times: int) -> tuple[Watch, list[Verdict]]:
    """Look `times` times at the same sight; return what is remembered and every verdict but WAIT."""
    verdicts = []
    for _ in range(times):
        watch, verdict = look(watch, sight, LIMITS)
        verdicts.append(verdict)
    return watch, [verdict for verdict in verdicts if verdict is not Verdict.WAIT]


def test_pause_doubles_up_to_a_minute():
    backoff = Backoff()
    assert [backoff.pause_s(failures) for failures in range(1, 9)] == [1, 2, 4, 8, 16, 32, 60, 60]


def test_healthy_minute_forgets_failures():
    backoff = Backoff()
    assert backoff.failures_after(5, lived_s=59.9) == 6
    assert backoff.failures_after(5, lived_s=60) == 1


@given(st.integers(min_value=0, max_value=10**9))
def test_pause_is_bounded_however_often_it_failed(failures):
    assert 1 <= Backoff().pause_s(failures) <= 60


def test_quiet_service_is_asked_once_then_called_stalled():
    watch, verdicts = looks(Watch(), IDLE, 15 + 44)
    assert verdicts == [Verdict.ASK]
    assert look(watch, IDLE, LIMITS)[1] is Verdict.STALLED


def test_answer_is_progress_and_starts_anew():
    watch, _ = looks(Watch(), IDLE, 40)
    watch, verdict = look(watch, replace(IDLE, progress=2), LIMITS)
    assert verdict is Verdict.WAIT
    assert watch == Watch(progress=2)


def test_all_workers_busy_is_alive_however_long():
    _, verdicts = looks(Watch(), replace(IDLE, busy=2), 3600)
    assert set(verdicts) == {Verdict.BUSY}


def test_question_that_waits_behind_busy_workers_is_not_held_against_them():
    watch, _ = looks(Watch(), IDLE, 15 + 40)
    watch, _ = looks(watch, replace(IDLE, busy=2), 100)
    _, verdicts = looks(watch, IDLE, 14)
    assert Verdict.STALLED not in verdicts


def test_one_busy_worker_does_not_excuse_the_idle_one():
    _, verdicts = looks(Watch(), replace(IDLE, busy=1), 15 + 45)
    assert verdicts == [Verdict.ASK, Verdict.STALLED]


def test_late_look_counts_little_since_the_machine_slept():
    watch, _ = looks(Watch(), IDLE, 20)
    assert look(watch, replace(IDLE, elapsed_s=8 * 3600), LIMITS)[1] is Verdict.WAIT


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3)), max_size=200))
def test_stalled_is_only_said_with_a_free_worker_after_a_question(sights):
    watch, asked = Watch(), False
    for busy, progress in sights:
        watch, verdict = look(watch, Sight(progress, 5, busy, 2), LIMITS)
        assert verdict is not Verdict.STALLED or (asked and busy < 2)
        asked = watch.asked


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (1, "exit status 1"),
        (-9, "killed by SIGKILL"),
        (-64, "killed by SIGRTMAX"),
        (-99, "killed by signal 99"),
    ],
)
def test_end_of_a_process_in_words(status, said):
    assert describe_status(status) == said


def test_failures_in_a_row_are_counted_in_one_line():
    assert (
        describe_failure("web", "exit status 1", 1, 1.0)
        == "web has ended (exit status 1); starting it again in 1 s"
    )
    assert "keeps dying (exit status 1; 7 times in a row)" in describe_failure(
        "web", "exit status 1", 7, 60.0
    )
