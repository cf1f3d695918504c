"""Locks by name, between real connections."""

import threading
from collections.abc import Iterator

import pytest
from django.db import connection, transaction
from django.db.transaction import TransactionManagementError
from hypothesis import given
from hypothesis import strategies as st

from hmm.lib.locks import LockTaken, lock, lock_number, try_lock


@given(st.text(max_size=50))
def test_number_is_a_signed_64_bit_one(name):
    assert -(2**63) <= lock_number(name) < 2**63


def test_number_is_the_same_in_every_process():
    assert lock_number("rollup:2025-01-01") == 2895513944493436599


@pytest.fixture
def taken(transactional_db) -> Iterator[threading.Event]:
    """The lock "job", held by another connection until the event is set."""
    held, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            lock("job")
            held.set()
            leave.wait(30)
        connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    assert held.wait(30)
    yield leave
    leave.set()
    holder.join()


def test_taken_lock_is_refused_and_another_is_free(taken):
    with transaction.atomic():
        assert not try_lock("job")
        assert try_lock("another job")


def test_waiting_ends_with_the_time_and_the_transaction_goes_on(taken):
    with transaction.atomic():
        with pytest.raises(LockTaken, match="job"):
            lock("job", wait_s=0.1)
        assert try_lock("another job")


def test_waiting_ends_with_the_lock(taken):
    threading.Timer(0.2, taken.set).start()
    with transaction.atomic():
        lock("job", wait_s=30)
        with connection.cursor() as cursor:
            cursor.execute("SHOW lock_timeout")
            assert cursor.fetchone() == ("0",)


def test_lock_is_free_again_after_the_transaction(taken):
    taken.set()
    with transaction.atomic():
        lock("job")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("take", [lock, try_lock])
def test_lock_outside_a_transaction_is_a_mistake(take):
    with pytest.raises(TransactionManagementError):
        take("job")
