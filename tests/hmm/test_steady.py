"""What is done again every few seconds goes on whatever happens, and says once what is wrong."""

import logging
import threading

import pytest
from django.db import OperationalError
from django.utils.module_loading import import_string

from hmm.schedule import STEADY
from hmm.steady import Steady

pytestmark = pytest.mark.django_db


def test_it_is_done_again_and_again_until_it_is_stopped() -> None:
    done = threading.Semaphore(0)
    steady = Steady(done.release, 0.001, "counting").start()
    assert all(done.acquire(timeout=30) for _ in range(3))
    steady.stop(30)
    assert "counting" not in {thread.name for thread in threading.enumerate()}


@pytest.mark.parametrize("error", [OperationalError("the server\nhas gone"), ValueError("a fault")])
def test_what_fails_is_said_once_and_done_again(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    outcomes: list[Exception | None] = [error, error, None, None]

    def work() -> None:
        if (outcome := outcomes.pop(0)) is not None:
            raise outcome

    steady = Steady(work, 60, "counting")
    with caplog.at_level(logging.INFO, "hmm.steady"):
        assert [steady.once() for _ in range(4)] == [False, False, True, True]
    assert len(caplog.messages) == 2
    assert caplog.messages[0].startswith("counting failed")
    assert caplog.messages[1] == "counting works again"


def test_the_table_names_functions_that_are_there() -> None:
    for func, every_s in STEADY:
        assert callable(import_string(func))
        assert every_s > 0
