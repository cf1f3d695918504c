"""The loop: who is due is asked, what came back is written, and the next turn comes."""

from collections.abc import Callable
from math import inf
from queue import Empty, SimpleQueue

from hmm.health import beat
from miners.collector.deliver import deliver
from miners.collector.desk import Desk, HereDesk
from miners.collector.fleet import read_fleet
from miners.collector.keeper import Clock, Flush, Keeper, publish
from miners.collector.lane import Lane
from miners.collector.lease import SiteLeases
from miners.collector.ordered import LOOK_S, SOON_S, just_ordered
from miners.collector.poll import Outcome, Target, poll
from miners.collector.schedule import turn
from miners.collector.spool import Spool
from miners.push.silence import enter_silence

TICK_S = 0.2
"""How often who is due is looked for. What comes back is taken at once, which may be a hundred times a second."""

DARK_THREADS = 4
"""So many times as many threads wait for devices that did not answer: all they do is wait."""

REREAD_S = 5.0
BEAT_S = 10.0
STATE_S = 2.0
FINISH_S = 1.0
"""How long the database may take over the last batch before that is spooled."""


class Collector:
    """Polls the fleet. Devices that did not answer last time wait in a lane of their own, so that a
    farm gone dark, each device of it taking its whole time limit, delays none that answers.

    What comes back is the keeper's, which brings it to the database or, while that is away, to the disk. With
    `leases` it polls the sites that they give it.
    """

    def __init__(
        self,
        spool: Spool,
        *,
        threads: int = 64,
        timeout_s: float = 5.0,
        flush: Flush | None = None,
        desk: Desk | None = None,
        clock: Clock | None = None,
        leases: SiteLeases | None = None,
    ) -> None:
        self.clock = clock or Clock()
        self.leases = leases
        self.timeout_s = timeout_s
        self.fleet: dict[int, Target] = {}
        self.keeper = Keeper(desk or HereDesk(), spool, self.clock, flush or Flush())
        self.keeper.on_work = lambda: self._done.put(None)
        self._lane = Lane("poll", threads)
        self._dark_lane = Lane("poll-dark", threads * DARK_THREADS)
        self._done: SimpleQueue[Outcome | int | None] = SimpleQueue()
        self._asked: set[int] = set()
        self._dark: set[int] = set()
        self._ordered: frozenset[int] = frozenset()
        self._asked_s: dict[int, float] = {}
        self._turns: dict[int, int] = {}
        self._next: dict[str, float] = {}
        self._stopping = False

    def run(self) -> None:
        """Poll until `stop` is called. What has come back by then is kept; who is being asked is left."""
        while not self._stopping:
            self.tick()
        self.keeper.finish(FINISH_S)
        self._release()
        self._publish()

    def stop(self) -> None:
        """End `run` soon. May be called from a signal handler."""
        self._stopping = True
        self._done.put(None)

    def tick(self) -> None:
        """Ask who is due, wait a moment for what comes back, and write what is to be written."""
        self.keeper.settle()
        self._each(min(REREAD_S, self.leases.renew_s) if self.leases else REREAD_S, "fleet", self._reread)
        self._each(BEAT_S, "beat", self._beat)
        self._each(LOOK_S, "orders", self._look_for_orders)
        self._each(TICK_S, "ask", self._ask_due)
        self._gather(TICK_S)
        self.keeper.step()
        self._each(STATE_S, "state", self._publish)

    def once(self) -> list[Outcome]:
        """Poll every miner once, write what came back, and return it.

        Raises OperationalError or InterfaceError when the database is away.
        """
        self.fleet = read_fleet()
        self._ask_due()
        while self._asked:
            self._gather(TICK_S)
        outcomes, self.keeper.buffer = self.keeper.buffer, []
        deliver(outcomes, self.clock.now())
        beat("collector", self.clock.now())
        return sorted(outcomes, key=lambda outcome: outcome.target.name)

    def _each(self, interval_s: float, name: str, action: Callable[[], bool]) -> None:
        """Do `action` when it is due; one that says False was not done, and is due again at once."""
        now_s = self.clock.monotonic()
        if now_s >= self._next.get(name, 0) and action():
            self._next[name] = now_s + interval_s

    def _reread(self) -> bool:
        return self.keeper.do(self.leases.fleet if self.leases else read_fleet, self._take_fleet)

    def _take_fleet(self, fleet: dict[int, Target]) -> None:
        self.fleet = fleet

    def _look_for_orders(self) -> bool:
        return self.keeper.do(lambda: just_ordered(self.clock.now(), self.fleet), self._take_ordered)

    def _take_ordered(self, miner_ids: frozenset[int]) -> None:
        self._ordered = miner_ids

    def _beat(self) -> bool:
        return self.keeper.do(self._sign_of_life, lambda _: None)

    def _sign_of_life(self) -> None:
        now = self.clock.now()
        beat("collector", now)
        enter_silence(now)

    def _release(self) -> None:
        if self.leases and self.keeper.do(self.leases.release, lambda _: None):
            self.keeper.wait(FINISH_S)

    def _publish(self) -> bool:
        publish(self.keeper.spool.directory, self.keeper.state())
        return True

    def _ask_due(self) -> bool:
        now_s = self.clock.now().timestamp()
        for miner_id, target in self.fleet.items():
            its_turn = turn(now_s, miner_id, target.interval_s)
            if self._turns.get(miner_id) != its_turn and miner_id not in self._asked and self._may(target):
                self._turns[miner_id] = its_turn
                # The first poll, at the start, may come just before the mark of the interval: that one is left out.
                self._ask(target, target.interval_s / 2)
        for miner_id in self._ordered & self.fleet.keys() - self._asked:
            if self._may(self.fleet[miner_id]):
                self._ask(self.fleet[miner_id], SOON_S)
        return True

    def _ask(self, target: Target, least_s: float) -> None:
        """Ask `target`, unless it was asked less than `least_s` seconds ago."""
        now_s = self.clock.monotonic()
        if now_s - self._asked_s.get(target.miner_id, -inf) < least_s:
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
        self.keeper.take(outcome)
