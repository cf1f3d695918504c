"""Asking a service: from the cache while that is fresh, else outside; an older answer stands in for an error."""

import hashlib
import json
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from math import inf
from typing import Any, Generic, TypeVar
from weakref import WeakValueDictionary

from django.conf import settings
from django.core.cache import cache

from hmm.door.books import Outcome, books
from hmm.door.source import Source, host_of, is_loopback
from hmm.lib.ages import age_words
from hmm.lib.http import BadAnswer, HttpError, NoAnswer, Reply, get

T = TypeVar("T")
Read = Callable[[Reply], T]
"""Makes the value of a reply. Raises BadAnswer where the reply is not what was asked for."""

FIRST_PAUSE_S = 0.25
LEAVE_ALONE_S = {429: 60.0, 503: 0.0}
"""How long to leave a service alone that says so and does not say how long."""

LONGEST_LEAVE_ALONE_S = 3600.0
FAIR_S = 1.0
"""A service that had less time than this is not to blame for its silence."""

JUST_ASKED_S = 10.0
"""So young an answer is taken by whoever asks to store it, too: several pools of one house share their address."""

CACHE_PREFIX = "door:1:"
_last_moment: ContextVar[float] = ContextVar("last_moment", default=inf)
_asks_again_in_s: ContextVar[float | None] = ContextVar("asks_again_in_s", default=None)
"""When who asks to store it asks again; None for who looks."""


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """What a service said, `age_s` seconds ago, in `took_s` seconds.

    `cause` is why it could not be asked again where this answer stands in, else None.
    """

    value: T
    age_s: float
    took_s: float
    cause: HttpError | None = None

    @property
    def is_stale(self) -> bool:
        """Whether it stands in for an answer that could not be had."""
        return self.cause is not None

    @property
    def error(self) -> str:
        """Why it stands in, empty where it does not."""
        return self.cause.reason if self.cause else ""


@dataclass(frozen=True, slots=True)
class _Kept:
    """An answer in the cache; `at` is seconds since 1970."""

    body: bytes
    content_type: str
    at: float
    took_s: float

    @property
    def age_s(self) -> float:
        return max(0.0, time.time() - self.at)

    def read(self, read: Read[T], cause: HttpError | None = None) -> Answer[T]:
        return Answer(read(Reply(self.body, self.content_type)), self.age_s, self.took_s, cause)


@dataclass(frozen=True, slots=True)
class _Failure:
    """A failure in the cache; `at` is seconds since 1970."""

    reason: str
    is_answered: bool
    status: int | None
    at: float

    @property
    def age_s(self) -> float:
        return max(0.0, time.time() - self.at)

    def told_again(self) -> HttpError:
        kind = BadAnswer if self.is_answered else NoAnswer
        return kind(f"{self.reason} (asked {age_words(timedelta(seconds=self.age_s))} ago)", self.status)


@dataclass(frozen=True, slots=True)
class _Question:
    source: Source
    url: str
    params: Mapping[str, str]
    headers: Mapping[str, str]

    @property
    def host(self) -> str:
        return host_of(self.url)

    @property
    def key(self) -> str:
        asked = json.dumps(
            [self.source.name, self.url, sorted(self.params.items()), sorted(self.headers.items())]
        )
        return CACHE_PREFIX + hashlib.sha256(asked.encode()).hexdigest()[:40]

    @property
    def failure_key(self) -> str:
        return f"{self.key}:failed"


def ask(
    source: Source,
    url: str,
    read: Read[T],
    *,
    params: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    within_s: float | None = None,
    use_cache: bool = True,
) -> Answer[T]:
    """Return what the service at `url` says, read by `read`.

    An answer younger than the source's `fresh_s` is given again. Otherwise the service is asked, in its turn and
    again after a failure that may pass, all within `within_s` seconds; whoever finds another thread at the same question
    waits for its answer, no longer than that. What `read` refuses is never kept. Where
    nothing can be had, an answer up to `stands_in_s` old stands in, with the error; else HttpError is raised. A failure
    is told again, with its age, to whoever asks within `failure_kept_s`; who asks to store it asks anew.
    Without `use_cache` it is asked whatever the cache has, and the answer is not kept: for what nobody asks twice.
    """
    question = _Question(source, url, params or {}, headers or {})
    if not (use_cache and settings.OUTSIDE_CACHE):
        counted = Outcome.MISS if use_cache else Outcome.UNCACHED
        return _asked(question, read, within_s, counted).read(read)
    with _one_at_a_time(question.key, _deadline(source, within_s)) as is_our_turn:
        return _kept_or_asked(question, read, within_s, is_our_turn)


