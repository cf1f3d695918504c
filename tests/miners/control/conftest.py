"""Simulated devices as miners, at a time that the test sets, and orders to them."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from miners.collector.poll import Outcome, Target, poll
from miners.collector.record import record
from miners.control.ask import ask_command
from miners.control.send import send_command
from miners.control.watch import judge_watched
from miners.drivers.orders import Kind
from miners.models import Command, Miner
from tests.factories import MinerFactory
from tests.miners.simulator.harness import Running, device_named, running

WARM_S = 1800.0


@dataclass
class Ordered:
    """A simulated device and the miner that it is."""

    running: Running
    miner: Miner

    def now(self) -> datetime:
        """What time it is, for the device and for HMM."""
        return datetime.fromtimestamp(self.running.clock.now(), UTC)

    def passes(self, seconds: float) -> None:
        self.running.clock.time += seconds

    def ask(self, kind: Kind, **arguments: Any) -> Command:
        return ask_command(self.miner, kind, arguments, who="ann", why="a test", now=self.now())

    def order(self, kind: Kind, secrets: dict[str, str] | None = None, **arguments: Any) -> Command:
        """Ask for an order and send it."""
        return send_command(self.ask(kind, **arguments).pk, secrets=secrets, now=self.now)

    def is_read(self) -> Outcome:
        """Poll it and store what it says, as the collector does."""
        miner = Miner.objects.get(pk=self.miner.pk)
        target = Target(miner.pk, miner.name, miner.host, miner.port, miner.driver, miner.identity, 30)
        outcome = poll(target, 10.0, self.now)
        record([outcome], self.now())
        return outcome

    def is_judged(self, command: Command) -> Command:
        """Do the job of a minute; return how the order is then."""
        judge_watched(self.now())
        return Command.objects.get(pk=command.pk)


@pytest.fixture
def simulated(db: None) -> Iterator[Callable[[str], Ordered]]:
    """A device of the simulated fleet by its name, warm, with its miner."""
    with ExitStack() as stack:

        def start(name: str) -> Ordered:
            (device,) = stack.enter_context(running(device_named(name)))
            device.clock.time += WARM_S
            miner = MinerFactory(name=name, host="127.0.0.1", port=device.port, model=None)
            return Ordered(device, miner)

        yield start
