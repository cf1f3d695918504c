"""The door to services outside: cache, stand-ins, tries, turns, counts."""

import re
import threading
import time
from dataclasses import replace
from datetime import timedelta
from importlib import import_module

import pytest
from django.db.models import F

from hmm.door import (
    Answer,
    NotOurTurn,
    Outcome,
    Source,
    ask,
    books,
    forget_answers,
    no_longer_than,
    to_store,
)
from hmm.door.books import ProcessBooks
from hmm.lib.http import BadAnswer, HttpError, NoAnswer
from hmm.models import OutsideSource
from hmm.outside import StoredBooks, source_counts
from tests.miners.drivers.servers import closed_port, http_device, http_reply, tcp_server

QUICK = Source("quick", fresh_s=300, pace_s=0, timeout_s=5, tries=1)
NEVER_FRESH = Source("never fresh", fresh_s=0, pace_s=0, timeout_s=5, tries=1)
SLOW = Source("slow", fresh_s=0, pace_s=0, timeout_s=30, tries=1)
OK = http_reply(b'{"n": 1}')
DOWN = http_reply(b"", "500 Internal Server Error")
TOLD_AGAIN = r"^answers HTTP 500 \(Internal Server Error\) \(asked \d+ s ago\)$"


def numbers(*replies: bytes):
    """Give these replies one after the other, the last one again and again."""
    left = list(replies)

    def serve(connection, device):
        device.asked.append(connection.recv(65536).decode().split()[1])
        connection.sendall(left.pop(0) if len(left) > 1 else left[0])

    return tcp_server(serve)


def number(reply) -> int:
    told = reply.json()
    if not isinstance(told, dict) or not isinstance(told.get("n"), int):
        raise BadAnswer("has no number n", 200)
    return told["n"]


def url_of(device) -> str:
    return f"http://127.0.0.1:{device.port}/n"


def counts(source: Source, device) -> dict[Outcome, int]:
    kept = books()
    assert isinstance(kept, ProcessBooks)
    return {k: v for k, v in kept.counts[source.name, f"127.0.0.1:{device.port}"].items() if v}


def test_an_answer_that_is_fresh_is_given_again():
    with numbers(OK) as device:
        first = ask(QUICK, url_of(device), number)
        second = ask(QUICK, url_of(device), number)
    assert (first.value, second.value) == (1, 1)
    assert not second.is_stale
    assert second.took_s == first.took_s
    assert len(device.asked) == 1
    assert counts(QUICK, device) == {Outcome.MISS: 1, Outcome.HIT: 1}


def test_whoever_must_not_wait_is_told_so_at_once():
    patient = Source("patient", fresh_s=0, pace_s=60, timeout_s=100, tries=1)
    with numbers(OK) as device, no_longer_than(50):
        ask(patient, url_of(device), number, use_cache=False)
        with no_longer_than(1000), pytest.raises(NotOurTurn, match="its limit leaves"):
            ask(patient, url_of(device), number, use_cache=False)
    assert len(device.asked) == 1


def test_another_question_is_another_answer():
    with numbers(OK, http_reply(b'{"n": 2}'), http_reply(b'{"n": 3}')) as device:
        told = [
            ask(QUICK, url_of(device), number).value,
            ask(QUICK, url_of(device), number, params={"of": "x"}).value,
            ask(QUICK, url_of(device), number, headers={"X-Token": "secret"}).value,
        ]
    assert told == [1, 2, 3]


def test_an_answer_too_old_is_asked_for_again():
    with numbers(OK, http_reply(b'{"n": 2}')) as device:
        assert [ask(NEVER_FRESH, url_of(device), number).value for _ in range(2)] == [1, 2]


def test_an_older_answer_stands_in_with_its_age_and_the_error():
    with numbers(OK, http_reply(b"", "500 Internal Server Error")) as device:
        ask(NEVER_FRESH, url_of(device), number)
        answer = ask(NEVER_FRESH, url_of(device), number)
    assert (answer.value, answer.is_stale) == (1, True)
    assert answer.error == "answers HTTP 500 (Internal Server Error)"
    assert answer.age_s >= 0
    assert counts(NEVER_FRESH, device) == {Outcome.MISS: 1, Outcome.ERROR: 1, Outcome.STALE: 1}