@contextmanager
def no_longer_than(seconds: float) -> Iterator[None]:
    """Within, all questions of this thread together take at most so long: somebody waits for a page."""
    token = _last_moment.set(min(_last_moment.get(), time.monotonic() + seconds))
    try:
        yield
    finally:
        _last_moment.reset(token)


@contextmanager
def to_store(again_in_s: float = 0.0) -> Iterator[None]:
    """Within, this thread asks for what is stored, and again in so many seconds: no question to measure the cache by.

    An answer of the cache that will not be fresh until then is not taken, so that those who look find a fresh one meanwhile.
    """
    token = _asks_again_in_s.set(again_in_s)
    try:
        yield
    finally:
        _asks_again_in_s.reset(token)


def forget_answers(source: Source, url: str, params: Mapping[str, str] | None = None) -> None:
    """Drop what the cache has of this question."""
    question = _Question(source, url, params or {}, {})
    cache.delete_many([question.key, question.failure_key])


def _kept_or_asked(
    question: _Question, read: Read[T], within_s: float | None, is_our_turn: bool
) -> Answer[T]:
    """Return the fresh answer of the cache, else ask; what stands in where that fails, or has just failed.

    Where it is not our turn, another thread is asking still.
    """
    source = question.source
    kept: _Kept | None = cache.get(question.key)
    if kept is not None and kept.age_s < _young_enough_s(source):
        if not _is_to_store():
            books().note(source.name, question.host, Outcome.HIT)
        return kept.read(read)
    if failure := _failed_just_now(question):
        books().note(source.name, question.host, Outcome.UNASKED)
        return _standing_in(question, kept, read, failure)
    if not is_our_turn:
        still = NotOurTurn("not asked: another question for the same has not been answered yet")
        failed = Outcome.UNCACHED_ERROR if _is_to_store() else Outcome.UNASKED
        books().note(source.name, question.host, failed)
        return _standing_in(question, kept, read, still)
    counted = Outcome.UNCACHED if _is_to_store() else Outcome.MISS
    try:
        kept_now = _asked(question, read, within_s, counted)
    except HttpError as error:
        return _standing_in(question, kept, read, error)
    cache.set(question.key, kept_now, source.fresh_s + source.stands_in_s)
    return kept_now.read(read)


def _is_to_store() -> bool:
    return _asks_again_in_s.get() is not None


def _young_enough_s(source: Source) -> float:
    """Return the age up to which an answer is given again to who asks now."""
    return max(source.fresh_s - (_asks_again_in_s.get() or 0.0), min(source.fresh_s, JUST_ASKED_S))


def _failed_just_now(question: _Question) -> HttpError | None:
    """Return the failure that who looks is told again, None where the service is to be asked."""
    if _is_to_store():
        return None
    failure: _Failure | None = cache.get(question.failure_key)
    return failure.told_again() if failure and failure.age_s < question.source.failure_kept_s else None


def _remember(question: _Question, error: HttpError) -> None:
    """Keep a failure that says something of the service."""
    if isinstance(error, NotOurTurn | _Hurried):
        return
    if settings.OUTSIDE_CACHE and question.source.failure_kept_s:
        failure = _Failure(error.reason, isinstance(error, BadAnswer), error.status, time.time())
        cache.set(question.failure_key, failure, question.source.failure_kept_s)


def _standing_in(question: _Question, kept: _Kept | None, read: Read[T], error: HttpError) -> Answer[T]:
    if kept is None or kept.age_s > question.source.stands_in_s:
        raise error
    books().note(question.source.name, question.host, Outcome.STALE)
    return kept.read(read, error)


