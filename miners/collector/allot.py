"""Which collector should poll which site. Pure: every collector comes to the same answer by itself."""

from bisect import bisect_right, insort
from collections.abc import Collection, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SiteClaim:
    """A site, how many of its miners are polled, and the collector that had it last, if any."""

    site_id: int
    miners: int
    holder: str | None


@dataclass(slots=True)
class _Share:
    """What one collector is to poll: (weight, site id) in order, and the sum of the weights."""

    name: str
    sites: list[tuple[int, int]]
    load: int = 0

    def add(self, site: tuple[int, int]) -> None:
        insort(self.sites, site)
        self.load += site[0]

    def take_lighter_than(self, gap: int) -> tuple[int, int] | None:
        """Remove and return the site whose move closes most of `gap`; None when each would open another as wide."""
        above = bisect_right(self.sites, (gap // 2, -1))
        near = [at for at in (above, above - 1) if 0 <= at < len(self.sites) and self.sites[at][0] < gap]
        if not near:
            return None
        site = self.sites.pop(min(near, key=lambda at: (abs(gap - 2 * self.sites[at][0]), at)))
        self.load -= site[0]
        return site


def allot(claims: Sequence[SiteClaim], living: Collection[str]) -> dict[int, str]:
    """Return who of `living` should poll each site: evenly by miners, and with as few moves as that allows.

    A site stays with its holder while that one lives. What nobody living holds goes to whoever has least, the
    heaviest first; then sites move from who has most to who has least while each move brings them closer.
    """
    shares = {name: _Share(name, []) for name in sorted(living)}
    if not shares:
        return {}
    free = []
    for claim in claims:
        site = (max(1, claim.miners), claim.site_id)
        if claim.holder in shares:
            shares[claim.holder].add(site)
        else:
            free.append(site)
    for site in sorted(free, key=lambda site: (-site[0], site[1])):
        _least(shares).add(site)
    _level(shares)
    return {site_id: share.name for share in shares.values() for _, site_id in share.sites}


def _level(shares: dict[str, _Share]) -> None:
    while True:
        most, least = _most(shares), _least(shares)
        site = most.take_lighter_than(most.load - least.load)
        if site is None:
            return
        least.add(site)


def _most(shares: dict[str, _Share]) -> _Share:
    return max(shares.values(), key=lambda share: share.load)


def _least(shares: dict[str, _Share]) -> _Share:
    return min(shares.values(), key=lambda share: share.load)