def test_what_is_too_old_stands_in_for_nothing():
    source = Source("short", fresh_s=0, pace_s=0, tries=1, stands_in_s=0)
    with numbers(OK, http_reply(b"", "500 Internal Server Error")) as device:
        ask(source, url_of(device), number)
        with pytest.raises(BadAnswer):
            ask(source, url_of(device), number)


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (http_reply(b'{"n": null}'), "has no number n"),
        (http_reply(b"<html>Down for maintenance</html>"), "answers HTML, not JSON"),
        (http_reply(b"[]"), "has no number n"),
        (http_reply(b"", "404 Not Found"), "answers HTTP 404 (Not Found)"),
    ],
)
def test_an_answer_that_cannot_be_read_is_never_kept(reply, reason):
    with numbers(OK, reply) as device:
        ask(NEVER_FRESH, url_of(device), number)
        answers = [ask(NEVER_FRESH, url_of(device), number) for _ in range(2)]
        assert [(a.value, a.error) for a in answers] == [(1, reason)] * 2
    assert books().last_errors["never fresh", f"127.0.0.1:{device.port}"] == reason


def test_without_a_cache_every_question_goes_outside_and_nothing_stands_in(settings):
    settings.OUTSIDE_CACHE = False
    with numbers(OK, OK, http_reply(b"", "500 Internal Server Error")) as device:
        assert [ask(QUICK, url_of(device), number).value for _ in range(2)] == [1, 1]
        with pytest.raises(HttpError):
            ask(QUICK, url_of(device), number)
    assert len(device.asked) == 3


def test_a_caller_can_do_without_the_cache():
    with numbers(OK, http_reply(b'{"n": 2}')) as device:
        ask(QUICK, url_of(device), number)
        assert ask(QUICK, url_of(device), number, use_cache=False).value == 2
        assert ask(QUICK, url_of(device), number).value == 1


def test_what_is_forgotten_is_asked_again():
    with numbers(OK, http_reply(b'{"n": 2}')) as device:
        ask(QUICK, url_of(device), number)
        forget_answers(QUICK, url_of(device))
        assert ask(QUICK, url_of(device), number).value == 2


@pytest.mark.parametrize("passing", [http_reply(b"", "503 Service Unavailable"), http_reply(b"", "500 Oh")])
def test_a_failure_that_may_pass_is_tried_again(passing):
    source = Source("stubborn", fresh_s=60, pace_s=0, timeout_s=5, tries=3)
    with numbers(passing, passing, OK) as device:
        assert ask(source, url_of(device), number).value == 1
    assert counts(source, device) == {Outcome.MISS: 1}


@pytest.mark.parametrize(
    "lasting", [http_reply(b"", "404 Not Found"), http_reply(b"{}"), http_reply(b"<html>")]
)
def test_a_failure_that_lasts_is_not_tried_again(lasting):
    source = Source("resigned", fresh_s=60, pace_s=0, timeout_s=5, tries=3)
    with numbers(lasting) as device, pytest.raises(BadAnswer):
        ask(source, url_of(device), number)
    assert len(device.asked) == 1


def test_a_service_that_has_enough_is_left_alone_and_told_of():
    source = Source("modest", fresh_s=0, pace_s=0, timeout_s=5, tries=3)
    with numbers(http_reply(b"{}", "429 Too Many Requests", "Retry-After: 120\r\n"), OK) as device:
        with pytest.raises(HttpError, match="429"):
            ask(source, url_of(device), number)
        with pytest.raises(HttpError, match=r"not asked: its limit leaves 1[12]\d s to wait"):
            ask(source, url_of(device), number)
    assert len(device.asked) == 1


def test_turns_keep_the_pace_of_the_service():
    source = Source("slow", fresh_s=0, pace_s=30, timeout_s=5, tries=1)
    with numbers(OK) as device:
        ask(source, url_of(device), number)
        answer = ask(source, url_of(device), number, within_s=5)
    assert answer.is_stale
    assert "its limit" in answer.error
    assert len(device.asked) == 1


