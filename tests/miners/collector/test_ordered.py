"""Miners that were given an order are asked soon."""

from datetime import timedelta

import pytest

from miners.collector.collector import Collector
from miners.collector.ordered import just_ordered
from miners.models import Command, Site
from tests.factories import MinerFactory
from tests.miners.collector.conftest import NOON, HandClock, MakeDevice, add, rows_of, tick_until


def test_a_miner_that_was_given_an_order_is_asked_soon_and_judged_then(
    site: Site, device: MakeDevice, collector: Collector, hands: HandClock
) -> None:
    one = device(uptime_s=90_000)
    miner, other = add(one, site=site), add(device(), site=site)
    tick_until(collector, lambda: bool(rows_of(miner) and rows_of(other)))
    hands.forward(1)
    order = Command.objects.create(
        miner=miner, kind="pause", who="ann", why="x", asked_at=hands.at, sent_at=hands.at, status="accepted", watched=True
    )  # fmt: skip
    one.says |= {"hashrate_ghs": 0.0}
    hands.forward(6)
    tick_until(collector, lambda: len(rows_of(miner)) == 2)
    hands.forward(3)
    tick_until(collector, lambda: Command.objects.get(pk=order.pk).status == "confirmed")
    hands.forward(6)
    for _ in range(3):
        collector.tick()
    assert (len(rows_of(miner)), len(rows_of(other))) == (2, 1)


@pytest.mark.parametrize("changed", [{"status": "confirmed"}, {"sent_at": NOON - timedelta(minutes=3)}])
def test_an_order_that_is_decided_or_old_has_nobody_asked(db: None, changed: dict[str, object]) -> None:
    miner = MinerFactory()
    order = {
        "kind": "restart",
        "who": "a",
        "why": "x",
        "asked_at": NOON,
        "sent_at": NOON,
        "status": "accepted",
    }
    Command.objects.create(miner=miner, watched=True, **order | changed)
    assert just_ordered(NOON, {miner.pk}) == frozenset()
    Command.objects.create(miner=miner, watched=True, **order)
    assert just_ordered(NOON, {miner.pk}) == {miner.pk}
    assert just_ordered(NOON, set()) == frozenset()
