"""The rows of leases: asked for, given back and read, by the database's clock."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Count, Q
from django.db.models.functions import Now

from miners.collector.allot import SiteClaim
from miners.collector.fleet import POLLED
from miners.models import CollectorPresence, Miner, Site

FORGET_AFTER = timedelta(days=1)
"""A collector that nobody has seen for so long is not remembered."""

RELEASED_S = 2.0
"""How long after a clean stop a poll that was in the air may still be."""

ANNOUNCE = """
INSERT INTO miners_collectorpresence (name, since, until)
VALUES (%(name)s, now(), now() + make_interval(secs => %(lease_s)s))
ON CONFLICT (name) DO UPDATE SET until = EXCLUDED.until,
    since = CASE WHEN miners_collectorpresence.until < now() THEN now() ELSE miners_collectorpresence.since END
"""

# A row that another collector renews at this moment is waited for, and then looked at as that one left it.
TAKE = """
INSERT INTO miners_sitelease AS lease (site_id, holder, since, until)
SELECT id, %(name)s, now(), now() + make_interval(secs => %(lease_s)s)
FROM miners_site WHERE id = ANY(%(sites)s) ORDER BY id
ON CONFLICT (site_id) DO UPDATE SET holder = EXCLUDED.holder, until = EXCLUDED.until,
    since = CASE WHEN lease.holder = EXCLUDED.holder THEN lease.since ELSE EXCLUDED.since END
WHERE lease.holder = EXCLUDED.holder OR lease.until < now() AND (lease.holder = '' OR %(from_lapsed)s)
RETURNING site_id
"""

RELEASE = """
UPDATE miners_sitelease SET holder = '', until = least(until, now() + make_interval(secs => %(released_s)s))
WHERE holder = %(name)s
"""


def announce(name: str, lease_s: float) -> list[str]:
    """Say that the collector `name` lives for another `lease_s`; return the names of the others that live."""
    with connection.cursor() as cursor:
        cursor.execute(ANNOUNCE, {"name": name, "lease_s": lease_s})
    others = CollectorPresence.objects.exclude(pk=name)
    return list(others.filter(until__gt=Now()).values_list("name", flat=True))


def leave(name: str, *, holds: bool) -> None:
    """Say that the collector `name` is gone, and give back what it `holds`, in the running transaction."""
    CollectorPresence.objects.filter(pk=name).delete()
    if holds:
        with connection.cursor() as cursor:
            cursor.execute(RELEASE, {"name": name, "released_s": RELEASED_S})


def read_claims() -> list[SiteClaim]:
    """Return every site with the number of its miners that are polled, and who held it last."""
    miners = _polled_miners()
    sites = Site.objects.order_by("pk").values_list("pk", "lease__holder")
    return [SiteClaim(pk, miners.get(pk, 0), holder) for pk, holder in sites]


def _polled_miners() -> dict[int, int]:
    counted = Miner.objects.filter(POLLED).order_by().values("site_id").annotate(n=Count("pk"))
    return dict(counted.values_list("site_id", "n"))


def take(sites: Collection[int], name: str, lease_s: float, *, from_lapsed: bool) -> list[int]:
    """Take or renew the leases of `sites` for `lease_s`; return those of which `name` is the holder now.

    A lease that lasts stays with its holder. One whose holder let it lapse without a word is taken only
    with `from_lapsed`: at the return of the database its holder must have had the time to come back.
    """
    if not sites:
        return []
    params: dict[str, Any] = {
        "sites": list(sites),
        "name": name,
        "lease_s": lease_s,
        "from_lapsed": from_lapsed,
    }
    with connection.cursor() as cursor:
        cursor.execute(TAKE, params)
        return [site_id for (site_id,) in cursor.fetchall()]


@dataclass(frozen=True, slots=True)
class SiteHolder:
    """Who polls a site: `holder` is empty where nobody does, `until` None where nobody ever has."""

    site_id: int
    site: str
    miners: int
    holder: str
    until: datetime | None


def read_holders() -> list[SiteHolder]:
    """Return who polls each site now, by name. Two queries."""
    miners = _polled_miners()
    lasting = Q(lease__until__gt=Now())
    sites = Site.objects.annotate(lasts=lasting).order_by("name")
    found = sites.values_list("pk", "name", "lease__holder", "lease__until", "lasts")
    return [
        SiteHolder(pk, name, miners.get(pk, 0), (holder or "") if lasts else "", until)
        for pk, name, holder, until, lasts in found
    ]


def forget_the_dead() -> int:
    """Forget collectors that have not been seen for a day; return how many."""
    return CollectorPresence.objects.filter(until__lt=Now() - FORGET_AFTER).delete()[0]


def living_collectors() -> list[CollectorPresence]:
    """Return the collectors that live, the longest living first. One query."""
    return list(CollectorPresence.objects.filter(until__gt=Now()).order_by("since", "name"))


def unpolled_sites() -> list[str]:
    """Return the names of the sites that have miners to poll and nobody who polls them."""
    return [found.site for found in read_holders() if found.miners and not found.holder]