def test_a_closed_port_ends_within_the_time_given():
    source = Source("dark", fresh_s=0, pace_s=0, timeout_s=5, tries=50)
    with pytest.raises(NoAnswer, match="connection refused"):
        ask(source, f"http://127.0.0.1:{closed_port()}/", number, within_s=0.3)


def test_what_went_wrong_is_told_where_there_is_no_time_for_another_turn():
    source = Source("slow and dark", fresh_s=0, pace_s=30, timeout_s=5, tries=3)
    with pytest.raises(NoAnswer, match="connection refused"):
        ask(source, f"http://127.0.0.1:{closed_port()}/", number, within_s=5)


def test_of_many_with_the_same_question_one_asks():
    answers: list[Answer[int]] = []
    with numbers(OK) as device:
        threads = [
            threading.Thread(target=lambda: answers.append(ask(QUICK, url_of(device), number)))
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [answer.value for answer in answers] == [1] * 8
    assert len(device.asked) == 1


class TestWhoFindsSomebodyElseAsking:
    """Another thread has the same question, and its service says nothing for a long time."""

    @pytest.fixture
    def slow(self):
        """A service that answers once, then only when it is let, with somebody waiting for that."""
        let, being_asked = threading.Event(), threading.Event()

        def serve(connection, device):
            device.asked.append(connection.recv(65536))
            if len(device.asked) > 1:
                being_asked.set()
                let.wait(30)
            connection.sendall(OK)

        with tcp_server(serve) as device:
            ask(SLOW, url_of(device), number)
            other = threading.Thread(target=ask, args=(SLOW, url_of(device), number))
            other.start()
            assert being_asked.wait(10)
            yield device
            let.set()
            other.join()

    @pytest.mark.parametrize(("limit_s", "within_s"), [(0.1, None), (100, 0.1)])
    def test_waits_no_longer_than_it_may_and_gets_what_stands_in(self, slow, limit_s, within_s):
        began = time.monotonic()
        with no_longer_than(limit_s):
            answer = ask(SLOW, url_of(slow), number, within_s=within_s)
        assert time.monotonic() - began < 10
        assert (answer.value, answer.is_stale) == (1, True)
        assert answer.error == "not asked: another question for the same has not been answered yet"
        assert counts(SLOW, slow) == {Outcome.MISS: 1, Outcome.UNASKED: 1, Outcome.STALE: 1}

    def test_is_told_so_where_nothing_stands_in(self, slow):
        with to_store(), pytest.raises(NotOurTurn, match="has not been answered yet"):
            ask(replace(SLOW, stands_in_s=0), url_of(slow), number, within_s=0.1)
        assert counts(SLOW, slow) == {Outcome.MISS: 1, Outcome.UNCACHED_ERROR: 1}
        assert len(slow.asked) == 2


class TestFailuresToldAgain:
    def test_who_looks_is_told_again_how_long_ago_it_failed_and_nobody_is_asked(self):
        with numbers(DOWN, OK) as device:
            with pytest.raises(BadAnswer, match=r"^answers HTTP 500 \(Internal Server Error\)$"):
                ask(QUICK, url_of(device), number)
            with pytest.raises(BadAnswer, match=TOLD_AGAIN) as told:
                ask(QUICK, url_of(device), number)
            assert ask(QUICK, url_of(device), number, params={"of": "x"}).value == 1
        assert told.value.status == 500
        assert len(device.asked) == 2
        assert counts(QUICK, device) == {Outcome.ERROR: 1, Outcome.UNASKED: 1, Outcome.MISS: 1}

    def test_an_older_answer_stands_in_for_it_too(self):
        with numbers(OK, DOWN) as device:
            ask(QUICK, url_of(device), number)
            with pytest.MonkeyPatch.context() as later:
                later.setattr(import_module("hmm.door.ask")._Kept, "age_s", QUICK.fresh_s + 1)
                ask(QUICK, url_of(device), number)
                answer = ask(QUICK, url_of(device), number)
        assert (answer.value, answer.age_s) == (1, 301)
        assert re.match(TOLD_AGAIN, answer.error)
        stood_in = {Outcome.MISS: 1, Outcome.ERROR: 1, Outcome.UNASKED: 1, Outcome.STALE: 2}
        assert counts(QUICK, device) == stood_in

    def test_who_asks_to_store_it_asks_anew_and_an_answer_ends_it(self):
        with numbers(DOWN, DOWN, OK) as device:
            for _ in range(2):
                with to_store(), pytest.raises(BadAnswer, match=r"Error\)$"):
                    ask(QUICK, url_of(device), number)
            with pytest.raises(BadAnswer, match=TOLD_AGAIN):
                ask(QUICK, url_of(device), number)
            with to_store():
                ask(QUICK, url_of(device), number)
            assert ask(QUICK, url_of(device), number).value == 1
        assert len(device.asked) == 3
        of_jobs = {Outcome.UNCACHED_ERROR: 2, Outcome.UNCACHED: 1}
        assert counts(QUICK, device) == of_jobs | {Outcome.UNASKED: 1, Outcome.HIT: 1}

    @pytest.mark.parametrize(
        ("age_s", "again_in_s", "asked"), [(50, 60, 1), (250, 60, 2), (250, 0, 1), (9, 600, 1), (11, 600, 2)]
    )
    def test_who_asks_to_store_it_takes_what_stays_fresh_until_the_next_time(
        self, age_s: float, again_in_s: float, asked: int
    ):
        with numbers(OK, OK) as device:
            ask(QUICK, url_of(device), number)
            with pytest.MonkeyPatch.context() as later, to_store(again_in_s):
                later.setattr(import_module("hmm.door.ask")._Kept, "age_s", age_s)
                ask(QUICK, url_of(device), number)
        assert len(device.asked) == asked

    def test_it_is_kept_for_a_minute_and_no_longer_than_an_answer_is_fresh(self):
        assert (QUICK.failure_kept_s, replace(QUICK, fresh_s=20).failure_kept_s) == (60, 20)
        with numbers(DOWN, OK) as device:
            with pytest.raises(BadAnswer):
                ask(QUICK, url_of(device), number)
            # The same question; of this source no failure is young enough.
            assert ask(replace(QUICK, fresh_s=0), url_of(device), number).value == 1

    @pytest.mark.parametrize(("limit_s", "told_again"), [(0.5, 0), (50, 1)])
    def test_silence_within_no_time_is_not_held_against_a_service(self, limit_s, told_again):
        port = closed_port()
        for _ in range(2):
            with no_longer_than(limit_s), pytest.raises(NoAnswer):
                ask(QUICK, f"http://127.0.0.1:{port}/", number)
        found = books().counts["quick", f"127.0.0.1:{port}"]
        assert (found[Outcome.UNASKED], found[Outcome.ERROR]) == (told_again, 2 - told_again)

    def test_without_a_cache_nothing_is_told_again(self, settings):
        settings.OUTSIDE_CACHE = False
        with numbers(DOWN) as device:
            for _ in range(2):
                with pytest.raises(BadAnswer, match=r"Error\)$"):
                    ask(QUICK, url_of(device), number)
        assert len(device.asked) == 2

    def test_what_is_forgotten_is_asked_again(self):
        with numbers(DOWN, OK) as device:
            with pytest.raises(BadAnswer):
                ask(QUICK, url_of(device), number)
            forget_answers(QUICK, url_of(device))
            assert ask(QUICK, url_of(device), number).value == 1


def test_nobody_at_an_address_that_is_none():
    with pytest.raises(HttpError):
        ask(QUICK, "http://[", number)


@pytest.mark.django_db
class TestTurns:
    @pytest.fixture(params=[StoredBooks, ProcessBooks])
    def kept(self, request):
        return request.param()

    def test_turns_follow_one_another(self, kept):
        source = Source("s", fresh_s=0, pace_s=10)
        assert kept.turn(source, "h", 60) == 0
        assert 9 < kept.turn(source, "h", 60) <= 10
        assert 19 < kept.turn(source, "h", 60) <= 20
        assert kept.turn(source, "other", 60) == 0

    def test_a_turn_too_far_off_is_not_taken(self, kept):
        source = Source("s", fresh_s=0, pace_s=100)
        kept.turn(source, "h", 0)
        assert 99 < kept.turn(source, "h", 5) <= 100
        assert 99 < kept.turn(source, "h", 200) <= 100
        assert kept.turn(source, "h", 200) > 190

    def test_some_turns_may_come_at_once_after_a_rest(self, kept):
        source = Source("s", fresh_s=0, pace_s=10, burst=3)
        assert [kept.turn(source, "h", 60) for _ in range(3)] == [0, 0, 0]
        assert 9 < kept.turn(source, "h", 60) <= 10

    def test_who_is_to_be_left_alone_has_no_turn(self, kept):
        source = Source("s", fresh_s=0, pace_s=1, burst=5)
        kept.leave_alone(source, "h", 60)
        assert kept.turn(source, "h", 5) > 59
        kept.leave_alone(source, "h", 5)
        assert kept.turn(source, "h", 5) > 55


@pytest.mark.django_db
class TestStoredBooks:
    def test_outcomes_are_counted_and_the_last_error_is_kept(self):
        kept = StoredBooks()
        for outcome in (Outcome.MISS, Outcome.HIT, Outcome.HIT, Outcome.STALE):
            kept.note("s", "h", outcome)
        kept.note("s", "other", Outcome.ERROR, "answers HTML, not JSON")
        kept.note("s", "other", Outcome.MISS)
        kept.note("s", "other", Outcome.UNASKED)
        kept.note("s", "other", Outcome.UNCACHED_ERROR, "answers HTML, not JSON")
        (told,) = source_counts()
        assert (told.hits, told.misses, told.errors, told.unasked, told.stale) == (2, 2, 1, 1, 1)
        assert told.uncached_errors == 1
        assert told.hit_rate == 2 / 6
        assert told.last_error == "answers HTML, not JSON"
        assert told.last_ok_at is not None
        assert told.last_error_at is not None

    def test_a_turn_from_before_the_clock_was_set_back_keeps_nobody_waiting(self):
        kept, patience_s = StoredBooks(), 1.0
        kept.leave_alone(QUICK, "h", 3600)
        assert kept.turn(QUICK, "h", patience_s) > patience_s
        OutsideSource.objects.update(next_turn_at=F("next_turn_at") + timedelta(days=30))
        assert kept.turn(QUICK, "h", patience_s) == 0

    def test_a_question_is_counted_in_the_database(self, settings):
        settings.OUTSIDE_BOOKS = "hmm.outside.StoredBooks"
        with http_device({"/n": OK}) as device:
            for _ in range(10):
                ask(QUICK, url_of(device), number)
        (told,) = source_counts()
        assert (told.name, told.hits, told.misses, told.hit_rate) == ("quick", 9, 1, 0.9)

    def test_what_nobody_asks_twice_is_counted_by_itself_and_makes_no_rate(self, settings, admin_client):
        settings.OUTSIDE_BOOKS = "hmm.outside.StoredBooks"
        with http_device({"/n": OK}) as device:
            for _ in range(2):
                ask(QUICK, url_of(device), number, use_cache=False)
            StoredBooks().note("quick", "elsewhere", Outcome.ERROR, "answers HTTP 500")
            (told,) = source_counts()
            assert (told.uncached, told.misses, told.hit_rate) == (2, 0, None)
            assert "jobs only" in admin_client.get("/blocks/outside-sources").content.decode()
            for _ in range(2):
                ask(QUICK, url_of(device), number)
        (told,) = source_counts()
        assert (told.uncached, told.hits, told.misses, told.hit_rate) == (2, 1, 1, 1 / 3)

    def test_the_partial_shows_every_source_in_one_query(self, admin_client, django_assert_num_queries):
        kept = StoredBooks()
        kept.note("ckpool", "solo.ckpool.org", Outcome.ERROR, "answers HTTP 429 (Too Many Requests)")
        kept.note("coingecko", "api.coingecko.com", Outcome.HIT)
        with django_assert_num_queries(3):  # session, user, sources
            page = admin_client.get("/blocks/outside-sources").content.decode()
        assert "answers HTTP 429 (Too Many Requests)" in page
        assert "failing" in page
        assert "100 %" in page
        assert "<html" not in page