def _asked(
    question: _Question, read: Read[T], within_s: float | None, counted: Outcome = Outcome.MISS
) -> _Kept:
    """Ask outside, and count how it went: an answer as `counted`, a MISS or UNCACHED. A failure is remembered."""
    source, host = question.source, question.host
    try:
        kept = _tried(question, _deadline(source, within_s))
        read(Reply(kept.body, kept.content_type))
    except HttpError as error:
        failed = Outcome.ERROR if counted is Outcome.MISS else Outcome.UNCACHED_ERROR
        books().note(source.name, host, failed, error.reason)
        _leave_alone(question, error)
        _remember(question, error)
        raise
    books().note(source.name, host, counted)
    return kept


def _deadline(source: Source, within_s: float | None) -> float:
    """Return until when, by the monotonic clock, who asks now waits for an answer."""
    return min(time.monotonic() + (within_s or source.timeout_s * source.tries), _last_moment.get())


def _tried(question: _Question, deadline: float) -> _Kept:
    """Try until it works, until trying again cannot help, or until the time is over."""
    failure: HttpError | None = None
    for attempt in range(question.source.tries):
        try:
            return _once(question, deadline)
        except NotOurTurn as error:
            raise failure or error from None
        except HttpError as error:
            failure = failure if failure and isinstance(error, _Hurried) else error
        # "Full jitter": many that failed together do not come again together.
        pause_s = random.uniform(0, FIRST_PAUSE_S * 2**attempt)
        if not _may_pass(failure) or time.monotonic() + pause_s >= deadline:
            break
        time.sleep(pause_s)
    assert failure is not None, "a source is tried at least once"
    raise failure


def _once(question: _Question, deadline: float) -> _Kept:
    source = question.source
    patience_s = max(0.0, deadline - time.monotonic())
    wait_s = books().turn(source, question.host, patience_s)
    if wait_s > patience_s:
        raise NotOurTurn(f"not asked: its limit leaves {wait_s:.0f} s to wait", retry_after_s=wait_s)
    time.sleep(wait_s)
    began = time.monotonic()
    given_s = min(source.timeout_s, deadline - began)
    try:
        reply = get(
            question.url,
            params=dict(question.params),
            headers=dict(question.headers),
            timeout_s=max(0.05, given_s),
            max_bytes=source.max_bytes,
            use_proxies=not is_loopback(question.url),
        )
    except NoAnswer as error:
        if given_s < min(FAIR_S, source.timeout_s):
            raise _Hurried(error.reason) from error
        raise
    return _Kept(reply.body, reply.content_type, time.time(), time.monotonic() - began)


class _Hurried(NoAnswer):
    """Nobody answered, who had too little time for that to tell anything."""


class NotOurTurn(HttpError):
    """The service was not asked, to keep within the rate that it allows or because it asked to be left alone."""


def _may_pass(error: HttpError) -> bool:
    """Return whether asking again in a moment can help: nobody answered, or the server had trouble of its own."""
    if error.retry_after_s is not None:
        return False
    return isinstance(error, NoAnswer) or (error.status or 0) >= 500


def _leave_alone(question: _Question, error: HttpError) -> None:
    if error.status not in LEAVE_ALONE_S:
        return
    wait_s = LEAVE_ALONE_S[error.status] if error.retry_after_s is None else error.retry_after_s
    if wait_s:
        books().leave_alone(question.source, question.host, min(wait_s, LONGEST_LEAVE_ALONE_S))


_locks: WeakValueDictionary[str, threading.Lock] = WeakValueDictionary()
_locks_lock = threading.Lock()


class _one_at_a_time:
    """Of threads that have the same question, one asks and the others find its answer in the cache.

    Entered, it says whether it is this thread's turn: `deadline`, by the monotonic clock, is until when it waits for that.
    """

    def __init__(self, key: str, deadline: float) -> None:
        self._deadline = deadline
        with _locks_lock:
            self._lock = _locks.setdefault(key, threading.Lock())

    def __enter__(self) -> bool:
        self._is_ours = self._lock.acquire(timeout=max(0.0, self._deadline - time.monotonic()))
        return self._is_ours

    def __exit__(self, *exc_info: Any) -> None:
        if self._is_ours:
            self._lock.release()
