"""Which miner belongs where, and which site pays what, since when: changes that reach into the past.

Each change is one transaction, together with the ranges of figures it makes anew.
"""

from collections.abc import Iterable
from datetime import date, datetime

from django.db import IntegrityError, transaction

from energy.models import Tariff
from hmm.dirty import mark_miners_dirty
from hmm.installation import installation
from hmm.lib.locks import lock
from hmm.lib.times import local_midnight
from miners.models import Miner, MinerModel, MinerSite, Site, SiteTariff
from miners.models.site import SINCE_EVER
from miners.telemetry.read import telemetry_spans

ADDING = "adding a miner"
"""A lock: whoever adds one sees what somebody else is adding at the same moment."""


class MembershipRefused(ValueError):
    """A change of membership that makes no sense, and why."""


def site_numbered(site_id: int) -> Site:
    """Return the site with this id. Raises MembershipRefused, naming the sites there are."""
    site = Site.objects.filter(pk=site_id).first()
    if site is None:
        sites = Site.objects.order_by("pk").values_list("pk", "name")
        known = ", ".join(f"{pk} ({name})" for pk, name in sites)
        raise MembershipRefused(f"no site has the id {site_id}; there are: {known}")
    return site


def add_miner(
    name: str,
    host: str,
    port: int | None = None,
    driver: str = "",
    *,
    site: Site,
    model: MinerModel | None = None,
    identity: str = "",
    since: date = SINCE_EVER,
) -> Miner:
    """Add a miner that belongs to `site` from the local day `since` on.

    An empty `host` is never polled; an empty `driver` is found out at the first poll.
    Raises MembershipRefused when the name, the address or the device is taken.
    """
    miner = Miner(name=name, host=host, port=port, driver=driver, site=site, model=model, identity=identity)
    with transaction.atomic():
        lock(ADDING)
        if reason := _taken(miner):
            raise MembershipRefused(reason)
        try:
            return place_miner(miner, since)
        except IntegrityError as error:
            # An import, or the admin, had made one of that name and not yet committed.
            if reason := _taken(miner):
                raise MembershipRefused(reason) from error
            raise


def _taken(miner: Miner) -> str:
    """Return what keeps this new miner from being added, "" where nothing does."""
    if Miner.objects.filter(name=miner.name).exists():
        return f"a miner is called {miner.name} already; choose another name"
    here = Miner.objects.filter(retired_at=None)
    if miner.host and (there := here.filter(host=miner.host, port=miner.port).first()):
        return f"{there.name} has that address already"
    if miner.identity and (same := here.filter(identity=miner.identity).first()):
        return f"that device, {miner.identity}, is here already: it is {same.name}"
    return ""


def place_miner(miner: Miner, since: date = SINCE_EVER) -> Miner:
    """Save a new miner, which belongs to its site from the local day `since` on."""
    with transaction.atomic():
        miner.save()
        MinerSite.objects.filter(miner=miner).update(start_date=since)
    return miner


def add_miners(names: Iterable[str], site: Site) -> list[Miner]:
    """Add miners without an address, at `site` since ever. None of the names may be taken."""
    return place_miners(Miner(name=name, site=site) for name in names)


def place_miners(miners: Iterable[Miner]) -> list[Miner]:
    """Save new miners, each of which belongs to its site since ever. None of their names may be taken."""
    with transaction.atomic():
        placed = Miner.objects.bulk_create(miners)
        MinerSite.objects.bulk_create(MinerSite(miner=miner, site=miner.site) for miner in placed)
    return placed


def move_miner(miner: Miner, site: Site, start_date: date, *, today: date) -> None:
    """Have `miner` belong to `site` from the local day `start_date` on, until its next move.

    Its figures since then count there. Raises MembershipRefused for a day that has not come.
    """
    if start_date > today:
        raise MembershipRefused(f"{miner.name} cannot be moved ahead of time: {start_date} has not come")
    with transaction.atomic():
        MinerSite.objects.update_or_create(miner=miner, start_date=start_date, defaults={"site": site})
        newest = MinerSite.objects.filter(miner=miner).order_by("-start_date")
        next_move = newest.filter(start_date__gt=start_date).last()
        miner.site = newest[0].site
        miner.save(update_fields=["site"])
        _mark_dirty([miner.pk], start_date, next_move.start_date if next_move else None)


def set_site_tariff(site: Site, tariff: Tariff, start_date: date) -> None:
    """Have `site` on `tariff` from the local day `start_date` on, until its next tariff."""
    with transaction.atomic():
        SiteTariff.objects.update_or_create(site=site, start_date=start_date, defaults={"tariff": tariff})
        _mark_site_dirty(site, start_date)


def remove_site_tariff(entry: SiteTariff) -> None:
    """Undo that a site changed to a tariff: the one before it goes on."""
    with transaction.atomic():
        entry.delete()
        _mark_site_dirty(entry.site, entry.start_date)


def retire_miner(miner: Miner, now: datetime) -> None:
    """Have `miner` never polled again. Its history, and what is made of it, stays."""
    miner.retired_at = now
    miner.enabled = False
    miner.save(update_fields=["retired_at", "enabled"])


def _mark_site_dirty(site: Site, start_date: date) -> None:
    after = SiteTariff.objects.filter(site=site, start_date__gt=start_date).order_by("start_date").first()
    miner_ids = MinerSite.objects.filter(site=site).values_list("miner_id", flat=True).distinct()
    _mark_dirty(miner_ids, start_date, after.start_date if after else None)


def _mark_dirty(miner_ids: Iterable[int], start_date: date, end_date: date | None) -> None:
    # Only where there is telemetry: a change since ever does not send the engine through the years before.
    zone = installation().zone
    start = local_midnight(start_date, zone)
    end = local_midnight(end_date, zone) if end_date else None
    for miner_id, (first, last) in telemetry_spans(miner_ids).items():
        mark_miners_dirty([miner_id], max(start, first), min(end, last) if end else last)
