"""The loop: who is due is asked, what came back is written, and the next turn comes."""

import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from math import inf
from queue import Empty, SimpleQueue

from django.db import DatabaseError, InterfaceError, OperationalError, connections
from django.utils import timezone

from hmm.health import beat
from miners.collector.fleet import read_fleet
from miners.collector.lane import Lane
from miners.collector.lease import SiteLeases
from miners.collector.poll import Outcome, Target, poll
from miners.collector.record import record
from miners.collector.schedule import turn

log = logging.getLogger(__name__)

TICK_S = 0.5
REREAD_S = 5.0
WRITE_S = 1.0
BEAT_S = 10.0
RETRY_S = 5.0
KEPT_OUTCOMES = 100_000
"""How many outcomes are kept while the database is away; then the oldest go."""

UNSTORABLE = (DatabaseError, ValueError, TypeError, OverflowError)
"""What a driver that gave a figure of the wrong kind leads to."""


@dataclass(frozen=True)
class Clock:
    """What time it is: of the day, and since some start."""

    now: Callable[[], datetime] = timezone.now
    monotonic: Callable[[], float] = time.monotonic


class Collector:
    """Polls the fleet. Devices that did not answer last time wait in a lane of their own, so that a
    farm gone dark, each device of it taking its whole time limit, delays none that answers.

    Only the thread that calls `run` or `once` uses the database. With `leases` it polls the sites that they give it.
    """

    def __init__(
        self,
        *,
        threads: int = 64,
        timeout_s: float = 5.0,
        clock: Clock | None = None,
        leases: SiteLeases | None = None,
    ) -> None:
        self.clock = clock or Clock()
        self.leases = leases
        self.timeout_s = timeout_s
        self.fleet: dict[int, Target] = {}
        self.kept: deque[Outcome] = deque(maxlen=KEPT_OUTCOMES)
        self._lane = Lane("poll", threads)
        self._dark_lane = Lane("poll-dark", threads)
        self._done: SimpleQueue[Outcome | int | None] = SimpleQueue()
        self._asked: set[int] = set()
        self._dark: set[int] = set()
        self._asked_s: dict[int, float] = {}
        self._turns: dict[int, int] = {}
        self._next: dict[str, float] = {}
        self._away_until_s: float | None = None
        self._stopping = False

    def run(self) -> None:
        """Poll until `stop` is called. What has come back by then is written; who is being asked is left."""
        while not self._stopping:
            self.tick()
        self._try(self._write)
        if self.leases:
            self._try(self.leases.release)

    def stop(self) -> None:
        """End `run` soon. May be called from a signal handler."""
        self._stopping = True
        self._done.put(None)

    def tick(self) -> None:
        """Ask who is due, wait a moment for what comes back, and write it."""
        self._each(min(REREAD_S, self.leases.renew_s) if self.leases else REREAD_S, "fleet", self._reread)
        self._ask_due()
        self._gather(TICK_S)
        if self.kept:
            self._each(WRITE_S, "write", self._write)
        self._each(BEAT_S, "beat", self._beat)

    def once(self) -> list[Outcome]:
        """Poll every miner once, write what came back, and return it."""
        self.fleet = read_fleet()
        self._ask_due()
        while self._asked:
            self._gather(TICK_S)
        outcomes = list(self.kept)
        self._write()
        self._beat()
        return sorted(outcomes, key=lambda outcome: outcome.target.name)

    def _each(self, interval_s: float, name: str, action: Callable[[], None]) -> None:
        now_s = self.clock.monotonic()
        if now_s >= self._next.get(name, 0):
            self._next[name] = now_s + interval_s
            self._try(action)

    def _reread(self) -> None:
        self.fleet = self.leases.fleet() if self.leases else read_fleet()

    def _beat(self) -> None:
        beat("collector", self.clock.now())

    def _ask_due(self) -> None:
        now_s = self.clock.now().timestamp()
        for miner_id, target in self.fleet.items():
            its_turn = turn(now_s, miner_id, target.interval_s)
            if self._turns.get(miner_id) != its_turn and miner_id not in self._asked and self._may(target):
                self._turns[miner_id] = its_turn
                self._ask(target)

    def _ask(self, target: Target) -> None:
        # The first poll, at the start, may come just before the mark of the interval: that one is left out.
        now_s = self.clock.monotonic()
        if now_s - self._asked_s.get(target.miner_id, -inf) < target.interval_s / 2:
            return
        self._asked_s[target.miner_id] = now_s
        self._asked.add(target.miner_id)
        lane = self._dark_lane if target.miner_id in self._dark else self._lane
        lane.submit(lambda: self._done.put(self._poll(target)))

    def _may(self, target: Target) -> bool:
        return self.leases is None or self.leases.may_poll(target)

    def _poll(self, target: Target) -> Outcome | int:
        # Looked at again, since it may have waited long for a thread.
        return poll(target, self.timeout_s, self.clock.now) if self._may(target) else target.miner_id

    def _gather(self, wait_s: float) -> None:
        """Take what came back, waiting at most `wait_s` for the first."""
        try:
            outcome = self._done.get(timeout=wait_s)
            while True:
                self._take(outcome)
                outcome = self._done.get_nowait()
        except Empty:
            return

    def _take(self, outcome: Outcome | int | None) -> None:
        if not isinstance(outcome, Outcome):
            self._asked.discard(outcome or 0)  # a miner that is another collector's by now
            return
        miner_id = outcome.target.miner_id
        self._asked.discard(miner_id)
        (self._dark.discard if outcome.is_reading else self._dark.add)(miner_id)
        self.kept.append(outcome)

    def _write(self) -> None:
        batch = list(self.kept)
        self._record(batch)
        for _ in batch:
            self.kept.popleft()

    def _record(self, batch: list[Outcome]) -> None:
        try:
            record(batch, self.clock.now())
        except (OperationalError, InterfaceError):
            raise
        except UNSTORABLE:
            log.exception("a batch of %d outcomes was refused; they are written one by one", len(batch))
            self._record_each(batch)

    def _record_each(self, batch: list[Outcome]) -> None:
        for outcome in batch:
            try:
                record([outcome], self.clock.now())
            except (OperationalError, InterfaceError):
                raise
            except UNSTORABLE as error:
                log.error("what %s said cannot be stored: %s", outcome.target.name, error)

    def _try(self, action: Callable[[], None]) -> None:
        """Do `action` on the database, unless it went away a moment ago; say once that it has."""
        if self._away_until_s is not None and self.clock.monotonic() < self._away_until_s:
            return
        try:
            action()
        except (OperationalError, InterfaceError) as error:
            connections.close_all()
            if self._away_until_s is None:
                log.warning("the database is away, polling goes on: %s", str(error).strip().split("\n")[0])
            self._away_until_s = self.clock.monotonic() + RETRY_S
            return
        if self._away_until_s is not None:
            log.info("the database is back; %d outcomes were kept", len(self.kept))
        self._away_until_s = None
