"""Statements whose plans PostgreSQL keeps."""

from dataclasses import replace

import pytest
from django.core.management import call_command
from django.db import ProgrammingError, connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from metrics.kept_plans import KEPT
from metrics.store.kept import PREFIX, Batch, Kept, argument, create_kept

pytestmark = pytest.mark.django_db

TYPES = {"numbers": "int[]", "n": "int", "text": "text"}

KEEP = Kept.of(
    "numbers",
    TYPES,
    [
        "DELETE FROM kept_numbers WHERE n = ANY(%(numbers)s)",
        "INSERT INTO kept_numbers SELECT unnest(%(numbers)s::int[]), %(text)s, 100 %% 7",
        "INSERT INTO kept_numbers VALUES (%(n)s, %(kind)s, 1)",
    ],
    {"kind": "it's fixed"},
)


@pytest.fixture
def cursor():
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE kept_numbers (n int, text text, rest int) ON COMMIT DROP")
        yield cursor


def stored(cursor):
    cursor.execute("SELECT n, text, rest FROM kept_numbers ORDER BY n")
    return cursor.fetchall()


def functions(cursor):
    cursor.execute("SELECT proname FROM pg_proc WHERE starts_with(proname, %s)", [PREFIX])
    return {name for (name,) in cursor.fetchall()}


PARAMS = {"numbers": [1, 2, 3], "text": "of '%s", "n": 9, "of_no_use": None}


@pytest.mark.parametrize("way", ["call", "execute"])
def test_the_function_does_what_the_statements_do_and_counts_what_they_insert(cursor, way):
    create_kept(cursor, [*KEPT, KEEP])
    for _ in range(2):
        cursor.execute("DELETE FROM kept_numbers WHERE n = 9")
        assert getattr(KEEP, way)(cursor, PARAMS) == 4
    assert stored(cursor) == [
        (1, "of '%s", 2),
        (2, "of '%s", 2),
        (3, "of '%s", 2),
        (9, "it's fixed", 1),
    ]


def test_an_empty_list_and_null_are_arguments_too(cursor):
    create_kept(cursor, [*KEPT, KEEP])
    assert KEEP.call(cursor, {"numbers": [], "text": None, "n": None}) == 1
    assert stored(cursor) == [(None, "it's fixed", 1)]


def test_a_function_of_other_statements_is_never_called(cursor):
    create_kept(cursor, [*KEPT, KEEP])
    changed = replace(KEEP, statements=(*KEEP.statements, "INSERT INTO kept_numbers VALUES (0, '', 0)"))
    with pytest.raises(ProgrammingError, match="metrics_kept_numbers_"), transaction.atomic():
        changed.call(cursor, PARAMS)


def test_migrate_leaves_the_functions_of_this_code_and_no_others(cursor):
    create_kept(cursor, [KEEP])
    assert functions(cursor) == {KEEP.name}
    call_command("migrate", verbosity=0)
    assert functions(cursor) == {kept.name for kept in KEPT}


def test_no_two_have_one_name():
    assert len({kept.name for kept in KEPT}) == len({kept.label for kept in KEPT}) == len(KEPT)


def _numbers(*numbers):
    return {"numbers": list(numbers), "n": sum(numbers), "text": "it"}


def test_a_batch_goes_in_order_and_counts_what_is_to_be_counted(cursor, django_assert_num_queries):
    create_kept(cursor, [KEEP])
    batch = Batch()
    with django_assert_num_queries(1):
        batch.add(KEEP, _numbers(1, 2))
        batch.add(KEEP, _numbers(3), counted=False)
        batch.add(KEEP, _numbers(2, 5))  # the 3 and the 2 that were there are forgotten
        assert batch.sent() == 6
    assert [n for n, _, _ in stored(cursor)] == [1, 2, 3, 3, 5, 7]
    with django_assert_num_queries(0):
        assert batch.sent() == 6


def test_what_a_batch_does_at_once_comes_after_what_was_added_before(cursor):
    create_kept(cursor, [KEEP])
    batch = Batch()
    batch.add(KEEP, _numbers(4))

    def count(cursor):
        cursor.execute("SELECT count(*) FROM kept_numbers")
        return cursor.fetchone()[0]

    batch.at_once(count)
    batch.add(KEEP, _numbers(6))
    assert batch.sent() == 2 + 2 + 2


MOMENTS = st.lists(st.datetimes(timezones=st.timezones()), max_size=4)


@given(moments=MOMENTS)
def test_moments_go_to_the_server_as_they_are_in_whatever_zone(moments):
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::timestamptz[]", [argument(moments)])
        assert [at.timestamp() for at in cursor.fetchone()[0]] == [at.timestamp() for at in moments]
