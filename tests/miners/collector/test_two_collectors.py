"""Two real collectors on one database, and devices that note who asks them."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import combinations
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from miners.collector.lease_rows import living_collectors, read_holders
from miners.models import Site
from tests.factories import MinerFactory, SiteFactory
from tests.miners.collector.witness import Witness
from tests.miners.simulator.harness import device_named, running
from tests.waiting import wait_for

SITES = 4
MINERS_A_SITE = 2

# A collector that says in each request which one it is.
COLLECT = """
import sys
from django.conf import settings
settings.DATABASES["default"]["NAME"] = sys.argv[1]
import hmm.lib.http
hmm.lib.http.USER_AGENT = sys.argv[2]
from django.core.management import execute_from_command_line
execute_from_command_line(["manage.py", "collect"])
"""

Start = Callable[[str], "subprocess.Popen[bytes]"]


@pytest.fixture
def witnesses(transactional_db: None) -> Iterator[list[Witness]]:
    """Simulated miners of several sites, each behind its witness."""
    count = SITES * MINERS_A_SITE
    Site.objects.all().delete()  # a fresh database has an empty one
    with ExitStack() as stack:
        devices = stack.enter_context(running(*[device_named("gamma-1")] * count))
        found = [Witness(device.port) for device in devices]
        for witness in found:
            stack.callback(witness.close)
        sites = [SiteFactory(poll_interval_s=1) for _ in range(SITES)]
        for at, witness in enumerate(found):
            MinerFactory(
                site=sites[at % SITES], host="127.0.0.1", port=witness.port, driver="axeos", model=None
            )
        yield found


@pytest.fixture
def start() -> Iterator[Start]:
    """Start collectors with leases of 6 seconds; end them all."""
    environment = os.environ | {
        "HMM_COLLECTOR_TIMEOUT_S": "2",
        "HMM_COLLECTOR_LEASE_S": "6",
        "DJANGO_SETTINGS_MODULE": "tests.settings",
    }
    with ExitStack() as stack:

        def begin(who: str) -> "subprocess.Popen[bytes]":
            command = [sys.executable, "-c", COLLECT, connection.settings_dict["NAME"], who]
            process = subprocess.Popen(command, env=environment, cwd=Path(settings.BASE_DIR))
            stack.callback(process.wait)
            stack.callback(process.kill)
            return process

        yield begin


def shares(witnesses: list[Witness]) -> list[int]:
    """Return how many devices each collector asked last."""
    last = [witness.last() for witness in witnesses]
    return sorted(last.count(who) for who in set(last))


def asked_since(witnesses: list[Witness], counts: list[int]) -> bool:
    return all(len(witness.visits) > before for witness, before in zip(witnesses, counts, strict=True))


def assert_never_both(witnesses: list[Witness]) -> None:
    """No device was asked by two at a time, nor by one, then the other, then the first again."""
    for witness in witnesses:
        assert len(witness.askers()) == len(set(witness.askers()))
        for one, other in combinations(witness.visits, 2):
            if one.who != other.who:
                assert one.end_s <= other.start_s or other.end_s <= one.start_s


@pytest.mark.process
def test_two_share_the_sites_and_the_living_takes_those_of_the_killed(
    witnesses: list[Witness], start: Start
) -> None:
    first = start("first")
    wait_for(lambda: all(witness.visits for witness in witnesses), "the first to ask every device")
    start("second")
    wait_for(lambda: shares(witnesses) == [4, 4], "the second to have its half")
    assert [found.miners for found in read_holders()] == [MINERS_A_SITE] * SITES
    assert len({found.holder for found in read_holders()}) == len(living_collectors()) == 2
    first.kill()
    first.wait()
    wait_for(
        lambda: {witness.last() for witness in witnesses} == {"second"}, "the sites of the killed one to move"
    )
    assert_never_both(witnesses)


@pytest.mark.process
def test_a_clean_stop_hands_over_and_a_killed_one_goes_on_where_it_was(
    witnesses: list[Witness], start: Start
) -> None:
    first = start("first")
    wait_for(lambda: all(witness.visits for witness in witnesses), "the first to ask every device")
    first.kill()
    first.wait()
    again = start("again")
    wait_for(lambda: {witness.last() for witness in witnesses} == {"again"}, "the next of that name")
    start("other")
    wait_for(lambda: shares(witnesses) == [4, 4], "the other to have its half")
    again.send_signal(signal.SIGTERM)
    assert again.wait(timeout=30) == 0
    assert len(living_collectors()) == 1
    wait_for(lambda: {witness.last() for witness in witnesses} == {"other"}, "the sites to move")
    assert_never_both(witnesses)
