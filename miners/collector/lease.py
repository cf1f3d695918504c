"""Leases on sites, so that no miner is polled by two collectors, and none for long by nobody.

A collector takes the sites that `allot` gives it, and renews their leases, in short transactions and by the
database's clock. Between renewals it trusts a lease only for as long as it lasts for certain by its own
clocks; docs/adr/0009-site-leases.md says what happens when the database is away.
"""

import logging
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction

from hmm.lib.units import counted
from miners.collector.allot import SiteClaim, allot
from miners.collector.fleet import read_fleet
from miners.collector.lease_rows import announce, forget_the_dead, leave, read_claims, take
from miners.collector.poll import Target

log = logging.getLogger(__name__)

LEASE_S = 40.0
"""How long a lease lasts by default; a renewal comes four times as often."""

SLACK_S = 1.0
"""For clocks that do not run alike, and devices that are let go a little late."""

LEAST_SETTLE_S = 6.0
"""After the database was away a holder comes back within the collector's pause between two attempts."""


def shortest_lease_s(timeout_s: float) -> float:
    """Return the shortest lease that outlives a poll of `timeout_s` and a renewal that comes late."""
    return 2 * timeout_s + 2 * SLACK_S


def usual_lease_s(timeout_s: float) -> float:
    """Return the length of leases where none is set: so that a dead collector's sites move within a minute."""
    return max(LEASE_S, shortest_lease_s(timeout_s))


@dataclass(frozen=True, slots=True)
class Instant:
    """A moment by two clocks: one that nobody sets, and one that goes on while the machine sleeps."""

    monotonic_s: float
    wall: datetime

    def since(self, other: "Instant") -> float:
        """Return the seconds from `other` to this one, by the clock that counted more of them."""
        return max(self.monotonic_s - other.monotonic_s, (self.wall - other.wall).total_seconds())


@dataclass(frozen=True, slots=True)
class Held:
    """What the last renewal gave: when each site's lease was last asked for, and whether nobody else was there."""

    asked: dict[int, Instant] = field(default_factory=dict)
    alone: bool = False


class SiteLeases:
    """The leases of one collector. `may_poll` may be called from any thread, the rest from one."""

    def __init__(self, name: str, *, lease_s: float, timeout_s: float, clock: Callable[[], Instant]) -> None:
        self.name = name
        self.lease_s = lease_s
        self.renew_s = lease_s / 4
        self._safe_s = lease_s - timeout_s - SLACK_S
        self._settle_s = max(LEAST_SETTLE_S, lease_s * 3 / 8)
        self._clock = clock
        self._held = Held()
        self._renewed: Instant | None = None
        self._in_touch: Instant | None = None
        self._polled: Collection[int] = ()
        self._wait: dict[int, tuple[int, Instant | None]] = {}

    def fleet(self) -> dict[int, Target]:
        """Return the miners to poll, once the leases are renewed where that is due."""
        now = self._clock()
        if self._renewed is None or now.since(self._renewed) >= self.renew_s:
            self._renew(now)
        fleet = read_fleet(self._held.asked)
        self._watch_newcomers(fleet.values(), now)
        return fleet

    def may_poll(self, target: Target) -> bool:
        """Return whether a poll of `target` that begins now ends while its site is surely this collector's."""
        held, now = self._held, self._clock()
        asked = held.asked.get(target.site_id)
        if asked is None:
            return False
        if not held.alone and now.since(asked) >= self._safe_s:
            return False
        _, since = self._wait.get(target.miner_id, (0, None))
        return since is None or now.since(since) >= self.lease_s

    def release(self) -> None:
        """Give every site back: whoever lives takes them a moment later."""
        held, self._held = self._held, Held()
        with transaction.atomic():
            leave(self.name, holds=bool(held.asked))

    def _renew(self, now: Instant) -> None:
        if self._renewed is None or now.since(self._renewed) > 2 * self.renew_s:
            self._in_touch = now
        settled = self._in_touch is not None and now.since(self._in_touch) >= self._settle_s
        with transaction.atomic():
            if self._renewed is None:
                forget_the_dead()
            others = announce(self.name, self.lease_s)
            claims = read_claims()
            wanted = [site for site, who in allot(claims, [self.name, *others]).items() if who == self.name]
            taken = take(wanted, self.name, self.lease_s, from_lapsed=settled)
        alone = not others and (settled or self._held.alone or self._first(claims))
        asked = self._still_lasting(now) | dict.fromkeys(taken, now)
        self._say_changes(asked)
        self._held, self._renewed = Held(asked, alone), now

    def _first(self, claims: Iterable[SiteClaim]) -> bool:
        """Return whether this collector has just begun, and no site was ever another's."""
        return self._renewed is None and all(claim.holder in (None, "", self.name) for claim in claims)

    def _still_lasting(self, now: Instant) -> dict[int, Instant]:
        """Return what was held and not renewed: it lasts to its end, and nobody can have taken it before."""
        return {site: at for site, at in self._held.asked.items() if now.since(at) < self._safe_s}

    def _watch_newcomers(self, fleet: Iterable[Target], now: Instant) -> None:
        """Have a miner that comes into a site which this collector already polls wait for one lease.

        Until then the collector of the site that it was moved from may take it for its own.
        """
        wait = {}
        for target in fleet:
            at_site, since = self._wait.get(target.miner_id, (None, None))
            known = at_site == target.site_id or at_site in self._held.asked
            newcomer = not known and not self._held.alone and target.site_id in self._polled
            wait[target.miner_id] = (target.site_id, now if newcomer else since if known else None)
        self._polled = set(self._held.asked)
        self._wait = wait

    def _say_changes(self, asked: Collection[int]) -> None:
        gained, lost = set(asked) - set(self._held.asked), set(self._held.asked) - set(asked)
        if gained or lost:
            sites = counted(len(asked), "site")
            log.info("%s polls %s: %d more, %d fewer", self.name, sites, len(gained), len(lost))


def instants(monotonic: Callable[[], float], now: Callable[[], datetime]) -> Callable[[], Instant]:
    """Return a clock of instants made of these two."""
    return lambda: Instant(monotonic(), now())
