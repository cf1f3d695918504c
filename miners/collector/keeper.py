"""Keeps what came back until it is stored: in memory for a moment, on disk while the database is away."""

import logging
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import connections
from django.utils import timezone

from hmm.spool_state import SpoolState, write_state
from miners.collector.deliver import AWAY, deliver, deliver_damaged
from miners.collector.desk import Desk
from miners.collector.poll import Outcome
from miners.collector.spool import Spool, Spooled, SpoolFull

log = logging.getLogger(__name__)

REPLAYED_AT_ONCE = 1000
RETRY_S = 5.0
PATIENCE_S = 5.0
"""How long the database may take over a batch before that is spooled as well."""

ALARM_EVERY_S = 60.0


@dataclass(frozen=True)
class Clock:
    """What time it is: of the day, and since some start."""

    now: Callable[[], datetime] = timezone.now
    monotonic: Callable[[], float] = time.monotonic


@dataclass(frozen=True)
class Flush:
    """When what is buffered is written: after so many seconds, or so many outcomes, whichever is first."""

    seconds: float = 5.0
    outcomes: int = 100


Handler = Callable[[Any], None]


class Keeper:
    """Takes outcomes and sees that they reach the database, in order, once or more than once.

    All work on the database is done at the `desk`, so that nothing here ever waits for it. While the database is
    away, or has not taken a batch for PATIENCE_S seconds, what is due goes to the spool; as long as there
    is something in the spool, what follows goes there too. The batch in hand when that begins goes there as well.
    """

    def __init__(self, desk: Desk, spool: Spool, clock: Clock, flush: Flush) -> None:
        self.buffer: list[Outcome] = []
        self.spool = spool
        self.on_work: Callable[[], None] = lambda: None
        self._desk = desk
        self._clock = clock
        self._flush = flush
        self._buffered_s = 0.0
        self._in_hand: Sequence[Outcome] = ()
        self._handler: Handler | None = None
        self._began_s = 0.0
        self._away: str = ""
        self._retry_s = 0.0
        self._since: datetime | None = (spool.oldest or clock.now()) if spool else None
        self._full_since: datetime | None = None
        self._lost = 0
        self._alarm_s = 0.0

    @property
    def is_idle(self) -> bool:
        """Return whether nothing is under way at the desk."""
        return self._handler is None

    @property
    def has_all_stored(self) -> bool:
        """Return whether nothing is left to store."""
        return not (self.buffer or self.spool or self._in_hand)

    def take(self, outcome: Outcome) -> None:
        """Keep `outcome`."""
        if not self.buffer:
            self._buffered_s = self._clock.monotonic()
        self.buffer.append(outcome)

    def do(self, work: Callable[[], Any], handler: Handler) -> bool:
        """Have `work` done on the database and its result given to `handler`; False where now is not the time."""
        if not self.is_idle or self._clock.monotonic() < self._retry_s:
            return False
        self._start(work, handler)
        return True

    def step(self) -> None:
        """See what has been stored, write what is due, and begin with what the spool holds. Never waits."""
        self.settle()
        if self._is_due():
            self._write()
        if self.spool and self.is_idle and self._clock.monotonic() >= self._retry_s:
            self._replay()

    def finish(self, patience_s: float) -> None:
        """Store what is buffered; what the database does not take within `patience_s` seconds is spooled."""
        deadline_s = time.monotonic() + patience_s
        self.wait(patience_s)
        if self.buffer:
            self._write()
        self.wait(deadline_s - time.monotonic())
        self._put_in_spool([*self._in_hand, *self.buffer])
        self._in_hand, self.buffer = (), []
        self.spool.close()

    def wait(self, patience_s: float) -> None:
        """Wait for what is under way at the desk, for at most `patience_s` seconds."""
        deadline_s = time.monotonic() + patience_s
        while not self.is_idle and time.monotonic() < deadline_s:
            time.sleep(0.01)
            self.settle()

    def state(self) -> SpoolState:
        """Return how things are, for who asks."""
        return SpoolState(
            at=self._clock.now(),
            pid=os.getpid(),
            since=self._since,
            readings=self.spool.readings,
            size_bytes=self.spool.size,
            max_bytes=self.spool.max_bytes,
            oldest=self.spool.oldest,
            full_since=self._full_since,
            lost=self._lost,
            reason=self._away,
        )

    def _is_due(self) -> bool:
        waited_s = self._clock.monotonic() - self._buffered_s
        return bool(self.buffer) and (
            len(self.buffer) >= self._flush.outcomes or waited_s >= self._flush.seconds
        )

    def _write(self) -> None:
        if not (self._away or self.spool):
            if self.is_idle:
                self._write_directly()
                return
            if self._clock.monotonic() - self._began_s < PATIENCE_S:
                return
            self._went_away(f"no answer for {PATIENCE_S:g} s")
        self._put_in_spool(self.buffer)
        self.buffer = []

    def _write_directly(self) -> None:
        batch, self.buffer = self.buffer, []
        self._in_hand = batch
        self._start(lambda: deliver(batch, self._clock.now()), self._written)

    def _written(self, _result: Any) -> None:
        self._in_hand = ()

    def _replay(self) -> None:
        found = self.spool.read(REPLAYED_AT_ONCE)
        if found.lines:
            self._start(lambda: _deliver_again(found, self._clock.now()), lambda _: self._replayed(found))
        else:
            self._replayed(found)

    def _replayed(self, found: Spooled) -> None:
        self.spool.forget(found)
        self._full_since = None
        if not self.spool and not self._away and self._since is not None:
            log.info("the spool is empty: all of it is stored")
            self._since = None

    def _start(self, work: Callable[[], Any], handler: Handler) -> None:
        self._handler = handler
        self._began_s = self._clock.monotonic()
        self._desk.start(lambda: _on_a_good_connection(work), self.on_work)
        self.settle()

    def settle(self) -> None:
        """See how the work ended that was under way, if it has."""
        if (done := self._desk.take()) is None:
            return
        handler, self._handler = self._handler, None
        if done.error is None:
            self._came_back()
        elif isinstance(done.error, AWAY):
            self._went_away(_first_line(done.error))
            self._retry_s = self._clock.monotonic() + RETRY_S
            return
        else:
            raise done.error
        if handler is not None:
            handler(done.result)

    def _went_away(self, reason: str) -> None:
        if not self._away:
            log.warning("the database is away, polling goes on, readings are spooled: %s", reason)
            self._since = self._since or self._clock.now()
        self._away = reason
        batch, self._in_hand = self._in_hand, ()
        self._put_in_spool(batch)

    def _came_back(self) -> None:
        if self._away:
            log.info("the database is back; %d readings were spooled", self.spool.readings)
            self._away = ""
            self._since = self._since if self.spool else None

    def _put_in_spool(self, outcomes: Sequence[Outcome]) -> None:
        try:
            self.spool.append(outcomes)
        except SpoolFull as error:
            self._lost += len(outcomes)
            self._full_since = self._full_since or self._clock.now()
            if self._clock.monotonic() >= self._alarm_s:
                self._alarm_s = self._clock.monotonic() + ALARM_EVERY_S
                log.critical("the spool is full, readings are being lost (%d so far): %s", self._lost, error)


def publish(directory: Path, state: SpoolState) -> None:
    """Write `state` where others look for it; a disk that takes nothing more must not end the polling."""
    try:
        write_state(directory, state)
    except OSError as error:
        log.error("cannot say how the spool is: %s", error)


def _on_a_good_connection(work: Callable[[], Any]) -> Any:
    try:
        return work()
    except AWAY:
        connections.close_all()  # of this thread: the next attempt begins with a new one
        raise


def _deliver_again(found: Spooled, now: datetime) -> None:
    deliver_damaged(found.damaged)
    deliver(found.outcomes, now)


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).split("\n")[0]
